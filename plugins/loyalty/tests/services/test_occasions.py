"""Birthday gifts from the told date to the claim: rules 3 to 14 on a database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxp.api import Platform
from dxp.contracts import BirthdayChanged, ConsentChanged
from dxp_loyalty.events import BirthdayGiftIssued

LONG_BEFORE = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def willing(consents: Any, member: uuid.UUID) -> uuid.UUID:
    """A member who consents to the use of the birthday."""
    consents.given.add((member, "birthday"))
    return member


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def states(programme: Any, subject_id: uuid.UUID) -> list[tuple[int, str, str | None]]:
    return [(g.occurrence_year, g.state, g.reason) for g in programme.grants(subject_id)]


def test_a_gift_is_planned_issued_and_seen_once(
    programme: Any, willing: uuid.UUID, clock: Any, events: Any
) -> None:
    """However often the job runs."""
    programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE)
    assert states(programme, willing) == [(2026, "planned", None)]
    programme.run()
    assert states(programme, willing) == [(2026, "planned", None)]
    clock.set(at(2026, 3, 20))
    for _ in range(3):
        programme.run()
    assert states(programme, willing) == [(2026, "issued", None), (2027, "planned", None)]
    assert len(events.all(BirthdayGiftIssued)) == 1
    assert programme.available(willing) == 0


def test_the_scheduled_job_issues_due_gifts(
    programme: Any, willing: uuid.UUID, platform: Platform, clock: Any, run_jobs: Callable[[], int]
) -> None:
    """As the workers run it."""
    programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE)
    clock.set(at(2026, 3, 21))
    with platform.db.write() as session:
        platform.jobs.enqueue(session, "loyalty.birthdays", {})
    run_jobs()
    assert programme.grants(willing)[0].state == "issued"


def test_two_workers_at_once_issue_one_gift(
    programme: Any, willing: uuid.UUID, clock: Any, events: Any
) -> None:
    """Rule 9."""
    from concurrent.futures import ThreadPoolExecutor

    programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE)
    clock.set(at(2026, 3, 20))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _n: programme.run(), range(4)))
    assert len(events.all(BirthdayGiftIssued)) == 1
    assert [g.state for g in programme.grants(willing)] == ["issued", "planned"]


def test_the_window_is_that_of_the_members_zone(
    programme: Any, willing: uuid.UUID, clock: Any
) -> None:
    """Rule 5: on Kiritimati the day begins 14 hours before it does in Greenwich."""
    programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE, timezone="Pacific/Kiritimati")
    clock.set(at(2026, 3, 19, 9, 59))
    programme.run()
    assert programme.grants(willing)[0].state == "planned"
    clock.set(at(2026, 3, 19, 10, 0))
    programme.run()
    assert programme.grants(willing)[0].state == "issued"


def test_moving_house_changes_nothing_planned(
    programme: Any, willing: uuid.UUID, clock: Any
) -> None:
    """Rule 5: the zone is kept on the planned row; the next year has the new one."""
    programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE, timezone="Asia/Tokyo")
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE, timezone="America/New_York")
    assert programme.grants(willing)[0].starts_at == at(2026, 3, 19, 15)
    clock.set(at(2026, 3, 20, 12))
    programme.run()
    assert programme.grants(willing)[1].timezone == "America/New_York"


def test_a_rule_edit_plans_anew_in_the_zone_of_the_plan(
    programme: Any, willing: uuid.UUID, platform: Platform
) -> None:
    """The days around change; where the member lives now does not matter."""
    import dataclasses

    from dxp_loyalty.services.occasions import OccasionRuleDraft

    rule = programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE, timezone="Asia/Tokyo")
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE, timezone="America/New_York")
    draft = OccasionRuleDraft(key=rule.key, texts=rule.texts, points=300, days_before=5)
    with platform.db.write() as session:
        programme.loyalty.occasions.edit_rule(
            session, rule.id, draft, expected_version=1, actor=_staff()
        )
    programme.run()
    assert programme.grants(willing)[0].starts_at == at(2026, 3, 14, 15)
    switched_off = dataclasses.replace(draft, active=False)
    with platform.db.write() as session:
        programme.loyalty.occasions.edit_rule(
            session, rule.id, switched_off, expected_version=2, actor=_staff()
        )
    programme.clock.set(at(2026, 3, 20))
    programme.run()
    assert programme.grants(willing)[0].state == "planned"


def test_a_rule_edit_reaches_every_plan(programme: Any, platform: Platform, clock: Any) -> None:
    """In one statement for a whole batch."""
    from dxp_loyalty.services.occasions import OccasionRuleDraft

    rule = programme.birthday_rule()
    members = [programme.member() for _ in range(5)]
    for number, member in enumerate(members):
        programme.birthday(member, 6, 1 + number, set_at=LONG_BEFORE)
    draft = OccasionRuleDraft(key=rule.key, texts=rule.texts, points=300, days_before=2)
    with platform.db.write() as session:
        programme.loyalty.occasions.edit_rule(
            session, rule.id, draft, expected_version=1, actor=_staff()
        )
    programme.run()
    starts = [programme.grants(member)[0].starts_at for member in members]
    assert starts == [at(2026, 5, 30) + timedelta(days=number) for number in range(5)]


def test_without_consent_there_is_no_gift_and_the_reason_is_kept(
    programme: Any, member: uuid.UUID, consents: Any, clock: Any, run_jobs: Callable[[], int]
) -> None:
    """Rule 10; a consent within fourteen days still brings it, at once."""
    programme.birthday_rule()
    programme.birthday(member, 3, 20, set_at=LONG_BEFORE)
    clock.set(at(2026, 3, 20))
    programme.run()
    assert states(programme, member)[0] == (2026, "planned", "no_consent")
    clock.advance(days=13)
    consents.given.add((member, "birthday"))
    told = ConsentChanged(purpose="birthday", granted=True, channel="web", text_version="1")
    programme.publish(member, told)
    run_jobs()
    assert states(programme, member)[0] == (2026, "issued", None)


def test_without_consent_for_fourteen_days_the_gift_is_missed(
    programme: Any, member: uuid.UUID, clock: Any
) -> None:
    """Rule 8, with the reason for staff."""
    programme.birthday_rule()
    programme.birthday(member, 3, 20, set_at=LONG_BEFORE)
    clock.set(at(2026, 3, 20))
    programme.run()
    clock.advance(days=14, seconds=1)
    programme.run()
    assert states(programme, member)[0] == (2026, "missed", "no_consent")


@pytest.mark.parametrize(
    ("late", "state"),
    [(timedelta(days=14), "issued"), (timedelta(days=14, seconds=1), "missed")],
)
def test_a_gift_is_issued_up_to_fourteen_days_late(
    programme: Any, willing: uuid.UUID, clock: Any, late: timedelta, state: str
) -> None:
    """Rule 8, to the second; it is then valid for the rule's minimum."""
    programme.birthday_rule(days_after=3, minimum_days=10)
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE)
    clock.set(at(2026, 3, 20) + late)
    programme.run()
    grant = programme.grants(willing)[0]
    assert grant.state == state
    if state == "issued":
        assert grant.valid_until == clock.now() + timedelta(days=10)


