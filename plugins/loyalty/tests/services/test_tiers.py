"""Tiers through the services, events and jobs that move them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from dxp.api import EventRow, Problem, SystemActor
from dxp_loyalty.models import MODELS, Entry, TierCounter, TierStanding
from dxp_loyalty.services.accounts import lock_accounts, open_account, open_accounts
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.ledger import Gain
from dxp_loyalty.services.tier_plans import PlanDraft, TierDraft

STAFF = SystemActor(name="test")


class Ladder:
    """A programme with silver at 100 points and gold at 300, and what tests do to it."""

    def __init__(self, programme: Any, run_jobs: Callable[[], int]) -> None:
        self.programme, self.platform = programme, programme.platform
        self.loyalty, self.clock, self.run_jobs = programme.loyalty, programme.clock, run_jobs
        self.entries: list[Entry] = []

    def build(self, **plan: Any) -> None:
        plans = self.loyalty.tier_plans
        with self.platform.db.write() as session:
            made = plans.save_plan(session, PlanDraft(**plan), expected_version=None, actor=STAFF)
            for key, threshold in (("gold", 300), ("silver", 100)):
                draft = TierDraft(
                    key=key,
                    threshold=Decimal(threshold),
                    texts={"en": {"name": key.title()}, "fr": {"name": f"{key} (fr)"}},
                )
                plans.add_tier(session, draft, expected_version=made.version, actor=STAFF)

    def earn(self, member: uuid.UUID, points: int, *, days_ago: float = 0) -> Entry:
        at = self.clock.now() - timedelta(days=days_ago)
        cause = Cause(source=f"event:{uuid.uuid4()}", actor=STAFF, effective_at=at)
        with self.platform.db.write() as session:
            account = open_account(session, self.platform, member, wallet="points")
            return self.loyalty.ledger.earn(session, account, points, cause=cause)

    def take_back(self, entry: Entry, points: int) -> None:
        cause = Cause(source=f"return:{uuid.uuid4()}", actor=STAFF)
        with self.platform.db.write() as session:
            account = lock_accounts(session, [entry.account_id])[entry.account_id]
            self.loyalty.reversals.reverse(session, account, entry.seq, points, cause=cause)

    def tier(self, member: uuid.UUID) -> str | None:
        with self.platform.db.read() as session:
            found = self.loyalty.tiers.tiers_of(session, [member]).get(member)
        return None if found is None else found.key

    def pass_days(self, days: float) -> None:
        self.clock.advance(days=days)
        with self.platform.db.write() as session:
            self.platform.jobs.enqueue(session, "loyalty.follow_tiers", {})
        self.run_jobs()

    def faults(self) -> list[Any]:
        with self.platform.db.read() as session:
            return list(self.loyalty.tier_counting.faults(session))


@pytest.fixture
def ladder(programme: Any, run_jobs: Callable[[], int]) -> Any:
    made = Ladder(programme, run_jobs)
    yield made
    assert made.faults() == []


def test_a_tier_is_reached_at_once_and_told(ladder: Ladder, member: uuid.UUID, events: Any) -> None:
    """By the points that were issued, whenever they can be spent."""
    ladder.build()
    ladder.earn(member, 99)
    assert ladder.tier(member) is None
    ladder.earn(member, 1)
    assert ladder.tier(member) == "silver"
    ladder.earn(member, 200)
    told = [event.data for event in events.all("loyalty.tier_changed")]
    assert [(one["from_tier"], one["tier"], one["rank"]) for one in told] == [
        (None, "silver", 1),
        ("silver", "gold", 2),
    ]
    assert {one["cause"] for one in told} == {"earned"}


def test_adjustments_and_what_is_spent_count_for_nothing(ladder: Ladder, member: uuid.UUID) -> None:
    """A present makes nobody a better customer, and spending makes nobody a worse one."""
    ladder.build()
    ladder.programme.give(member, 500)
    assert ladder.tier(member) is None
    ladder.earn(member, 100)
    with ladder.platform.db.write() as session:
        account = open_account(session, ladder.platform, member, wallet="points")
        ladder.loyalty.ledger.spend(
            session, account, 600, cause=Cause(source="spend:1", actor=STAFF)
        )
    assert ladder.tier(member) == "silver"


def test_points_taken_back_take_the_tier_back(
    ladder: Ladder, member: uuid.UUID, events: Any
) -> None:
    """On the day on which they were earned, not on that of the return."""
    ladder.build(period="rolling", months=12)
    entry = ladder.earn(member, 310, days_ago=100)
    assert ladder.tier(member) == "gold"
    ladder.take_back(entry, 100)
    assert ladder.tier(member) == "silver"
    ladder.take_back(entry, 210)
    assert ladder.tier(member) is None
    assert [event.data["cause"] for event in events.all("loyalty.tier_changed")] == [
        "earned",
        "returned",
        "returned",
    ]


def test_the_job_steps_down_once_the_grace_is_over(ladder: Ladder, member: uuid.UUID) -> None:
    """One step at each end of a period."""
    ladder.build(period="rolling", months=2, grace_days=5)
    ladder.earn(member, 300)
    ladder.pass_days(61)
    assert ladder.tier(member) == "gold"
    ladder.pass_days(7)
    assert ladder.tier(member) == "silver"
    ladder.pass_days(80)
    assert ladder.tier(member) is None


def test_late_orders_give_what_they_would_have_given_in_time(
    ladder: Ladder, member: uuid.UUID
) -> None:
    """A year's points that are told two years late are a thing of the past."""
    ladder.build(period="calendar_year", keep_next=False)
    ladder.earn(member, 500, days_ago=800)
    assert ladder.tier(member) is None
    with ladder.platform.db.read() as session:
        assert session.get(TierStanding, member).earned_id is None


