"""Points that members give each other."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Unprocessable, format_number, gettext, uuid7
from dxp_loyalty.models import Account, Entry
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import free, free_lots, open_accounts, spendable, take
from dxp_loyalty.services.amounts import check_points
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.ledger import Ledger, Part
from dxp_loyalty.settings import LoyaltySettings

SOURCE = "transfer:"
"""Begins the source of the entries, which tells them from those of a merge."""
DAY = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Points went from one member to another: two entries under one `id`."""

    id: uuid.UUID
    giver_id: uuid.UUID
    taker_id: uuid.UUID
    points: int


class Transfers:
    """Moves points between members; lots keep their ends on the way."""

    def __init__(self, platform: Platform, settings: LoyaltySettings, ledger: Ledger) -> None:
        self._platform = platform
        self._settings = settings
        self._ledger = ledger

    def transfer(
        self,
        session: Session,
        giver_id: uuid.UUID,
        taker_id: uuid.UUID,
        points: int,
        *,
        note: str = "",
        actor: Actor,
    ) -> Transfer:
        """Take points that one member can spend, and give them to another, who repays a debt
        with them first.

        Raises:
            NotFound: there is no such member (`unknown_subject`).
            Unprocessable: `invalid_points`; both are one member (`same_member`); transfers are
                off (`not_active`), or it is more than a member may give at once or in a day
                (`limit_reached`); there are too few (`insufficient_points`).
        """
        check_points(points)
        self._check_limit(points, self._settings.transfer_limit)
        accounts = open_accounts(
            session, self._platform, [giver_id, taker_id], wallet=self._settings.wallet
        )
        giver, taker = accounts[giver_id], accounts[taker_id]
        if giver.id == taker.id:
            raise Unprocessable(
                gettext("Both are one member, so nothing would move; name two different ones"),
                code="same_member",
            )
        self._check_limit(
            self._given_lately(session, giver) + points, self._settings.transfer_daily_limit
        )
        lots = spendable(free_lots(session, giver.id), self._platform.clock.now())
        available = free(lots)
        if available < points:
            raise refusals.insufficient_points(available=available, needed=points)
        taken = take(lots, points)
        transfer_id = uuid7()
        cause = Cause(source=f"{SOURCE}{transfer_id}", actor=actor, tx_id=transfer_id, note=note)
        parts = [Part.of(lot, share) for lot, share in taken]
        for account in sorted((giver, taker), key=lambda side: side.id):
            gives = account.id == giver.id
            entry = self._ledger.append(
                session,
                account,
                -points if gives else points,
                kind="transfer",
                contra="transfer",
                cause=cause,
            )
            assert entry is not None, "its source is new"
            if gives:
                self._ledger.draw(session, account, entry, taken)
            else:
                self._ledger.credit(session, account, entry, lots=parts)
            self._ledger.announce(session, account, entry)
        session.flush()
        return Transfer(
            id=transfer_id, giver_id=giver.subject_id, taker_id=taker.subject_id, points=points
        )

    def _given_lately(self, session: Session, giver: Account) -> int:
        given = select(func.coalesce(func.sum(-Entry.amount), 0)).where(
            Entry.account_id == giver.id,
            Entry.kind == "transfer",
            Entry.amount < 0,
            Entry.source.startswith(SOURCE),
            Entry.recorded_at > self._platform.clock.now() - DAY,
        )
        return int(session.scalar(given) or 0)

    @staticmethod
    def _check_limit(points: int, limit: int) -> None:
        if limit == 0:
            raise refusals.not_active(
                gettext("Members cannot give each other points, because the programme has it off")
            )
        if points > limit:
            raise Unprocessable(
                gettext(
                    "A member may give %(limit)s points at once, or within a day, and this would "
                    "be %(points)s; give fewer, or wait until tomorrow",
                    limit=format_number(limit),
                    points=format_number(points),
                ),
                code="limit_reached",
            )
