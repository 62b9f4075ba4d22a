"""The ledger's rules one by one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import Platform, Problem, SystemActor
from dxp_loyalty.models import Account, Entry, Lot
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.balances import balance_as_of
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.invariants import verify

ACTOR = SystemActor(name="test")


class Till:
    """One member's account, each step in a transaction of its own."""

    def __init__(self, programme: Any, member: uuid.UUID) -> None:
        self.programme, self.member = programme, member
        self.platform, self.clock = programme.platform, programme.clock
        self.loyalty = programme.loyalty

    def do(self, work: Callable[[Session, Account], Any]) -> Any:
        with self.platform.db.write() as session:
            return work(session, open_account(session, self.platform, self.member, wallet="points"))

    def earn(self, points: int, *, days: int | None = None, source: str | None = None) -> Entry:
        ends = None if days is None else self.clock.now() + timedelta(days=days)
        cause = Cause(source=source or f"event:{uuid.uuid4()}", actor=ACTOR)
        return self.do(
            lambda session, account: self.loyalty.ledger.earn(
                session, account, points, cause=cause, expires_at=ends
            )
        )

    def spend(self, points: int) -> Entry:
        cause = Cause(source=f"spend:{uuid.uuid4()}", actor=ACTOR)
        return self.do(
            lambda s, account: self.loyalty.ledger.spend(s, account, points, cause=cause)
        )

    def reverse(self, entry: Entry, points: int, source: str | None = None) -> Entry | None:
        cause = Cause(source=source or f"return:{uuid.uuid4()}", actor=ACTOR)
        return self.do(
            lambda session, account: self.loyalty.reversals.reverse(
                session, account, entry.seq, points, cause=cause
            )
        )

    def authorise(self, cost: int) -> Any:
        reward = self.programme.reward(cost=cost)
        with self.platform.db.write() as session:
            return self.loyalty.redemptions.authorise(
                session, subject_id=self.member, reward_id=reward.id
            )

    def settle(self, hold: Any, verb: str) -> None:
        with self.platform.db.write() as session:
            getattr(self.loyalty.redemptions, verb)(session, hold.id, actor=ACTOR)

    @property
    def account(self) -> Account:
        return self.do(lambda _session, account: account)

    @property
    def lots(self) -> list[tuple[int, int]]:
        """(amount, remaining), in the order in which they came."""
        with self.platform.db.read() as session:
            rows = session.scalars(select(Lot).order_by(Lot.id))
            return [(lot.amount, lot.remaining) for lot in rows]

    @property
    def available(self) -> int:
        return self.programme.available(self.member)


@pytest.fixture
def till(programme: Any, member: uuid.UUID) -> Any:
    made = Till(programme, member)
    yield made
    programme.check()


def test_points_that_end_first_are_spent_first(till: Till) -> None:
    """Then those without end, in the order in which they came."""
    for days in (None, 30, 10, None):
        till.earn(10, days=days)
    till.spend(25)
    assert till.lots == [(10, 5), (10, 0), (10, 0), (10, 10)]


def test_expired_points_are_not_spent_though_the_job_is_late(till: Till) -> None:
    """The refusal counts them out."""
    till.earn(10, days=5)
    till.earn(10)
    till.clock.advance(days=5)
    assert till.available == 10
    with pytest.raises(Problem) as refusal:
        till.spend(11)
    assert refusal.value.code == "insufficient_points"
    till.spend(10)


def test_the_job_writes_expired_points_off_once(
    till: Till, platform: Platform, run_jobs: Callable[[], int], events: Any
) -> None:
    """Held ones stay until they are captured."""
    till.earn(10, days=5)
    till.authorise(4)
    till.clock.advance(days=5)
    for _ in range(2):
        with platform.db.write() as session:
            platform.jobs.enqueue(session, "loyalty.expire_points", {})
        run_jobs()
    assert till.account.posted == 4
    assert len(events.all("loyalty.points_expired")) == 1