def test_a_given_tier_lasts_to_its_day(ladder: Ladder, member: uuid.UUID, events: Any) -> None:
    """And the one that was earned meanwhile counts afterwards."""
    ladder.build()
    gold = _tier(ladder, "gold")
    until = ladder.clock.now().date() + timedelta(days=10)
    with ladder.platform.db.write() as session:
        ladder.loyalty.tiers.give(
            session, member, gold, until=until, reason="Jury prize", actor=STAFF
        )
    assert ladder.tier(member) == "gold"
    ladder.earn(member, 120)
    assert ladder.tier(member) == "gold"
    ladder.pass_days(10)
    assert ladder.tier(member) == "gold"
    ladder.pass_days(1)
    assert ladder.tier(member) == "silver"
    assert [event.data["cause"] for event in events.all("loyalty.tier_changed")] == [
        "manual",
        "manual_ended",
    ]


@pytest.mark.parametrize(("days", "reason"), [(-1, "Prize"), (5, " "), (40_000, "Prize")])
def test_a_tier_is_given_with_a_reason_and_a_day_to_come(
    ladder: Ladder, member: uuid.UUID, days: int, reason: str
) -> None:
    """Otherwise it is refused."""
    ladder.build()
    until = ladder.clock.now().date() + timedelta(days=days)
    with pytest.raises(Problem) as refusal, ladder.platform.db.write() as session:
        ladder.loyalty.tiers.give(
            session, member, _tier(ladder, "gold"), until=until, reason=reason, actor=STAFF
        )
    assert refusal.value.code == "invalid_tier"


def test_a_new_ladder_looks_back_and_an_edit_takes_nothing_away(
    ladder: Ladder, member: uuid.UUID
) -> None:
    """Raising a threshold keeps who is in; lowering one lets others in."""
    other = ladder.programme.member()
    ladder.earn(member, 300)
    ladder.earn(other, 80)
    ladder.build()
    ladder.run_jobs()
    assert (ladder.tier(member), ladder.tier(other)) == ("gold", None)
    for key, threshold in (("gold", 1000), ("silver", 50)):
        with ladder.platform.db.write() as session:
            plans = ladder.loyalty.tier_plans
            plan = plans.plan(session)
            draft = TierDraft(
                key=key, threshold=Decimal(threshold), texts={"en": {"name": key.title()}}
            )
            plans.edit_tier(
                session,
                _tier(ladder, key).id,
                draft,
                expected_version=plan.version,
                actor=STAFF,
            )
        ladder.run_jobs()
    assert (ladder.tier(member), ladder.tier(other)) == ("gold", "silver")


def test_stale_edits_and_tiers_in_use_are_refused(ladder: Ladder, member: uuid.UUID) -> None:
    """Nobody falls out of the ladder."""
    ladder.build()
    ladder.earn(member, 300)
    plans = ladder.loyalty.tier_plans
    for version, code in ((1, "tiers_changed"), (None, "tier_in_use")):
        with pytest.raises(Problem) as refusal, ladder.platform.db.write() as session:
            expected = version or plans.plan(session).version
            plans.remove_tier(
                session, _tier(ladder, "gold").id, expected_version=expected, actor=STAFF
            )
        assert refusal.value.code == code


