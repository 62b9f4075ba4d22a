"""Points that staff or another system add and take by hand."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, uuid7
from dxp_loyalty.models import Entry
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.ledger import Ledger
from dxp_loyalty.settings import LoyaltySettings


class Adjustments:
    """Writes adjustments with their reason, into the ledger and the audit log."""

    def __init__(self, platform: Platform, settings: LoyaltySettings, ledger: Ledger) -> None:
        self._platform = platform
        self._settings = settings
        self._ledger = ledger

    def adjust(
        self,
        session: Session,
        subject_id: uuid.UUID,
        points: int,
        *,
        reason_code: str,
        note: str,
        actor: Actor,
        once: str | None = None,
    ) -> Entry | None:
        """Add (above zero) or take (below zero) points.

        Args:
            note: for colleagues; it is kept beside the ledger, so that it can be erased.
            once: names this one intent, so that a form that is sent twice counts once.

        Returns:
            The entry, or None when `once` has come before.

        Raises:
            NotFound: there is no such member (`unknown_subject`).
            Unprocessable: it is no amount (`invalid_points`), or more would be taken than can
                be spent (`insufficient_points`).
        """
        account = open_account(session, self._platform, subject_id, wallet=self._settings.wallet)
        cause = Cause(
            source=f"adjustment:{once or uuid7()}",
            actor=actor,
            note=note,
            inputs={"reason_code": reason_code},
            origin_id=None if account.subject_id == subject_id else subject_id,
        )
        entry = self._ledger.adjust(session, account, points, cause=cause)
        if entry is None:
            return None
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.points.adjusted",
            object_type="loyalty.account",
            object_id=str(account.id),
            subject_id=account.subject_id,
            before={"balance": entry.balance_after - points},
            after={
                "balance": entry.balance_after,
                "points": points,
                "reason_code": reason_code,
            },
        )
        return entry