def test_a_minor_needs_a_guardian(
    programme: Any, willing: uuid.UUID, consents: Any, clock: Any
) -> None:
    """Rule 11, by the known age on that birthday; an unknown year asks for none."""
    programme.birthday_rule(minimum_age=16)
    programme.birthday(willing, 3, 20, year=2012, set_at=LONG_BEFORE)
    clock.set(at(2026, 3, 20))
    programme.run()
    assert states(programme, willing)[0] == (2026, "planned", "guardian_consent_missing")
    consents.given.add((willing, "guardian"))
    programme.run()
    assert states(programme, willing)[0] == (2026, "issued", None)
    other = programme.member()
    consents.given.add((other, "birthday"))
    programme.birthday(other, 3, 20, set_at=LONG_BEFORE)
    programme.run()
    assert programme.grants(other)[0].state == "issued"


def test_an_edit_before_issue_plans_anew(programme: Any, willing: uuid.UUID, clock: Any) -> None:
    """Rule 7."""
    programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE)
    programme.birthday(willing, 6, 1)
    assert programme.grants(willing)[0].occurs_on == date(2026, 6, 1)
    clock.set(at(2026, 3, 25))
    programme.run()
    assert programme.grants(willing)[0].state == "planned"


def test_an_edit_after_issue_brings_no_second_gift(
    programme: Any, willing: uuid.UUID, clock: Any
) -> None:
    """Rule 4: across New Year, and across calendars."""
    programme.birthday_rule()
    programme.birthday(willing, 12, 20, set_at=LONG_BEFORE)
    clock.set(at(2026, 12, 20))
    programme.run()
    assert programme.grants(willing)[0].state == "issued"
    programme.birthday(willing, 1, 15)
    clock.set(at(2027, 1, 20))
    programme.run()
    assert states(programme, willing)[1] == (2027, "skipped", "too_soon")
    programme.birthday(willing, 12, 1, calendar="jalali")
    clock.set(at(2027, 2, 25))
    programme.run()
    clock.set(at(2028, 2, 25))
    programme.run()
    given_out = [
        (grant.calendar, grant.occurrence_year)
        for grant in programme.grants(willing)
        if grant.issued_at is not None
    ]
    assert given_out == [("jalali", 1406), ("gregorian", 2026)]


