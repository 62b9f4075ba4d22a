"""What members collected towards their tiers, day by day: counted as it happens, and anew."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from dxp.api import Subject, dialect_insert
from dxp_loyalty.models import (
    Account,
    Entry,
    Order,
    OrderReturn,
    TierCounter,
    TierPlan,
    TierStanding,
)
from dxp_loyalty.services.months import local_day
from dxp_loyalty.services.return_shares import bought_of, share_of_order
from dxp_loyalty.services.tier_plans import MONEY_UNIT, TierPlans
from dxp_loyalty.settings import LoyaltySettings

Collected = tuple[uuid.UUID, datetime, int]
"""Whose, when, and how much; below zero when something is taken back from that moment."""


class TierCounting:
    """The only writer of the counters."""

    def __init__(self, settings: LoyaltySettings, plans: TierPlans) -> None:
        self._settings = settings
        self._plans = plans

    def by_orders(self, session: Session) -> bool:
        """Whether tiers are counted by orders or what they cost; then whoever hears of an order
        has its member counted anew."""
        steps = self._plans.ladder(session)
        return steps is not None and steps.plan.basis != "points"

    def points(self, session: Session, collected: Iterable[Collected]) -> None:
        """Points were issued, or taken back from the moment at which they were issued."""
        steps = self._plans.ladder(session)
        if steps is not None and steps.plan.basis == "points":
            self._add(session, collected)

    def _add(self, session: Session, collected: Iterable[Collected]) -> None:
        sums: dict[tuple[uuid.UUID, date], int] = defaultdict(int)
        rows = list(collected)
        roots = _roots(session, {subject_id for subject_id, _at, amount in rows if amount < 0})
        for whose, moment, amount in rows:
            subject_id = roots.get(whose, whose)
            sums[subject_id, local_day(moment, self._settings.timezone)] += amount
        if not sums:
            return
        statement = dialect_insert(session, TierCounter)
        statement = statement.on_conflict_do_update(
            index_elements=["subject_id", "day"],
            set_={"amount": TierCounter.amount + statement.excluded.amount},
        )
        # In the order of the key, so that two callers never wait for each other.
        session.connection().execute(
            statement,
            [
                {"subject_id": subject_id, "day": day, "amount": amount}
                for (subject_id, day), amount in sorted(sums.items())
            ],
        )

    def by_day(
        self, session: Session, subject_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, dict[date, int]]:
        """The counters of members, in one query."""
        found: dict[uuid.UUID, dict[date, int]] = {subject_id: {} for subject_id in subject_ids}
        for subject_id, day, amount in session.execute(
            select(TierCounter.subject_id, TierCounter.day, TierCounter.amount).where(
                TierCounter.subject_id.in_(subject_ids)
            )
        ):
            found[subject_id][day] = amount
        return found

    def recount(self, session: Session, subject_ids: Sequence[uuid.UUID]) -> None:
        """Write the counters of members anew from what happened."""
        steps = self._plans.ladder(session)
        if steps is None or not subject_ids:
            return
        merged = select(Subject.id).where(Subject.merged_into_id.in_(subject_ids))
        session.execute(
            delete(TierCounter).where(
                TierCounter.subject_id.in_(subject_ids) | TierCounter.subject_id.in_(merged)
            )
        )
        rows = [
            {"subject_id": subject_id, "day": day, "amount": amount}
            for subject_id, days in self.counted(session, steps.plan, subject_ids).items()
            for day, amount in days.items()
        ]
        if rows:
            session.connection().execute(dialect_insert(session, TierCounter), rows)

    def counted(
        self, session: Session, plan: TierPlan, subject_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, dict[date, int]]:
        """What the counters must say, from the ledger and the orders themselves."""
        sums: dict[uuid.UUID, dict[date, int]] = {one: defaultdict(int) for one in subject_ids}
        if plan.basis == "points":
            found = _issued(session, list(subject_ids))
        else:
            found = _bought(session, plan, list(subject_ids))
        for subject_id, moment, amount in found:
            if subject_id in sums:
                sums[subject_id][local_day(moment, self._settings.timezone)] += amount
        return {
            subject_id: {day: amount for day, amount in days.items() if amount}
            for subject_id, days in sums.items()
        }

    def faults(self, session: Session) -> Iterator[tuple[uuid.UUID, str]]:
        """Members whose counters are not what a recount gives, with the difference."""
        steps = self._plans.ladder(session)
        if steps is None:
            return
        for ids in members_with_accounts(session):
            kept = self.by_day(session, ids)
            right = self.counted(session, steps.plan, ids)
            for subject_id in ids:
                held = {day: amount for day, amount in kept[subject_id].items() if amount}
                if held != right[subject_id]:
                    yield (
                        subject_id,
                        f"counted {_text(held)}, a recount gives {_text(right[subject_id])}",
                    )


def members_with_accounts(session: Session, *, limit: int = 500) -> Iterator[list[uuid.UUID]]:
    """Members who have points, orders or a tier, in the order of their ids, some at a time."""
    after: uuid.UUID | None = None
    while True:
        known = [
            exists().where(table.subject_id == Subject.id)
            for table in (Account, Order, TierStanding)
        ]
        query = (
            select(Subject.id)
            .where(Subject.merged_into_id.is_(None), Subject.erased_at.is_(None), or_(*known))
            .order_by(Subject.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(Subject.id > after)
        ids = list(session.scalars(query))
        if not ids:
            return
        yield ids
        after = ids[-1]


def _roots(session: Session, subject_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Whom merged members were merged into: what they return is taken from there."""
    if not subject_ids:
        return {}
    rows = session.execute(
        select(Subject.id, Subject.merged_into_id).where(
            Subject.id.in_(subject_ids), Subject.merged_into_id.is_not(None)
        )
    )
    return {merged: root for merged, root in rows if root is not None}


