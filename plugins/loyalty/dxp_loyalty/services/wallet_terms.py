"""What holds for the points of a wallet, unless a rule says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WalletTerms:
    """Rounding and waiting time of a wallet's points; when they end is for its expiry policy.

    Attributes:
        rounding: of what a rule's rate gives: `down`, `nearest` or `up`.
        pending_days: until points can be spent, so that a return comes first.
    """

    key: str
    rounding: str = "down"
    pending_days: int = 0