def test_held_points_do_not_expire_and_capture_takes_them(till: Till, platform: Platform) -> None:
    """A hold of the last minute is honoured."""
    till.earn(10, days=1)
    till.clock.advance(days=1, minutes=-5)
    hold = till.authorise(10)
    till.clock.advance(minutes=10)
    till.settle(hold, "capture")
    assert till.account.posted == 0


def test_voiding_lets_overdue_points_expire_at_once(till: Till) -> None:
    """They do not come back to life."""
    till.earn(10, days=1)
    till.clock.advance(days=1, minutes=-5)
    hold = till.authorise(10)
    till.clock.advance(minutes=10)
    till.settle(hold, "void")
    assert (till.account.posted, till.available) == (0, 0)


def test_a_return_takes_from_its_own_lot_then_from_others_then_owes(till: Till) -> None:
    """And the next points repay."""
    first = till.earn(50)
    till.earn(20)
    till.spend(40)
    till.reverse(first, 20)
    assert till.lots == [(50, 0), (20, 10)]
    till.reverse(first, 30)
    assert till.account.debt == 20
    assert till.available == 0
    till.earn(15)
    assert (till.account.debt, till.available) == (5, 0)
    till.earn(15)
    assert (till.account.debt, till.available) == (0, 10)


def test_no_more_is_taken_back_than_was_given(till: Till) -> None:
    """In parts or at once."""
    entry = till.earn(50)
    till.reverse(entry, 30)
    with pytest.raises(Problem) as refusal:
        till.reverse(entry, 21)
    assert (refusal.value.code, refusal.value.extra["possible"]) == ("over_reversal", 20)
    till.reverse(entry, 20)
    spent = till.earn(10) and till.spend(10)
    till.reverse(spent, 6)
    with pytest.raises(Problem) as refusal:
        till.reverse(spent, 5)
    assert refusal.value.code == "over_reversal"


def test_a_return_told_twice_counts_once(till: Till) -> None:
    """By its source."""
    entry = till.earn(50)
    assert till.reverse(entry, 10, source="return:7") is not None
    assert till.reverse(entry, 10, source="return:7") is None
    assert till.available == 40


def test_spent_points_return_to_their_lots_with_their_end(till: Till) -> None:
    """Those whose end has come meanwhile expire at once."""
    till.earn(10, days=5)
    till.earn(10)
    spent = till.spend(15)
    till.reverse(spent, 5)
    assert till.lots == [(10, 0), (10, 10)]
    till.clock.advance(days=6)
    till.reverse(spent, 10)
    assert till.available == 10
    assert till.lots == [(10, 0), (10, 10)]


def test_points_given_back_repay_a_debt_first(till: Till) -> None:
    """By a void, and by a redemption taken back."""
    earned = till.earn(30)
    hold = till.authorise(30)
    till.reverse(earned, 30)
    assert till.account.debt == 30
    till.settle(hold, "void")
    assert (till.account.debt, till.account.posted, till.available) == (0, 0, 0)


@pytest.mark.parametrize("points", [0, -1, True, 1.5, "3", 10**12 + 1, None])
def test_only_amounts_are_moved(till: Till, points: Any) -> None:
    """The services check, whoever calls them."""
    with pytest.raises(Problem) as refusal:
        till.earn(points)
    assert refusal.value.code == "invalid_points"
    assert till.account.seq == 0


def test_one_cause_earns_once(till: Till) -> None:
    """For ever after."""
    assert till.earn(10, source="event:1") is not None
    assert till.earn(10, source="event:1") is None
    assert till.available == 10


def test_a_clock_that_goes_back_breaks_nothing(till: Till) -> None:
    """Points of a day that has not come are not there yet."""
    till.earn(10)
    till.clock.advance(days=2)
    till.earn(10)
    till.clock.advance(days=-2)
    assert till.available == 10
    till.spend(10)