def _issued(session: Session, subjects: Sequence[uuid.UUID]) -> Iterator[Collected]:
    """Points issued to members and taken back again, each at the moment they were issued.

    Those of merged members are with whom they were merged into; what was earned in somebody
    else's account before a merge was undone is with whose it is.
    """
    owner, origin, original = aliased(Subject), aliased(Subject), aliased(Entry)
    of_owner = func.coalesce(owner.merged_into_id, owner.id)
    of_origin = func.coalesce(origin.merged_into_id, origin.id)
    whose = func.coalesce(of_origin, of_owner)
    moment = func.coalesce(original.effective_at, Entry.effective_at)
    rows = session.execute(
        select(whose, moment, Entry.amount)
        .join(Account, Account.id == Entry.account_id)
        .join(owner, owner.id == Account.subject_id)
        .outerjoin(origin, origin.id == Entry.origin_id)
        .outerjoin(
            original,
            (original.account_id == Entry.account_id) & (original.seq == Entry.reverses),
        )
        .where(
            Entry.contra == "issued",
            or_(
                owner.id.in_(subjects),
                owner.merged_into_id.in_(subjects),
                origin.id.in_(subjects),
                origin.merged_into_id.in_(subjects),
            ),
        )
    )
    for subject_id, at, amount in rows:
        yield subject_id, at, int(amount)


def _bought(session: Session, plan: TierPlan, subjects: Sequence[uuid.UUID]) -> Iterator[Collected]:
    """Orders of members, or what was spent on them, less what came back."""
    root = func.coalesce(Subject.merged_into_id, Subject.id)
    rows = session.execute(
        select(root, Order)
        .join(Subject, Subject.id == Order.subject_id)
        .where(or_(Subject.id.in_(subjects), Subject.merged_into_id.in_(subjects)))
    ).all()
    back: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    for order_id, lines in session.execute(
        select(OrderReturn.order_id, OrderReturn.lines)
        .join(Order, Order.id == OrderReturn.order_id)
        .join(Subject, Subject.id == Order.subject_id)
        .where(or_(Subject.id.in_(subjects), Subject.merged_into_id.in_(subjects)))
    ):
        back[order_id].update({ref: int(pieces) for ref, pieces in lines.items()})
    for subject_id, order in rows:
        share = share_of_order(bought_of(order), back[order.id]) if order.id in back else 0
        if plan.basis == "orders":
            amount = 0 if share == 1 else 1
        elif order.currency == plan.currency:
            amount = money(order.total) - int(money(order.total) * share)
        else:
            amount = 0
        yield subject_id, order.placed_at, amount


def money(text: Any) -> int:
    """An amount of money in the units of the counters, rounded down; 0 for what is none."""
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        return 0
    return int(amount * MONEY_UNIT) if amount.is_finite() else 0


def _text(days: Mapping[date, int]) -> str:
    return ", ".join(f"{amount} on {day}" for day, amount in sorted(days.items())) or "nothing"
