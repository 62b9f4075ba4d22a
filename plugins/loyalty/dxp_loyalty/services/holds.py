"""Setting points aside: the part of a redemption that knows accounts and lots only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, gettext, uuid7
from dxp_loyalty.models import Account, Entry, Hold, HoldLot, Lot
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import free, free_lots, lock_accounts, spendable, take
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.ledger import Ledger


class Holds:
    """Opens, captures and voids holds. Locks the account first, the hold second."""

    def __init__(self, platform: Platform, ledger: Ledger) -> None:
        self._platform = platform
        self._ledger = ledger

    def open(
        self,
        session: Session,
        account: Account,
        points: int,
        *,
        reward_id: uuid.UUID,
        reward_version_id: uuid.UUID,
        window_key: str,
        lifetime: timedelta,
        cart_ref: str | None = None,
        grant_id: uuid.UUID | None = None,
        origin_id: uuid.UUID | None = None,
    ) -> Hold:
        """Set `points` of a locked account aside; none for a gift, which `grant_id` pays.

        Args:
            origin_id: under whose id it is asked for, when a merge led on from there.

        Raises:
            Unprocessable: there are too few (`insufficient_points`).
        """
        now = self._platform.clock.now()
        taken: list[tuple[Lot, int]] = []
        if points:
            lots = spendable(free_lots(session, account.id), now)
            available = free(lots)
            if available < points:
                raise refusals.insufficient_points(available=available, needed=points)
            taken = take(lots, points)
        hold = Hold(
            id=uuid7(),
            account_id=account.id,
            reward_id=reward_id,
            reward_version_id=reward_version_id,
            amount=points,
            state="open",
            window_key=window_key,
            cart_ref=cart_ref,
            grant_id=grant_id,
            origin_id=origin_id,
            created_at=now,
            expires_at=now + lifetime,
        )
        session.add(hold)
        session.flush()
        if taken:
            rows = [{"hold_id": hold.id, "lot_id": lot.id, "amount": share} for lot, share in taken]
            session.execute(insert(HoldLot), rows)
        for lot, share in taken:
            lot.held += share
        account.held += points
        return hold

    def lock(self, session: Session, hold_id: uuid.UUID) -> tuple[Account, Hold]:
        """A hold and its account, both locked, in the order that everybody keeps.

        Raises:
            NotFound: there is no such hold (`unknown_redemption`).
        """
        account_id = session.scalar(select(Hold.account_id).where(Hold.id == hold_id))
        if account_id is None:
            raise refusals.unknown(gettext("redemption"), code="unknown_redemption")
        account = lock_accounts(session, [account_id])[account_id]
        hold = self.relock(session, hold_id)
        if hold.account_id != account_id:
            # A merge, or its undoing, moved it while this waited for the account.
            return self.lock(session, hold_id)
        return account, hold

    @staticmethod
    def relock(session: Session, hold_id: uuid.UUID) -> Hold:
        """A hold as it is now, locked; its account must be locked already."""
        return session.scalars(
            select(Hold)
            .where(Hold.id == hold_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()

    def capture(
        self, session: Session, account: Account, hold: Hold, *, actor: Actor
    ) -> Entry | None:
        """Take the points that a locked hold set aside. None for a gift: it moves no points.

        Raises:
            Conflict: it is not open, or its time has run out (`hold_not_open`).
        """
        now = self._platform.clock.now()
        self._check_open(hold)
        if hold.expires_at <= now:
            raise refusals.hold_not_open(
                gettext(
                    "The redemption was not captured in time, so its points go back to the "
                    "member; authorise it anew"
                )
            )
        entry: Entry | None = None
        if hold.amount:
            # Set free before they are spent: a flush in between then breaks no constraint.
            parts = self._parts(session, hold)
            for lot, share in parts:
                lot.held -= share
            account.held -= hold.amount
            entry = self._ledger.append(
                session,
                account,
                -hold.amount,
                kind="spend",
                contra="spent",
                cause=Cause(source=f"hold:{hold.id}", actor=actor, origin_id=hold.origin_id),
            )
            assert entry is not None, "an open hold was never captured"
            self._ledger.draw(session, account, entry, parts)
            hold.entry_seq = entry.seq
        self._settle(hold, "captured", now)
        if entry is not None:
            self._ledger.announce(session, account, entry)
        return entry

    def void(self, session: Session, account: Account, hold: Hold, *, actor: Actor) -> None:
        """Give the points of a locked hold back. Those that are overdue expire at once, and a
        debt takes its share.

        Raises:
            Conflict: it is not open (`hold_not_open`).
        """
        self._check_open(hold)
        self.set_free(session, account, hold)
        self._settle(hold, "voided", self._platform.clock.now())
        session.flush()
        lots = free_lots(session, account.id)
        self._ledger.expire_overdue(session, account, actor=actor, lots=lots)
        self._ledger.repay_from_free(session, account, lots)

    def set_free(self, session: Session, account: Account, hold: Hold) -> None:
        """Let go of what an open hold set aside; the hold itself is the caller's to settle."""
        for lot, share in self._parts(session, hold):
            lot.held -= share
        account.held -= hold.amount

    def forgo(self, hold: Hold) -> None:
        """Void a locked hold that was set free."""
        self._settle(hold, "voided", self._platform.clock.now())

    @staticmethod
    def _parts(session: Session, hold: Hold) -> list[tuple[Lot, int]]:
        rows = session.execute(
            select(Lot, HoldLot.amount)
            .join(HoldLot, HoldLot.lot_id == Lot.id)
            .where(HoldLot.hold_id == hold.id)
            .order_by(Lot.id)
            .execution_options(populate_existing=True)
        )
        return [(lot, amount) for lot, amount in rows]

    @staticmethod
    def _check_open(hold: Hold) -> None:
        if hold.state == "captured":
            raise refusals.hold_not_open(
                gettext(
                    "The redemption is no longer open, because it was captured already; "
                    "authorise a new one if another piece is wanted"
                )
            )
        if hold.state != "open":
            raise refusals.hold_not_open(
                gettext(
                    "The redemption is no longer open, because its points went back to the "
                    "member; authorise a new one if it is still wanted"
                )
            )

    @staticmethod
    def _settle(hold: Hold, state: str, now: datetime) -> None:
        hold.state = state
        hold.settled_at = now


def overdue_holds(session: Session, now: datetime, *, limit: int) -> Sequence[Hold]:
    """Open holds whose time has run out, oldest first, without a lock."""
    return session.scalars(
        select(Hold)
        .where(Hold.state == "open", Hold.expires_at <= now)
        .order_by(Hold.expires_at)
        .limit(limit)
    ).all()
