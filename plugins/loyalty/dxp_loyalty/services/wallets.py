"""The wallets of the programme: what their points are called, and what holds for them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, gettext, plain
from dxp_loyalty.models import WalletDefinition
from dxp_loyalty.services import refusals
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.services.terms import forget_terms


@dataclass(frozen=True, kw_only=True)
class WalletDraft:
    """What staff say of a wallet: fields of `WalletDefinition`."""

    key: str
    texts: Mapping[str, Mapping[str, Any]]
    rounding: str = "down"
    pending_days: int = 0
    active: bool = True


class Wallets:
    """The only writer of the wallets' definitions."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def listed(self, session: Session) -> Sequence[WalletDefinition]:
        """All that were defined, by key."""
        return session.scalars(select(WalletDefinition).order_by(WalletDefinition.key)).all()

    def get(self, session: Session, wallet_id: uuid.UUID) -> WalletDefinition:
        """A wallet's definition.

        Raises:
            NotFound: there is no such wallet (`unknown_wallet`).
        """
        found = session.get(WalletDefinition, wallet_id)
        if found is None:
            raise refusals.unknown(gettext("wallet"), code="unknown_wallet")
        return found

    def create(self, session: Session, draft: WalletDraft, *, actor: Actor) -> WalletDefinition:
        """Define a wallet; members have it from now on.

        Raises:
            Conflict: another one has the key (`wallet_key_taken`).
        """
        wallet = WalletDefinition(**asdict(draft), created_at=self._platform.clock.now())
        taken = refusals.key_taken(draft.key, code="wallet_key_taken")
        add_definition(session, wallet, taken=taken)
        forget_terms(session)
        self._audit(session, actor, "created", wallet, before=None, after=asdict(draft))
        return wallet

    def edit(
        self,
        session: Session,
        wallet_id: uuid.UUID,
        draft: WalletDraft,
        *,
        expected_version: int,
        actor: Actor,
    ) -> WalletDefinition:
        """Change what holds from now on; points that were earned keep their terms.

        Raises:
            NotFound: there is no such wallet.
            PreconditionFailed: it is no longer at `expected_version` (`wallet_changed`).
        """
        wallet = lock_definition(
            session,
            WalletDefinition,
            wallet_id,
            unknown=refusals.unknown(gettext("wallet"), code="unknown_wallet"),
        )
        if wallet.version != expected_version:
            raise refusals.changed(
                actual=wallet.version, expected=expected_version, code="wallet_changed"
            )
        fields = asdict(draft)
        del fields["key"]
        before = {name: getattr(wallet, name) for name in fields}
        for name, value in fields.items():
            setattr(wallet, name, value)
        wallet.version += 1
        session.flush()
        forget_terms(session)
        self._audit(session, actor, "edited", wallet, before=before, after=fields)
        return wallet

    def _audit(
        self,
        session: Session,
        actor: Actor,
        verb: str,
        wallet: WalletDefinition,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.wallet.{verb}",
            object_type="loyalty.wallet",
            object_id=str(wallet.id),
            before=None if before is None else _plain(before),
            after=_plain(after),
        )


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in fields.items()}
