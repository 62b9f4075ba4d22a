"""When points end: by the wallet's policy, once, with a word ahead."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import Platform, Problem, SystemActor
from dxp_loyalty.models import Entry, Lot
from dxp_loyalty.services.accounts import lock_accounts, open_account
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.expiry import PolicyDraft

STAFF = SystemActor(name="test")


@pytest.fixture
def app_settings() -> dict[str, Any]:
    """Midnight in Paris is not midnight in UTC."""
    return {"plugins": {"loyalty": {"timezone": "Europe/Paris"}}}


class Purse:
    """One member's points under a policy."""

    def __init__(self, programme: Any, member: uuid.UUID, run_jobs: Callable[[], int]) -> None:
        self.programme, self.member, self.run_jobs = programme, member, run_jobs
        self.platform, self.clock, self.loyalty = (
            programme.platform,
            programme.clock,
            programme.loyalty,
        )

    def policy(self, kind: Any, length: int, **more: Any) -> None:
        expiry = self.loyalty.expiry
        with self.platform.db.write() as session:
            old = expiry.policy(session, "points")
            draft = PolicyDraft(kind=kind, length=length, **more)
            expiry.save(
                session,
                "points",
                draft,
                expected_version=None if old is None else old.version,
                actor=STAFF,
            )

    def earn(self, points: int, *, at: datetime | None = None) -> Entry:
        cause = Cause(source=f"event:{uuid.uuid4()}", actor=STAFF, effective_at=at)
        with self.platform.db.write() as session:
            account = open_account(session, self.platform, self.member, wallet="points")
            return self.loyalty.ledger.earn(session, account, points, cause=cause)

    def spend(self, points: int) -> None:
        with self.platform.db.write() as session:
            account = open_account(session, self.platform, self.member, wallet="points")
            cause = Cause(source=f"spend:{uuid.uuid4()}", actor=STAFF)
            self.loyalty.ledger.spend(session, account, points, cause=cause)

    def job(self, name: str) -> None:
        with self.platform.db.write() as session:
            self.platform.jobs.enqueue(session, name, {})
        self.run_jobs()

    @property
    def ends(self) -> list[datetime | None]:
        with self.platform.db.read() as session:
            return list(session.scalars(select(Lot.expires_at).order_by(Lot.id)))


@pytest.fixture
def purse(programme: Any, member: uuid.UUID, run_jobs: Callable[[], int]) -> Any:
    made = Purse(programme, member, run_jobs)
    yield made
    programme.check()


