"""A batch of orders earns what they earn one by one, in as many statements as one order takes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.api import BatchContext, EventRecord, NewEvent, Platform, SystemActor
from dxp_loyalty.models import Account, Entry, Lot
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.subscribers import earn

ACTOR = SystemActor(name="test")
Orders = Sequence[tuple[uuid.UUID, str]]


@pytest.fixture(autouse=True)
def rules(programme: Any, platform: Platform) -> None:
    """A point a dollar, and five more for each order."""
    awards = {
        "per-dollar": {"type": "per_amount", "points": "1"},
        "thanks": {"type": "fixed", "points": "5"},
    }
    with platform.db.write() as session:
        for key, award in awards.items():
            draft = RuleDraft(
                key=key, name=key, event_type="order.placed", definition={"award": award}
            )
            programme.loyalty.earning.create(session, draft, actor=ACTOR)


def report(platform: Platform, orders: Orders) -> list[EventRecord]:
    """The orders as one publish."""
    events = [
        NewEvent(
            type="order.placed",
            subject_id=member,
            data={"order_id": number, "total": total, "currency": "USD"},
            source="shop",
            external_id=number,
        )
        for member, total in orders
        if (number := uuid.uuid4().hex)
    ]
    with platform.db.write() as session:
        return [item for item in platform.events.publish_many(session, events) if item]


def owe(programme: Any, platform: Platform, member: uuid.UUID, points: int) -> None:
    """Let a member owe points: they were earned, spent and clawed back."""
    loyalty = programme.loyalty
    with platform.db.write() as session:
        account = open_account(session, platform, member, wallet="points")

        def cause() -> Cause:
            return Cause(source=uuid.uuid4().hex, actor=ACTOR)

        entry = loyalty.ledger.earn(session, account, points, cause=cause())
        loyalty.ledger.spend(session, account, points, cause=cause())
        loyalty.reversals.reverse(session, account, entry.seq, points, cause=cause())
        assert account.debt == points


def state(platform: Platform, member: uuid.UUID) -> Any:
    """What the ledger says of a member, without ids and hashes."""
    with platform.db.read() as session:
        account = session.scalars(select(Account).where(Account.subject_id == member)).one_or_none()
        if account is None:
            return None
        entries = session.scalars(
            select(Entry).where(Entry.account_id == account.id).order_by(Entry.seq)
        )
        lots = session.scalars(
            select(Lot).where(Lot.account_id == account.id).order_by(Lot.entry_seq)
        )
        return (
            (account.posted, account.held, account.debt, account.earned, account.seq),
            [(entry.seq, entry.amount, entry.balance_after, entry.kind) for entry in entries],
            [(lot.entry_seq, lot.amount, lot.remaining, lot.reversed) for lot in lots],
        )


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    orders=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["0.00", "0.99", "7.50", "120.00"])),
        max_size=8,
    ),
    debt=st.sampled_from([0, 3, 60]),
)
def test_a_batch_earns_what_single_orders_earn(
    orders: list[tuple[int, str]], debt: int, programme: Any, platform: Platform
) -> None:
    apart, together = ([programme.member() for _number in range(3)] for _way in range(2))
    if debt:
        owe(programme, platform, apart[0], debt)
        owe(programme, platform, together[0], debt)
    for number, total in orders:
        report(platform, [(apart[number], total)])
    report(platform, [(together[number], total) for number, total in orders])
    assert [state(platform, member) for member in apart] == [
        state(platform, member) for member in together
    ]
    programme.check()


def test_a_batch_told_twice_earns_once(programme: Any, platform: Platform) -> None:
    members = [programme.member(), programme.member()]
    first = report(platform, [(members[0], "10.00")])
    before = state(platform, members[0])
    with platform.db.write() as session:
        earn(BatchContext(records=first, session=session, platform=platform))
    assert state(platform, members[0]) == before

    both = [*first, *report(platform, [(members[1], "20.00")])]
    with platform.db.write() as session:
        earn(BatchContext(records=both, session=session, platform=platform))
    assert state(platform, members[0]) == before
    assert programme.available(members[1]) == 25
    programme.check()


def test_one_of_a_batch_that_has_earned_does_not_hold_up_the_others(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    old = report(platform, [(member, "10.00")])
    fresh = [
        EventRecord(
            **{
                **vars(old[0]),
                "id": uuid.uuid4(),
                "data": {**old[0].data, "order_id": total, "total": total},
            }
        )
        for total in ("1.00", "2.00")
    ]
    with platform.db.write() as session:
        earn(BatchContext(records=[fresh[0], *old, fresh[1]], session=session, platform=platform))
    assert programme.available(member) == 15 + 6 + 7
    programme.check()


def test_statements_do_not_grow_with_the_orders_of_a_batch(
    programme: Any, platform: Platform, count_queries: Any
) -> None:
    members = [programme.member() for _number in range(60)]
    report(platform, [(members[0], "5.00")])
    counts = []
    for known, size in ((members[:1], 1), (members[:1], 100), (members, 100)):
        orders = [(known[number % len(known)], "5.00") for number in range(size)]
        with count_queries() as queries:
            report(platform, orders)
        counts.append(queries.count)
    one, many, with_new_members = counts
    assert one <= 15
    assert many == one
    assert with_new_members == one + 1
    programme.check()


def revise(programme: Any, platform: Platform, **values: Any) -> None:
    """Another version of the rule that gives five points for each order."""
    with platform.db.write() as session:
        [(rule, version)] = [
            pair for pair in programme.loyalty.earning.listed(session) if pair[0].key == "thanks"
        ]
        fields = {
            "key": rule.key,
            "name": version.name,
            "event_type": rule.event_type,
            "definition": version.definition,
            **values,
        }
        programme.loyalty.earning.revise(
            session, rule.id, RuleDraft(**fields), expected_version=rule.version, actor=ACTOR
        )


def test_a_late_order_earns_by_the_rules_of_its_time(
    programme: Any, platform: Platform, clock: Any
) -> None:
    at_five = clock.now()
    clock.advance(days=1)
    revise(programme, platform, definition={"award": {"type": "fixed", "points": "7"}})
    at_seven = clock.now()
    clock.advance(days=1)
    revise(programme, platform, active=False)
    paused = clock.now()
    clock.advance(days=1)
    revise(programme, platform, event_type="customer.registered")
    listening_elsewhere = clock.now()
    clock.advance(days=1)
    moments = [at_seven, listening_elsewhere, at_five, paused]
    members = [programme.member() for _moment in moments]
    for member, moment in zip(members, moments, strict=True):
        programme.order(member, "1.00", occurred_at=moment)
    assert [programme.available(member) for member in members] == [1 + 7, 1, 1 + 5, 1]
    programme.check()


def test_what_happened_before_a_rule_was_made_earns_by_the_rule_of_now(
    programme: Any, platform: Platform, clock: Any
) -> None:
    long_ago = clock.now() - timedelta(days=9000)
    clock.advance(days=1)
    early, late = programme.member(), programme.member()
    programme.order(early, "1.00", occurred_at=long_ago)
    revise(programme, platform, active=False)
    programme.order(late, "1.00", occurred_at=long_ago)
    assert [programme.available(early), programme.available(late)] == [6, 1]
