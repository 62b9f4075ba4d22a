"""Points as other plugins may see and move them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class Balance:
    """One wallet of one member, in whole points.

    Attributes:
        available: can be spent now.
        pending: earned, not yet spendable.
        held: set aside by authorised redemptions.
        debt: owed after a return of points already spent.
    """

    wallet: str
    available: int
    pending: int = 0
    held: int = 0
    debt: int = 0


class Points(Protocol):
    """Reads balances."""

    def balances(
        self, session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> Mapping[uuid.UUID, Balance]:
        """The main wallet of each subject that has one."""