@pytest.mark.parametrize(
    ("kind", "length", "ends"),
    [
        ("never", 0, None),
        # 31 January 23:30 UTC is 1 February in Paris, and summer time has begun at the end.
        ("days", 60, datetime(2026, 4, 2, 22, tzinfo=UTC)),
        ("end_of_month", 3, datetime(2026, 5, 31, 22, tzinfo=UTC)),
        ("inactivity", 12, datetime(2027, 2, 1, 23, tzinfo=UTC)),
    ],
)
def test_points_end_at_a_midnight_of_the_programme(
    purse: Purse, kind: str, length: int, ends: datetime | None
) -> None:
    """By the day on which they were issued there."""
    purse.policy(kind, length)
    purse.earn(10, at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    assert purse.ends == [ends]


def test_a_new_policy_holds_for_points_to_come(purse: Purse) -> None:
    """What was promised is kept."""
    purse.earn(10)
    purse.policy("days", 10)
    purse.earn(10)
    purse.policy("never", 0)
    purse.earn(10)
    first, second, third = purse.ends
    assert (first, third) == (None, None)
    assert second is not None


def test_activity_moves_all_points_but_wakes_none(purse: Purse) -> None:
    """Earning and spending do; what has ended stays ended, though no job came by."""
    purse.policy("inactivity", 2)
    purse.earn(10)
    purse.clock.advance(days=30)
    purse.earn(10)
    first, second = purse.ends
    assert first == second
    purse.clock.advance(days=30)
    purse.spend(5)
    moved = purse.ends
    assert moved[0] == moved[1] > first
    purse.clock.advance(days=70)
    with pytest.raises(Problem) as refusal:
        purse.spend(1)
    assert refusal.value.code == "insufficient_points"
    purse.earn(3)
    assert purse.ends[:2] == moved
    assert purse.programme.available(purse.member) == 3


def test_staff_keep_no_points_alive(purse: Purse) -> None:
    """An adjustment is not the member's doing."""
    purse.policy("inactivity", 2)
    purse.earn(10)
    before = purse.ends
    purse.clock.advance(days=20)
    purse.programme.give(purse.member, 5)
    assert purse.ends[:1] == before


def test_points_that_were_told_late_live_as_long_as_the_others(purse: Purse) -> None:
    """The member was active since."""
    purse.policy("inactivity", 2)
    purse.earn(10)
    purse.earn(10, at=purse.clock.now() - timedelta(days=400))
    first, late = purse.ends
    assert first == late


def test_members_are_warned_once_for_each_number_of_days(purse: Purse, events: Any) -> None:
    """However often the job runs; after an outage, by the nearest number alone."""
    purse.policy("days", 20, warn_days=[14, 7, 2])
    purse.earn(10)
    purse.earn(5)
    purse.job("loyalty.warn_of_expiry")
    assert events.all("loyalty.points_expiring") == []
    purse.clock.advance(days=8)
    for _ in range(3):
        purse.job("loyalty.warn_of_expiry")
    purse.clock.advance(days=12)
    for _ in range(2):
        purse.job("loyalty.warn_of_expiry")
    told = [event.data for event in events.all("loyalty.points_expiring")]
    assert [(one["points"], one["days"]) for one in told] == [(15, 14), (15, 2)]


def test_nobody_is_warned_of_what_is_spent_or_set_aside(purse: Purse, events: Any) -> None:
    """Or of points that moved out of reach."""
    purse.policy("days", 5)
    purse.earn(10)
    reward = purse.programme.reward(cost=4)
    with purse.platform.db.write() as session:
        purse.loyalty.redemptions.authorise(session, subject_id=purse.member, reward_id=reward.id)
    purse.spend(6)
    purse.job("loyalty.warn_of_expiry")
    assert events.all("loyalty.points_expiring") == []


def test_many_accounts_expire_in_a_constant_number_of_statements(
    programme: Any, platform: Platform, count_queries: Any
) -> None:
    """An entry for each lot, as one by one."""
    counts = []
    for many in (2, 9):
        ids = []
        for _ in range(many):
            member = programme.member()
            with platform.db.write() as session:
                account = open_account(session, platform, member, wallet="points")
                ids.append(account.id)
                for number in range(2):
                    programme.loyalty.ledger.earn(
                        session,
                        account,
                        10 + number,
                        cause=Cause(source=f"event:{number}", actor=STAFF),
                        expires_at=programme.clock.now() + timedelta(days=1),
                    )
        programme.clock.advance(days=2)
        with platform.db.write() as session:
            accounts = lock_accounts(session, ids)
            with count_queries() as queries:
                done = programme.loyalty.ledger.expire_many(session, accounts, actor=STAFF)
        assert done == 2 * many
        counts.append(queries.count)
    assert counts[0] == counts[1]
    programme.check()


@pytest.mark.parametrize(
    "draft",
    [
        PolicyDraft(kind="days", length=0),
        PolicyDraft(kind="inactivity", length=121),
        PolicyDraft(kind="days", length=5, warn_days=[0]),
    ],
)
def test_policies_have_bounds(purse: Purse, draft: PolicyDraft) -> None:
    """And a stale edit is refused."""
    with pytest.raises(Problem) as refusal:
        purse.policy(draft.kind, draft.length, warn_days=draft.warn_days)
    assert refusal.value.code == "invalid_policy"
    with pytest.raises(Problem) as refusal, purse.platform.db.write() as session:
        purse.loyalty.expiry.save(session, "points", PolicyDraft(), expected_version=7, actor=STAFF)
    assert refusal.value.code == "policy_changed"
