"""Replaying past events with another rule, to see what it would cost and whom it would please.

The events of the last days are read in the order in which they happened, a batch at a time, and
counted twice: by the rules as they were, and with the draft in the place of its rule as if it had
always been in force. Nothing is written. What is kept in memory is a pair of sums for each member
and what they had of caps, so it is bounded by `MAX_EVENTS`.

A result is plain data: `before` and `after` with `points` and `entries`, `winners`, `losers` and
`unchanged` members, `by_day` as [day, before, after], `by_rule` and `by_wallet` as
{key: [before, after]}, `limited` by caps and budgets, and `budgets` by campaign with `at_start`,
`before`, `after` and the day on which the draft would have `exhausted` it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from dxp.api import EventRecord, EventRow, Platform, record_of
from dxp_loyalty.models import Campaign, Earning, Entry, Order
from dxp_loyalty.services.awarding import Awarding, Case, purchase_from
from dxp_loyalty.services.calculation import (
    CampaignTerms,
    Earned,
    Programme,
    RuleInForce,
    Usage,
    calculate,
)
from dxp_loyalty.services.earning import RuleHistory
from dxp_loyalty.services.purchases import ORDER_PLACED
from dxp_loyalty.services.rule_language import EARNING_EVENTS

MAX_EVENTS = 500_000
"""More are refused: a shorter period then says as much."""
BATCH = 1_000


@dataclass(kw_only=True)
class _Side:
    """One of the two counts.

    Attributes:
        budgets: what campaigns have left; shared by the usages of all members.
    """

    budgets: dict[str, int]
    points: int = 0
    entries: int = 0
    by_rule: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_wallet: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_day: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    limited: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    exhausted: dict[str, str] = field(default_factory=dict)
    usages: dict[uuid.UUID, Usage] = field(default_factory=dict)

    def usage(self, member: uuid.UUID) -> Usage:
        found = self.usages.get(member)
        if found is None:
            found = Usage(budgets=self.budgets)
        return found

    def count(self, member: uuid.UUID, earned: Sequence[Earned], day: str) -> int:
        """Add what one event gave; the points."""
        if not earned:
            return 0
        usage = self.usage(member)
        for item in earned:
            usage.add(item)
            self.by_rule[item.rule.key] += item.points
            self.by_wallet[item.wallet] += item.points
            if item.limited_by is not None:
                self.limited[item.limited_by] += 1
            if item.campaign:
                self.spent[item.campaign] += item.points
                if self.budgets.get(item.campaign) == 0:
                    self.exhausted.setdefault(item.campaign, day)
        if usage.points:
            # Only who had something of a cap must be remembered.
            self.usages[member] = usage
        points = sum(item.points for item in earned)
        self.points += points
        self.entries += len(earned)
        self.by_day[day] += points
        return points


@dataclass(frozen=True, kw_only=True)
class Period:
    """From `since` to before `until`."""

    since: datetime
    until: datetime


def events_in(session: Session, period: Period) -> int:
    """How many events a replay would look at."""
    counted = select(func.count()).select_from(EventRow).where(*_of_period(period))
    return session.scalar(counted) or 0


class Replay:
    """One comparison; it reads through the session that it is given and writes nothing."""

    def __init__(
        self,
        platform: Platform,
        awarding: Awarding,
        programme: Programme,
        histories: Sequence[RuleHistory],
        draft: RuleInForce,
    ) -> None:
        self._platform = platform
        self._awarding = awarding
        self._programme = programme
        self._open = _opened(programme, draft)
        self._histories = histories
        self._draft = replace(
            draft, since=datetime.min.replace(tzinfo=draft.since.tzinfo), until=None, active=True
        )

    def run(
        self, session: Session, period: Period, *, progress: Callable[[int], None] | None = None
    ) -> dict[str, Any]:
        """The result as plain data.

        Args:
            progress: told how many events are done, after each batch.
        """
        now = self._platform.clock.now()
        budgets = _budgets_at(session, period.since)
        before, after = _Side(budgets=dict(budgets)), _Side(budgets=dict(budgets))
        sums: dict[uuid.UUID, list[int]] = {}
        done = orders = 0
        for records in _batches(session, period):
            done += len(records)
            told = _counted(session, records)
            cases = [self._case(record, now) for record in told]
            facts = self._awarding.member_facts(session, [now_ for _then, now_ in cases])
            for as_was, drafted in cases:
                member = as_was.subject_id
                orders += as_was.record.type == ORDER_PLACED
                day = as_was.purchase.at.astimezone(self._programme.zone).date().isoformat()
                pair = sums.setdefault(member, [0, 0])
                for place, side, case, programme in (
                    (0, before, as_was, self._programme),
                    (1, after, drafted, self._open),
                ):
                    earned = calculate(
                        case.purchase, case.rules, facts[member], side.usage(member), programme
                    )
                    pair[place] += side.count(member, earned, day)
            if progress is not None:
                progress(done)
        return _result(before, after, sums, budgets, events=done, orders=orders)

    def _case(self, record: EventRecord, now: datetime) -> tuple[Case, Case]:
        """The event with the rules as they were, and with the draft."""
        assert record.subject_id is not None
        found = [(h, h.at(record.occurred_at, now)) for h in self._histories]
        rules = [rule for _history, rule in found if rule is not None]
        others = [rule for rule in rules if rule.rule_id != self._draft.rule_id]
        as_was = Case(
            record=record,
            subject_id=record.subject_id,
            purchase=purchase_from(record),
            rules=rules,
        )
        return as_was, replace(as_was, rules=[*others, self._draft])


def _opened(programme: Programme, draft: RuleInForce) -> Programme:
    """The programme with the draft's campaign under way at any time: it is to be tried."""
    key = draft.definition.campaign
    if key is None or key not in programme.campaigns:
        return programme
    known = programme.campaigns[key]
    always = CampaignTerms(id=known.id, key=key, active=True, starts_at=None, ends_at=None)
    return replace(programme, campaigns={**programme.campaigns, key: always})


