"""The sign-up's anniversary and days of the calendar, from becoming a customer to the claim."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dxp.api import Platform, Plugin, StartContext, SystemActor, Unprocessable
from dxp.contracts import CustomerRegistered, Profiles
from dxp_loyalty.events import OccasionGiftClaimed, OccasionGiftIssued
from dxp_loyalty.services.day_keeping import DayDraft
from dxp_loyalty.services.occasions import OccasionRuleDraft

STAFF = SystemActor(name="test")
JOINED = datetime(2025, 4, 10, 12, tzinfo=UTC)
NOWRUZ = {"*": {"calendar": "jalali", "month": 1, "day": 1}}


class KnownProfiles:
    """Profiles as a test sets them."""

    def __init__(self) -> None:
        self.of: dict[uuid.UUID, dict[str, Any]] = {}

    def display_names(self, session: Any, subject_ids: Sequence[uuid.UUID]) -> dict[Any, str]:
        return {}

    def attributes(
        self, session: Any, subject_ids: Sequence[uuid.UUID]
    ) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        return {subject: self.of[subject] for subject in subject_ids if subject in self.of}


class ProfilePlugin(Plugin):
    """Stands in for whichever plugin keeps profiles."""

    name = "profiling"

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        return {Profiles: KnownProfiles()}


@pytest.fixture
def app_plugins(app_plugins: Sequence[type[Plugin]]) -> Sequence[type[Plugin]]:
    return [*app_plugins, ProfilePlugin]


@pytest.fixture
def profiles(platform: Platform) -> Any:
    return platform.services.get(Profiles)  # type: ignore[type-abstract]


def join(programme: Any, moment: datetime = JOINED) -> uuid.UUID:
    """Somebody who became a customer at `moment`."""
    programme.clock.set(moment)
    subject_id: uuid.UUID = programme.member()
    programme.publish(subject_id, CustomerRegistered(ref=str(subject_id)))
    return subject_id


def rule(programme: Any, kind: str, **values: Any) -> Any:
    return programme.birthday_rule(kind=kind, **values)


def keep(programme: Any, patterns: Any = NOWRUZ, key: str = "nowruz") -> Any:
    draft = DayDraft(key=key, texts={"en": {"name": "Nowruz"}}, patterns=patterns)
    with programme.platform.db.write() as session:
        return programme.loyalty.days.create(session, draft, actor=STAFF)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def seen(programme: Any, subject_id: uuid.UUID) -> list[tuple[date | None, str, str | None]]:
    return [(grant.occurs_on, grant.state, grant.reason) for grant in programme.grants(subject_id)]


def test_the_anniversary_of_becoming_a_customer_comes_each_year_from_the_first(
    programme: Any, events: Any
) -> None:
    """And asks for no consent to the use of a birthday."""
    rule(programme, "signup", points=50)
    member = join(programme)
    programme.run()
    assert seen(programme, member) == [(date(2026, 4, 10), "planned", None)]
    programme.clock.set(at(2026, 4, 10, 1))
    for _ in range(2):
        programme.run()
    assert seen(programme, member) == [
        (date(2026, 4, 10), "issued", None),
        (date(2027, 4, 10), "planned", None),
    ]
    issued = events.all(OccasionGiftIssued)
    assert [(event.data["kind"], event.data["points"]) for event in issued] == [("signup", 50)]
    with programme.platform.db.write() as session:
        programme.loyalty.occasions.claim(
            session, programme.grants(member)[0].id, subject_id=member, actor=STAFF
        )
    assert programme.available(member) == 50
    assert len(events.all(OccasionGiftClaimed)) == 1


def test_whoever_was_a_customer_before_the_rule_is_not_forgotten(programme: Any) -> None:
    member = join(programme)
    programme.clock.set(at(2026, 1, 1))
    rule(programme, "signup")
    programme.run()
    assert seen(programme, member) == [(date(2026, 4, 10), "planned", None)]


def test_a_day_of_the_calendar_is_that_of_the_members_country_and_zone(
    programme: Any, profiles: Any
) -> None:
    day = keep(
        programme,
        {"FR": {"month": 5, "weekday": 6, "nth": -1}, "US": {"month": 5, "weekday": 6, "nth": 2}},
        key="mothers-day",
    )
    rule(programme, "calendar", day_id=day.id)
    french, american, swiss = (join(programme) for _ in range(3))
    profiles.of[french] = {"country": "FR", "timezone": "Europe/Paris"}
    profiles.of[american] = {"country": "US", "timezone": "America/New_York"}
    profiles.of[swiss] = {"country": "CH"}
    programme.run()
    assert programme.grants(french)[0].starts_at == at(2026, 5, 30, 22)
    assert programme.grants(american)[0].starts_at == at(2026, 5, 10, 4)
    assert programme.grants(swiss) == []


def test_nowruz_comes_once_in_each_year_of_its_own_calendar(programme: Any) -> None:
    day = keep(programme)
    rule(programme, "calendar", day_id=day.id, days_after=2)
    member = join(programme)
    for year in (2026, 2027, 2028):
        for moment in (at(year, 3, 19, 12), at(year, 3, 20, 12), at(year, 3, 21, 12)):
            programme.clock.set(moment)
            programme.run()
    issued = [g for g in programme.grants(member) if g.state in ("issued", "lapsed")]
    assert [g.occurrence_year for g in issued] == [1405, 1406, 1407]
    assert [g.occurs_on for g in issued] == [
        date(2026, 3, 21),
        date(2027, 3, 21),
        date(2028, 3, 20),
    ]


def test_a_day_that_is_moved_is_planned_anew_and_given_once(programme: Any) -> None:
    """The moon was seen a day later than the tables say; somebody had the gift already."""
    eid = {"*": {"calendar": "hijri_umalqura", "month": 10, "day": 1}}
    day = keep(programme, eid, key="eid-al-fitr")
    rule(programme, "calendar", day_id=day.id)
    early = join(programme)
    programme.clock.set(at(2026, 3, 20, 1))
    programme.run()
    late = join(programme, at(2026, 1, 1))
    programme.clock.set(at(2026, 3, 1))
    programme.run()
    moved = {"*": eid["*"] | {"dates": {"1447": "2026-03-21"}}}
    with programme.platform.db.write() as session:
        programme.loyalty.days.edit(
            session,
            day.id,
            DayDraft(key=day.key, texts=day.texts, patterns=moved),
            expected_version=1,
            actor=STAFF,
        )
    programme.clock.set(at(2026, 3, 20, 12))
    programme.run()
    assert seen(programme, late)[0] == (date(2026, 3, 21), "planned", None)
    programme.clock.set(at(2026, 3, 21, 12))
    programme.run()
    assert [s for _d, s, _r in seen(programme, late)] == ["issued", "planned"]
    assert [s for _d, s, _r in seen(programme, early)] == ["issued", "planned"]


def test_a_gift_may_be_for_some_only_and_the_others_are_told(programme: Any) -> None:
    """Asked on the day: what a member is like before it or after does not matter."""
    day = keep(programme)
    condition = {"loyalty.points_available": {"$gte": 100}}
    rule(programme, "calendar", day_id=day.id, condition=condition)
    rich, poor = join(programme), join(programme)
    programme.run()
    programme.give(rich, 100)
    programme.clock.set(at(2026, 3, 21, 12))
    programme.run()
    programme.give(poor, 100)
    programme.run()
    assert seen(programme, rich)[0][1:] == ("issued", None)
    assert seen(programme, poor)[0][1:] == ("skipped", "not_meant")


def test_everything_stops_for_who_told_no_birthday_too(programme: Any) -> None:
    """Rule 12, reversibly."""
    rule(programme, "signup")
    member = join(programme)
    for paused, expected in ((True, ("planned", "paused")), (False, ("issued", None))):
        with programme.platform.db.write() as session:
            programme.loyalty.membership.pause(session, member, paused=paused, actor=STAFF)
        programme.clock.set(at(2026, 4, 11))
        programme.run()
        assert seen(programme, member)[0][1:] == expected


def test_a_kept_day_and_a_birthday_do_not_disturb_one_another(
    programme: Any, consents: Any
) -> None:
    programme.birthday_rule()
    rule(programme, "signup")
    member = join(programme)
    consents.given.add((member, "birthday"))
    programme.birthday(member, 4, 10, set_at=JOINED)
    programme.run()
    assert len(seen(programme, member)) == 2
    with programme.platform.db.write() as session:
        programme.loyalty.occasions.take_over(session, {member: (None, None, None)})
    states = {g.rule_id: g.state for g in programme.grants(member)}
    assert sorted(states.values()) == ["cancelled", "planned"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "calendar"}, "day_mismatch"),
        ({"kind": "calendar", "day_id": uuid.uuid4()}, "unknown_occasion_day"),
        ({"kind": "signup", "day_id": uuid.uuid4()}, "day_mismatch"),
        ({"condition": {"$what": 1}}, "invalid_condition"),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    programme: Any, values: dict[str, Any], code: str
) -> None:
    from dxp.api import Problem

    with pytest.raises(Problem) as refused:
        programme.birthday_rule(**values)
    assert refused.value.code == code


def test_a_rule_keeps_its_kind(programme: Any) -> None:
    made = rule(programme, "signup")
    draft = OccasionRuleDraft(key=made.key, texts=made.texts, points=1, kind="birthday")
    with programme.platform.db.write() as session:
        edited = programme.loyalty.occasions.edit_rule(
            session, made.id, draft, expected_version=1, actor=STAFF
        )
    assert (edited.kind, edited.points) == ("signup", 1)


def test_a_day_in_use_is_not_removed(programme: Any) -> None:
    from dxp.api import Conflict

    day, other = keep(programme), keep(programme, key="yalda")
    rule(programme, "calendar", day_id=day.id)
    with programme.platform.db.write() as session:
        programme.loyalty.days.remove(session, other.id, actor=STAFF)
    with pytest.raises(Conflict) as refused, programme.platform.db.write() as session:
        programme.loyalty.days.remove(session, day.id, actor=STAFF)
    assert refused.value.code == "occasion_day_used"
    with pytest.raises(Conflict) as taken:
        keep(programme)
    assert taken.value.code == "occasion_day_key_taken"
    with pytest.raises(Unprocessable):
        keep(programme, {}, key="never")


def test_a_merge_keeps_the_earlier_moment_and_its_undo_gives_both_theirs(
    programme: Any, platform: Platform
) -> None:
    from dxp.api import MergeContext, UnmergeContext

    rule(programme, "signup")
    older, younger = join(programme), join(programme, datetime(2025, 8, 1, tzinfo=UTC))
    programme.run()
    with platform.db.write() as session:
        context = MergeContext(
            session=session, platform=platform, winner_id=younger, loser_id=older, actor=STAFF
        )
        undo = programme.loyalty.merging.merge(context)
    programme.run()
    planned = [day for day, state, _r in seen(programme, younger) if state == "planned"]
    assert planned == [date(2026, 4, 10)]
    with platform.db.write() as session:
        back = UnmergeContext(
            session=session,
            platform=platform,
            winner_id=younger,
            loser_id=older,
            actor=STAFF,
            undo=undo,
            members=[older],
        )
        programme.loyalty.merging.unmerge(back)
    programme.run()
    for member, day in ((older, date(2026, 4, 10)), (younger, date(2026, 8, 1))):
        assert [d for d, state, _r in seen(programme, member) if state == "planned"] == [day]


def test_an_erasure_leaves_no_moment_of_joining(programme: Any, platform: Platform) -> None:
    from dxp_loyalty.models import Member

    rule(programme, "signup")
    member = join(programme)
    programme.run()
    with platform.db.write() as session:
        programme.loyalty.people.erase(session, [member], actor=STAFF)
    with platform.db.read() as session:
        assert session.get(Member, member) is None
    (grant,) = programme.grants(member)
    assert (grant.state, grant.occurs_on, grant.due_at) == ("cancelled", None, None)