def test_a_birthday_taken_back_plans_nothing(
    programme: Any, willing: uuid.UUID, clock: Any
) -> None:
    """And told again it is planned again."""
    programme.birthday_rule()
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE)
    programme.publish(willing, BirthdayChanged(birthday=None))
    assert states(programme, willing) == [(2026, "cancelled", "withdrawn")]
    programme.birthday(willing, 3, 20, set_at=LONG_BEFORE)
    assert states(programme, willing) == [(2026, "planned", None)]


def test_a_late_birthday_waits_seven_days(programme: Any, willing: uuid.UUID, clock: Any) -> None:
    """Rule 6, the default."""
    programme.birthday_rule()
    programme.birthday(willing, 3, 12)
    grant = programme.grants(willing)[0]
    assert grant.due_at == clock.now() + timedelta(days=7)


def test_a_birthday_told_after_the_day_waits_for_the_next(
    programme: Any, willing: uuid.UUID
) -> None:
    """Rule 6: never for an occurrence before it was told."""
    programme.birthday_rule(days_after=30, late_policy="immediate")
    programme.birthday(willing, 3, 9)
    assert states(programme, willing) == [(2027, "planned", None)]


def test_a_rule_that_comes_later_plans_for_everybody(
    programme: Any, willing: uuid.UUID, clock: Any
) -> None:
    """And gives today's birthdays theirs."""
    programme.birthday(willing, 3, 10, set_at=LONG_BEFORE)
    other = programme.member()
    programme.birthday(other, 2, 1, set_at=LONG_BEFORE)
    programme.birthday_rule()
    programme.run()
    assert states(programme, willing)[0] == (2026, "issued", None)
    assert states(programme, other) == [(2027, "planned", None)]


def test_many_members_are_planned_and_issued_in_batches(
    programme: Any, consents: Any, platform: Platform, clock: Any, count_queries: Any
) -> None:
    """The number of statements does not grow with a batch."""
    programme.birthday_rule()

    def due(count: int) -> int:
        with platform.db.write() as session:
            ids = [platform.subjects.create(session).id for _ in range(count)]
        for subject_id in ids:
            programme.birthday(subject_id, 3, 20, set_at=LONG_BEFORE)
            consents.given.add((subject_id, "birthday"))
        with count_queries() as queries:
            run = programme.run()
        assert run.outcome.issued == count
        return queries.count

    clock.set(at(2026, 3, 20))
    assert due(2) == due(20)