def test_the_balance_of_a_past_day_is_known(till: Till, platform: Platform) -> None:
    """By when things happened, not by when they were told."""
    start = till.clock.now()
    till.earn(10)
    till.clock.advance(days=10)
    cause = Cause(source="event:late", actor=ACTOR, effective_at=start + timedelta(days=2))
    till.do(lambda session, account: till.loyalty.ledger.earn(session, account, 5, cause=cause))
    account_id = till.account.id
    with platform.db.read() as session:
        days = [
            balance_as_of(session, account_id, start + timedelta(days=day)) for day in (0, 2, 10)
        ]
    assert days == [10, 15, 15]


def test_the_database_refuses_what_no_service_may_write(till: Till, platform: Platform) -> None:
    """Its own checks are the last line."""
    till.earn(10)
    for statement in (
        "UPDATE loyalty_account SET held = -1",
        "UPDATE loyalty_account SET held = 11",
        "UPDATE loyalty_lot SET remaining = 11",
        "UPDATE loyalty_lot SET held = 11",
        "UPDATE loyalty_entry SET amount = 0",
    ):
        with pytest.raises(IntegrityError), platform.db.write() as session:
            session.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE loyalty_entry SET amount = 11", {1, 3, 4}),
        ("UPDATE loyalty_entry SET source = 'event:other'", {4}),
        ("UPDATE loyalty_entry SET balance_after = 11", {3, 4}),
        ("UPDATE loyalty_account SET posted = 11", {1, 5, 16}),
        ("UPDATE loyalty_account SET seq = 2", {2}),
        ("UPDATE loyalty_lot SET remaining = 9", {5}),
        ("UPDATE loyalty_account SET debt = 1", {5, 7}),
        ("UPDATE loyalty_lot SET held = 1", {6}),
        ("UPDATE loyalty_account SET held = 1", {6}),
        ("UPDATE loyalty_entry_note SET note = 'x'", {4}),
        ("DELETE FROM dxp_event WHERE type = 'loyalty.points_earned'", {14}),
    ],
)
def test_the_checker_sees_what_was_changed_from_outside(
    programme: Any, member: uuid.UUID, platform: Platform, statement: str, broken: set[int]
) -> None:
    """Each fault under its own number."""
    cause = Cause(source="event:1", actor=ACTOR, inputs={"order_id": "1"})
    with platform.db.write() as session:
        account = open_account(session, platform, member, wallet="points")
        programme.loyalty.ledger.earn(session, account, 10, cause=cause)
    with platform.db.write() as session:
        session.execute(text(statement))
    with platform.db.read() as session:
        report = verify(session, now=programme.clock.now())
    assert broken <= {violation.invariant for violation in report.violations}


def test_the_checker_sees_faults_of_rewards(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Reserved, issued and counted pieces."""
    from dxp_loyalty.models import Reward, RewardCounter

    programme.give(member, 500)
    reward = programme.reward(cost=100, stock=9, per_member=1)
    with platform.db.write() as session:
        programme.loyalty.redemptions.authorise(session, subject_id=member, reward_id=reward.id)
    with platform.db.write() as session:
        session.execute(update(Reward).values(reserved=2, issued=3))
        session.execute(update(RewardCounter).values(used=2))
    with platform.db.read() as session:
        report = verify(session, now=programme.clock.now())
    assert {violation.invariant for violation in report.violations} == {8, 9, 11}


def test_an_order_takes_a_handful_of_statements(
    programme: Any, member: uuid.UUID, client: Any, count_queries: Any
) -> None:
    """An import sends thousands."""
    rules = client.as_key("loyalty.rules.write")
    award = {"type": "per_amount", "points": "1"}
    body = {"key": "one", "name": "One", "event_type": "order.placed", "award": award}
    rules.post("/api/v1/loyalty/earning-rules", json=body)
    programme.order(member, "5.00")
    with count_queries() as queries:
        programme.order(member, "5.00")
    assert queries.count <= 15, str(queries)