def test_merged_members_have_the_tier_of_both_until_they_are_split(
    ladder: Ladder, member: uuid.UUID
) -> None:
    """Each then has what is theirs, what staff gave with it."""
    other = ladder.programme.member()
    ladder.build()
    ladder.earn(member, 60)
    ladder.earn(other, 60)
    merges = ladder.platform.privacy.merges
    with ladder.platform.db.write() as session:
        until = ladder.clock.now().date() + timedelta(days=30)
        ladder.loyalty.tiers.give(
            session, other, _tier(ladder, "gold"), until=until, reason="Prize", actor=STAFF
        )
    with ladder.platform.db.write() as session:
        merge = merges.merge(session, STAFF, winner_id=member, loser_id=other)
    assert ladder.tier(member) == "gold"
    ladder.earn(other, 30)
    assert ladder.faults() == []
    with ladder.platform.db.write() as session:
        merges.undo(session, STAFF, merge_id=merge.id)
    assert (ladder.tier(member), ladder.tier(other)) == (None, "gold")
    with ladder.platform.db.write() as session:
        ladder.loyalty.tiers.take(session, other, actor=STAFF)
    assert ladder.tier(other) is None


def test_a_batch_of_many_members_takes_no_more_statements(
    ladder: Ladder, count_queries: Any
) -> None:
    """Counters, standings, history and events are written together."""
    ladder.build()
    counts = []
    for many in (1, 40):
        members = [ladder.programme.member() for _ in range(many)]
        with ladder.platform.db.write() as session:
            accounts = open_accounts(session, ladder.platform, members, wallet="points")
            gains = [
                Gain(
                    account=accounts[member],
                    points=120,
                    cause=Cause(source=f"event:{member}", actor=STAFF),
                )
                for member in members
            ]
            with count_queries() as queries:
                ladder.loyalty.ledger.earn_many(session, gains)
        counts.append(queries.count)
        assert {ladder.tier(member) for member in members} == {"silver"}
    assert counts[0] == counts[1], counts


def test_nothing_of_a_tier_is_left_of_who_is_erased(ladder: Ladder, member: uuid.UUID) -> None:
    """Neither standing, nor counters, nor history."""
    ladder.build()
    ladder.earn(member, 300)
    with ladder.platform.db.write() as session:
        ladder.platform.privacy.erasure.erase(session, STAFF, subject_id=member)
    with ladder.platform.db.read() as session:
        assert session.get(TierStanding, member) is None
        assert session.scalars(select(TierCounter)).all() == []
        assert ladder.loyalty.tiers.history(session, member) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["earn", "earn", "return", "wait", "late"]),
        st.integers(0, 1),
        st.integers(1, 200),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=STEPS)
def test_the_counter_is_a_recount_whatever_happens(
    programme: Any, run_jobs: Callable[[], int], steps: list[tuple[str, int, int]]
) -> None:
    """And both are the plain sum of what was earned on each day and not returned."""
    with programme.platform.db.write() as session:
        for model in reversed(MODELS):
            session.execute(delete(model))
        session.execute(delete(EventRow))
    ladder = Ladder(programme, run_jobs)
    ladder.build(period="rolling", months=3)
    members = [programme.member() for _ in range(2)]
    made: list[tuple[Entry, int]] = []
    plain: dict[tuple[uuid.UUID, date], int] = {}
    for verb, who, number in steps:
        if verb in ("earn", "late"):
            entry = ladder.earn(members[who], number, days_ago=number if verb == "late" else 0)
            made.append((entry, who))
            key = members[who], entry.effective_at.date()
            plain[key] = plain.get(key, 0) + number
        elif verb == "wait":
            ladder.clock.advance(days=number / 4)
        elif made:
            entry, who = made[number % len(made)]
            try:
                ladder.take_back(entry, min(number, entry.amount))
            except Problem:
                continue
            plain[members[who], entry.effective_at.date()] -= min(number, entry.amount)
    with programme.platform.db.read() as session:
        rows = session.scalars(select(TierCounter)).all()
    assert {(row.subject_id, row.day): row.amount for row in rows if row.amount} == {
        key: amount for key, amount in plain.items() if amount
    }
    assert ladder.faults() == []


def _tier(ladder: Ladder, key: str) -> Any:
    with ladder.platform.db.read() as session:
        return next(tier for tier in ladder.loyalty.tier_plans.tiers(session) if tier.key == key)