def test_a_claim_gives_the_points_once(
    client: Any, programme: Any, willing: uuid.UUID, clock: Any
) -> None:
    """The same key replays; another is refused."""
    programme.birthday_rule(points=200)
    programme.birthday(willing, 3, 10, set_at=LONG_BEFORE)
    programme.run()
    me = client.as_customer(willing)
    waiting = next(item for item in me.get("/api/v1/me/occasions").json if item["claimable"])
    assert (waiting["name"], waiting["points"], waiting["why"]) == ("Birthday gift", 200, None)
    url = f"/api/v1/me/occasions/{waiting['id']}/claim"
    first = me.post(url, headers={"Idempotency-Key": "k1"})
    again = me.post(url, headers={"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    assert first.json["points"] == 200
    assert programme.available(willing) == 200
    other = me.post(url, headers={"Idempotency-Key": "k2"})
    assert (other.status_code, other.json["code"]) == (422, "not_active")
    (line,) = me.get("/api/v1/me/transactions").json["data"]
    assert line["why"] == "A gift for a special day"
    programme.check()


def test_a_gift_may_be_a_free_reward(
    client: Any, programme: Any, willing: uuid.UUID, platform: Platform
) -> None:
    """It takes a piece from the stock and no points."""
    reward = programme.reward(stock=1)
    programme.birthday_rule(points=0, reward_id=reward.id)
    programme.birthday(willing, 3, 10, set_at=LONG_BEFORE)
    programme.run()
    me = client.as_customer(willing)
    grant = programme.grants(willing)[0]
    url = f"/api/v1/me/occasions/{grant.id}/claim"
    answer = me.post(url, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 200
    (redeemed,) = me.get("/api/v1/me/redemptions").json["data"]
    assert (redeemed["id"], redeemed["points"], redeemed["status"]) == (
        answer.json["redemption_id"],
        0,
        "captured",
    )
    with platform.db.read() as session:
        assert programme.loyalty.rewards.current(session, reward.id)[0].issued == 1
    programme.check()


def test_a_gift_whose_reward_is_gone_stays_unclaimed(
    client: Any, programme: Any, willing: uuid.UUID
) -> None:
    """The refusal says so, and nothing of the claim is written."""
    reward = programme.reward(stock=0)
    programme.birthday_rule(points=50, reward_id=reward.id)
    programme.birthday(willing, 3, 10, set_at=LONG_BEFORE)
    programme.run()
    grant = programme.grants(willing)[0]
    url = f"/api/v1/me/occasions/{grant.id}/claim"
    answer = client.as_customer(willing).post(url, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json["code"]) == (422, "out_of_stock")
    assert programme.grants(willing)[0].state == "issued"
    assert programme.available(willing) == 0
    programme.check()


def test_gifts_of_others_planned_ones_and_late_claims_are_refused(
    client: Any, programme: Any, willing: uuid.UUID, clock: Any
) -> None:
    """Each with its code."""
    programme.birthday_rule(days_after=3, minimum_days=0)
    programme.birthday(willing, 3, 10, set_at=LONG_BEFORE)
    programme.run()
    issued, planned = programme.grants(willing)
    me, other = client.as_customer(willing), client.as_customer()

    def claim(who: Any, grant_id: uuid.UUID) -> Any:
        url = f"/api/v1/me/occasions/{grant_id}/claim"
        return who.post(url, headers={"Idempotency-Key": str(uuid.uuid4())})

    assert claim(other, issued.id).json["code"] == "unknown_occasion"
    assert claim(me, uuid.uuid4()).json["code"] == "unknown_occasion"
    assert claim(me, planned.id).json["code"] == "not_active"
    clock.advance(days=4)
    assert claim(me, issued.id).json["code"] == "not_active"
    programme.run()
    assert programme.grants(willing)[0].state == "lapsed"


def test_the_member_is_told_why_not_yet(client: Any, programme: Any, member: uuid.UUID) -> None:
    """The day, or what is missing."""
    programme.birthday_rule(late_policy="immediate")
    programme.birthday(member, 3, 10)
    programme.run()
    me = client.as_customer(member)
    (gift,) = [i for i in me.get("/api/v1/me/occasions").json if i["occurs_on"] == "2026-03-10"]
    assert "consent" in gift["why"]


def _staff() -> Any:
    from dxp.api import SystemActor

    return SystemActor(name="test")


def simulate(programme: Any, subject_id: uuid.UUID, runs: list[datetime]) -> list[tuple[Any, ...]]:
    """Run the job at these moments; which gifts came of it."""
    for moment in runs:
        programme.clock.set(moment)
        programme.run()
    return [
        (g.calendar, g.occurrence_year, g.occurs_on, g.due_at)
        for g in programme.grants(subject_id)
        if g.issued_at is not None
    ]


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_an_outage_of_fourteen_days_changes_no_gift(
    programme: Any, consents: Any, platform: Platform, data: st.DataObject
) -> None:
    """Rule 8: the same birthdays get the same gifts, in every calendar and zone."""
    start = at(2026, 1, 1)
    programme.clock.set(start)
    programme.birthday_rule(key=f"rule-{uuid.uuid4().hex[:10]}")
    calendar = data.draw(st.sampled_from(["gregorian", "jalali", "hijri_umalqura"]))
    month, day = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 29))
    zone = data.draw(st.sampled_from(["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Tehran"]))
    offset = data.draw(st.integers(0, 13))
    regular = [start + timedelta(days=n) for n in range(0, 420, 7)]
    broken = [start + timedelta(days=n) for n in range(offset, 440, 13)]
    gifts = []
    for runs in (regular, broken):
        programme.clock.set(start)
        member = programme.member()
        consents.given.add((member, "birthday"))
        programme.birthday(member, month, day, calendar=calendar, timezone=zone, set_at=LONG_BEFORE)
        found = simulate(programme, member, runs)
        gifts.append([gift for gift in found if gift[3] <= start + timedelta(days=410)])
        with platform.db.write() as session:
            programme.loyalty.people.erase(session, [member], actor=_staff())
    assert gifts[0] == gifts[1]
    assert 1 <= len(gifts[0]) <= 2
    with platform.db.write() as session:
        from sqlalchemy import update

        from dxp_loyalty.models import OccasionRule

        session.execute(update(OccasionRule).values(active=False))