def _of_period(period: Period) -> tuple[Any, ...]:
    return (
        EventRow.type.in_(EARNING_EVENTS),
        EventRow.subject_id.is_not(None),
        EventRow.occurred_at >= period.since,
        EventRow.occurred_at < period.until,
    )


def _batches(session: Session, period: Period) -> Iterator[list[EventRecord]]:
    """Events in the order in which they happened, by keyset: the memory stays flat."""
    place: tuple[datetime, uuid.UUID] | None = None
    while True:
        statement = (
            select(EventRow)
            .where(*_of_period(period))
            .order_by(EventRow.occurred_at, EventRow.id)
            .limit(BATCH)
        )
        if place is not None:
            at, event_id = place
            later = and_(EventRow.occurred_at == at, EventRow.id > event_id)
            statement = statement.where(or_(EventRow.occurred_at > at, later))
        rows = session.scalars(statement).all()
        if not rows:
            return
        place = (rows[-1].occurred_at, rows[-1].id)
        records = [record_of(row) for row in rows]
        for row in rows:
            session.expunge(row)
        yield records


def _counted(session: Session, records: Sequence[EventRecord]) -> list[EventRecord]:
    """Those that may earn: an order that was told twice does once, by its first event."""
    numbers = {
        str(record.data["order_id"])
        for record in records
        if record.type == ORDER_PLACED and record.data.get("order_id") is not None
    }
    known: dict[str, list[tuple[uuid.UUID, str, uuid.UUID]]] = defaultdict(list)
    rows = session.execute(
        select(Order.number, Order.id, Order.source, Order.subject_id).where(
            Order.number.in_(numbers)
        )
    )
    for number, order_id, source, subject_id in rows:
        if number is not None:
            known[number].append((order_id, source, subject_id))
    return [record for record in records if _is_first(record, known)]


def _is_first(
    record: EventRecord, known: Mapping[str, Sequence[tuple[uuid.UUID, str, uuid.UUID]]]
) -> bool:
    if record.type != ORDER_PLACED:
        return True
    if not record.data:
        # What it was is forgotten; so is what it would earn.
        return False
    orders = known.get(str(record.data.get("order_id")), ())
    mine = [
        order_id
        for order_id, source, subject_id in orders
        if source == record.source or subject_id in (record.subject_id, record.origin_id)
    ]
    return not mine or record.id in mine


def _budgets_at(session: Session, moment: datetime) -> dict[str, int]:
    """What campaigns had left at a moment, by what they gave before."""
    given = (
        select(Earning.campaign_id, func.sum(Earning.points).label("points"))
        .join(Entry, and_(Entry.account_id == Earning.account_id, Entry.seq == Earning.entry_seq))
        .where(Earning.campaign_id.is_not(None), Entry.effective_at < moment)
        .group_by(Earning.campaign_id)
        .subquery()
    )
    rows = session.execute(
        select(Campaign.key, Campaign.budget, given.c.points)
        .outerjoin(given, given.c.campaign_id == Campaign.id)
        .where(Campaign.budget.is_not(None))
    )
    return {key: max(0, int(budget or 0) - int(points or 0)) for key, budget, points in rows}


def _result(
    before: _Side,
    after: _Side,
    sums: Mapping[uuid.UUID, Sequence[int]],
    budgets: Mapping[str, int],
    *,
    events: int,
    orders: int,
) -> dict[str, Any]:
    changes = [new - old for old, new in sums.values()]
    return {
        "events": events,
        "orders": orders,
        "members": sum(1 for old, new in sums.values() if old or new),
        "before": {"points": before.points, "entries": before.entries},
        "after": {"points": after.points, "entries": after.entries},
        "cost": after.points - before.points,
        "winners": sum(1 for change in changes if change > 0),
        "won": sum(change for change in changes if change > 0),
        "losers": sum(1 for change in changes if change < 0),
        "lost": -sum(change for change in changes if change < 0),
        "unchanged": sum(1 for old, new in sums.values() if old == new and old),
        "by_day": [
            [day, before.by_day.get(day, 0), after.by_day.get(day, 0)]
            for day in sorted({*before.by_day, *after.by_day})
        ],
        "by_rule": _pairs(before.by_rule, after.by_rule),
        "by_wallet": _pairs(before.by_wallet, after.by_wallet),
        "limited": {"cap": after.limited["cap"], "budget": after.limited["budget"]},
        "budgets": {
            key: {
                "at_start": left,
                "before": before.spent.get(key, 0),
                "after": after.spent.get(key, 0),
                "exhausted": after.exhausted.get(key),
            }
            for key, left in sorted(budgets.items())
            if before.spent.get(key) or after.spent.get(key)
        },
    }


def _pairs(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, list[int]]:
    return {key: [before.get(key, 0), after.get(key, 0)] for key in sorted({*before, *after})}
