"""Redemptions that change hands with the points that paid for them.

Lifted first, so that all points of the giver are free to be moved; then the points move; then they
are put down in the taker's account, upon points that are there now.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, dialect_insert
from dxp_loyalty.models import (
    Account,
    CouponCode,
    Entry,
    Hold,
    HoldLot,
    Lot,
    RewardCounter,
    RewardVersion,
)
from dxp_loyalty.services.accounts import free, free_lots, take
from dxp_loyalty.services.entries import MOVED, Cause
from dxp_loyalty.services.ledger import Ledger
from dxp_loyalty.services.redemptions import Redemptions
from dxp_loyalty.services.reversals import Reversals

Origin = uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class Paid:
    """A captured redemption whose points went back to where they came from.

    Attributes:
        entry: that paid for it; None for a gift.
        returned: points of it that had been given back to the member before.
    """

    hold: Hold
    entry: Entry | None
    returned: int


@dataclass(kw_only=True)
class Lifted:
    """Redemptions on their way from one account to another, the oldest first."""

    open: list[Hold] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)


class HandingOver:
    """Moves redemptions between two locked accounts, and settles what that leaves."""

    def __init__(
        self,
        platform: Platform,
        ledger: Ledger,
        reversals: Reversals,
        redemptions: Redemptions,
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._reversals = reversals
        self._redemptions = redemptions

    def lift_open(self, session: Session, giver: Account) -> Lifted:
        """All open redemptions of an account; for a merge, after which captured ones stay."""
        return Lifted(open=self._lift_holds(session, giver, origins=None))

    def lift_theirs(
        self, session: Session, giver: Account, origins: Collection[uuid.UUID], *, actor: Actor
    ) -> Lifted:
        """Those that were made under these ids, open and captured; for undoing a merge."""
        lifted = Lifted(open=self._lift_holds(session, giver, origins=origins))
        captured = session.scalars(
            select(Hold)
            .where(
                Hold.account_id == giver.id,
                Hold.state == "captured",
                Hold.origin_id.in_(origins),
            )
            .order_by(Hold.created_at, Hold.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        for hold in captured:
            lifted.paid.append(self._lift_paid(session, giver, hold, actor=actor))
        session.flush()
        return lifted

    def put_down(
        self,
        session: Session,
        giver: Account,
        taker: Account,
        lifted: Lifted,
        *,
        origin: Callable[[Origin], Origin],
        actor: Actor,
    ) -> None:
        """Let the taker have what was lifted. Captured ones are paid for again, if need be by a
        debt; an open one that the taker's points or the reward's limit do not cover is voided.

        Args:
            origin: that of a redemption in the taker's account, by the one it had.
        """
        for paid in lifted.paid:
            self._pay(session, giver, taker, paid, origin(paid.hold.origin_id), actor=actor)
        left = [
            hold
            for hold in lifted.open
            if not self._hold_again(session, giver, taker, hold, origin(hold.origin_id))
        ]
        # Rewards come in the order of their ids, as for whoever else releases holds.
        for hold in sorted(left, key=lambda hold: (hold.reward_id, hold.id)):
            self._redemptions.forgo(session, giver, hold)
        session.flush()
        for account in (giver, taker):
            lots = free_lots(session, account.id)
            self._ledger.expire_overdue(session, account, actor=actor, lots=lots)
            self._ledger.repay_from_free(session, account, lots)
        session.flush()

    def make_room(self, session: Session, account: Account, points: int, *, actor: Actor) -> None:
        """Void the latest open redemptions of a locked account until `points` of it are free."""
        missing = points - free(free_lots(session, account.id))
        if missing <= 0:
            return
        holds = session.scalars(
            select(Hold)
            .where(Hold.account_id == account.id, Hold.state == "open", Hold.amount > 0)
            .order_by(Hold.created_at.desc(), Hold.id.desc())
        ).all()
        gone: list[Hold] = []
        for hold in holds:
            if missing > 0:
                gone.append(hold)
                missing -= hold.amount
        self._redemptions.release_all(session, {account.id: account}, gone, actor=actor)
        session.flush()

    def _lift_holds(
        self, session: Session, giver: Account, *, origins: Collection[uuid.UUID] | None
    ) -> list[Hold]:
        query = select(Hold.id).where(Hold.account_id == giver.id, Hold.state == "open")
        if origins is not None:
            query = query.where(Hold.origin_id.in_(origins))
        holds = []
        for hold_id in session.scalars(query.order_by(Hold.created_at, Hold.id)).all():
            hold = self._redemptions.holds.relock(session, hold_id)
            self._redemptions.holds.set_free(session, giver, hold)
            holds.append(hold)
        session.flush()
        return holds

    def _lift_paid(self, session: Session, giver: Account, hold: Hold, *, actor: Actor) -> Paid:
        if hold.entry_seq is None:
            return Paid(hold=hold, entry=None, returned=0)
        entry = session.get_one(Entry, (giver.id, hold.entry_seq))
        returned = self._reversals.given_back(session, entry)
        left = -entry.amount - returned
        if left:
            cause = Cause(source=f"{MOVED}{hold.id}", actor=actor)
            self._reversals.hand_back(session, giver, entry, left, cause=cause)
        return Paid(hold=hold, entry=entry, returned=returned)

    def _pay(
        self,
        session: Session,
        giver: Account,
        taker: Account,
        paid: Paid,
        origin_id: Origin,
        *,
        actor: Actor,
    ) -> None:
        hold = paid.hold
        seq = None
        if paid.entry is not None:
            entry = self._ledger.append(
                session,
                taker,
                -hold.amount,
                kind="spend",
                contra="spent",
                cause=Cause(
                    source=f"{MOVED}{hold.id}",
                    actor=actor,
                    effective_at=paid.entry.effective_at,
                    origin_id=origin_id,
                ),
            )
            assert entry is not None, "a redemption comes to an account once"
            lots = [lot for lot in free_lots(session, taker.id) if _was_there(lot, hold)]
            self._ledger.draw(session, taker, entry, take(lots, hold.amount))
            self._ledger.announce(session, taker, entry)
            session.flush()
            if paid.returned:
                cause = Cause(source=f"{MOVED}{hold.id}", actor=actor)
                self._reversals.hand_back(session, taker, entry, paid.returned, cause=cause)
            seq = entry.seq
        self._count_elsewhere(session, giver, taker, hold)
        session.execute(
            update(CouponCode)
            .where(CouponCode.redemption_id == hold.id)
            .values(subject_id=taker.subject_id)
        )
        hold.account_id, hold.entry_seq, hold.origin_id = taker.id, seq, origin_id
        session.flush()

    def _hold_again(
        self, session: Session, giver: Account, taker: Account, hold: Hold, origin_id: Origin
    ) -> bool:
        now = self._platform.clock.now()
        lots = [
            lot
            for lot in free_lots(session, taker.id)
            if _was_there(lot, hold) and lot.available_at <= now
        ]
        if free(lots) < hold.amount or taker.debt or self._over_limit(session, taker, hold):
            return False
        session.execute(delete(HoldLot).where(HoldLot.hold_id == hold.id))
        for lot, share in take(lots, hold.amount):
            lot.held += share
            session.add(HoldLot(hold_id=hold.id, lot_id=lot.id, amount=share))
        taker.held += hold.amount
        self._count_elsewhere(session, giver, taker, hold)
        hold.account_id, hold.origin_id = taker.id, origin_id
        session.flush()
        return True

    @staticmethod
    def _over_limit(session: Session, taker: Account, hold: Hold) -> bool:
        """Whether the taker has as many pieces of the reward as one member may have."""
        limit = session.get_one(RewardVersion, hold.reward_version_id).per_member
        used = session.scalar(_counter(select(RewardCounter.used), taker.id, hold))
        return limit is not None and (used or 0) >= limit

    @staticmethod
    def _count_elsewhere(session: Session, giver: Account, taker: Account, hold: Hold) -> None:
        session.execute(
            _counter(update(RewardCounter), giver.id, hold).values(used=RewardCounter.used - 1)
        )
        session.execute(
            dialect_insert(session, RewardCounter)
            .values(
                reward_id=hold.reward_id,
                account_id=taker.id,
                window_key=hold.window_key,
                used=0,
            )
            .on_conflict_do_nothing()
        )
        session.execute(
            _counter(update(RewardCounter), taker.id, hold).values(used=RewardCounter.used + 1)
        )


def _counter(statement: Any, account_id: uuid.UUID, hold: Hold) -> Any:
    """A statement about the counter of a redemption's reward and window, for an account."""
    return statement.where(
        RewardCounter.reward_id == hold.reward_id,
        RewardCounter.account_id == account_id,
        RewardCounter.window_key == hold.window_key,
    )


def _was_there(lot: Lot, hold: Hold) -> bool:
    """Whether a lot had not expired when the redemption was made: set aside, it never did."""
    return lot.expires_at is None or lot.expires_at > hold.created_at
