"""Segments: who is in them, kept as things happen and as time passes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from dxp.api import FactField, FactFieldsContext, FactsContext, NewEvent, Platform, Plugin, Problem
from dxp.contracts import SEGMENTS_FACT
from dxp.testing import SYSTEM, SettableClock, rows_touched
from dxp_crm.models import Customer, Segment, SegmentDue, SegmentMember
from dxp_crm.services import Crm
from dxp_crm.services.segments import looking
from dxp_crm.services.segments.building import count_sizes

RunJobs = Callable[[], Any]


@pytest.fixture
def crm(platform: Platform) -> Crm:
    return platform.services.get(Crm)


@pytest.fixture
def register(platform: Platform, crm: Crm) -> Callable[..., uuid.UUID]:
    """Register a customer; returns the id."""

    def make(ref: str, **data: Any) -> uuid.UUID:
        with platform.db.write() as session:
            found = crm.customers.register(session, SYSTEM, {"ref": ref, "tags": [], **data})
            return found.subject_id

    return make


@pytest.fixture
def segment(platform: Platform, crm: Crm, run_jobs: RunJobs) -> Callable[..., None]:
    """Make a segment, switch it on and fill it."""

    def make(key: str, condition: Mapping[str, Any]) -> None:
        with platform.db.write() as session:
            data = {"key": key, "names": {"en": key}, "condition": condition}
            crm.segments.definitions.create(session, SYSTEM, data)
            crm.segments.definitions.activate(session, SYSTEM, key=key)
        run_jobs()

    return make


@pytest.fixture
def members(platform: Platform, crm: Crm) -> Callable[[str], set[str]]:
    """Numbers of those in a segment."""

    def read(key: str) -> set[str]:
        with platform.db.read() as session:
            return set(
                session.scalars(
                    select(Customer.ref)
                    .join(SegmentMember, SegmentMember.subject_id == Customer.subject_id)
                    .join(Segment, Segment.id == SegmentMember.segment_id)
                    .where(Segment.key == key)
                )
            )

    return read


def order(
    platform: Platform,
    subject_id: uuid.UUID,
    *,
    at: datetime | None = None,
    total: str = "10",
    currency: str = "EUR",
) -> None:
    data = {"order_id": str(uuid.uuid4()), "total": total, "currency": currency}
    with platform.db.write() as session:
        platform.events.publish_many(
            session,
            [NewEvent(type="order.placed", data=data, subject_id=subject_id, occurred_at=at)],
        )


def test_a_segment_is_filled_when_it_is_switched_on(
    register: Any, segment: Any, members: Any, platform: Platform, crm: Crm, events: Any
) -> None:
    register("A", country="FR")
    register("B", country="DE")
    register("C")
    segment("french", {"crm.country": "FR"})
    segment("others", {"$not": {"crm.country": "FR"}})
    assert members("french") == {"A"}
    assert members("others") == {"B", "C"}
    with platform.db.read() as session:
        found = crm.segments.definitions.get(session, "others")
        assert (found.status, found.built, found.to_build, found.size) == ("active", 3, 3, 2)
    assert "crm.segment_entered" not in events.types


def test_a_change_of_the_profile_counts_at_once(
    register: Any, segment: Any, members: Any, platform: Platform, crm: Crm, events: Any
) -> None:
    segment("french", {"crm.country": "FR"})
    subject_id = register("A", country="FR")
    assert members("french") == {"A"}
    with platform.db.write() as session:
        crm.customers.update(
            session, SYSTEM, subject_id=subject_id, version=None, changes={"country": "DE"}
        )
    assert members("french") == set()
    assert events.types.count("crm.segment_entered") == 1
    assert events.types.count("crm.segment_left") == 1


def test_a_consent_given_and_withdrawn_counts_at_once(
    register: Any, segment: Any, members: Any, platform: Platform, crm: Crm
) -> None:
    segment("readers", {"crm.consents": {"$in": ["marketing"]}})
    subject_id = register("A")
    for granted in (True, False):
        with platform.db.write() as session:
            crm.consents.record(
                session,
                SYSTEM,
                subject_id=subject_id,
                purpose="marketing",
                granted=granted,
                channel="web",
                text_version="1",
            )
        assert members("readers") == ({"A"} if granted else set())


def test_a_window_of_events_opens_and_closes_on_time(
    register: Any,
    segment: Any,
    members: Any,
    platform: Platform,
    clock: SettableClock,
    run_jobs: RunJobs,
) -> None:
    segment("buyers", {"$event": {"type": "order.placed", "count": {"$gte": 2}, "within": "30d"}})
    subject_id = register("A")
    start = clock.now()
    order(platform, subject_id, at=start - timedelta(days=29))
    order(platform, subject_id, at=start)
    assert members("buyers") == {"A"}
    clock.set(start + timedelta(days=1) - timedelta(seconds=1))
    due(platform)
    assert members("buyers") == {"A"}
    clock.advance(seconds=1)
    due(platform)
    assert members("buyers") == set()


def due(platform: Platform) -> int:
    """What the scheduled job does."""
    evaluator = platform.services.get(Crm).segments.evaluator
    with platform.db.write() as session:
        return evaluator.evaluate_due(session)


def test_late_and_out_of_order_events_come_out_right(
    register: Any, segment: Any, members: Any, platform: Platform, clock: SettableClock
) -> None:
    segment("three", {"$event": {"type": "order.placed", "count": 3, "within": "10d"}})
    subject_id = register("A")
    start = clock.now()
    for days in (2, 9, 40, 5):
        order(platform, subject_id, at=start - timedelta(days=days))
    assert members("three") == {"A"}
    clock.advance(days=1)
    due(platform)
    assert members("three") == set()
    order(platform, subject_id, at=start - timedelta(days=6))
    assert members("three") == {"A"}


def test_only_events_whose_data_fits_are_counted(
    register: Any, segment: Any, members: Any, platform: Platform
) -> None:
    segment("euros", {"$event": {"type": "order.placed", "where": {"currency": "EUR"}}})
    segment(
        "like", {"$event": {"type": "order.placed", "where": {"currency": {"$regex": "U[SX]"}}}}
    )
    first, second = register("A"), register("B")
    order(platform, first, currency="EUR")
    order(platform, second, currency="USD")
    assert (members("euros"), members("like")) == ({"A"}, {"B"})


def test_a_birthday_begins_and_ends_where_the_customer_lives(
    register: Any, segment: Any, members: Any, platform: Platform, clock: SettableClock
) -> None:
    segment("today", {"crm.birthday": {"$anniversary": {"within": "0d"}}})
    consents = [{"purpose": "birthday", "granted": True, "channel": "web", "text_version": "1"}]
    zones = {"A": "Pacific/Auckland", "B": "Europe/Paris", "C": "America/Los_Angeles"}
    for ref, zone in zones.items():
        birthday = {"month": 3, "day": 12, "year": None, "calendar": "gregorian"}
        register(ref, timezone=zone, birthday=birthday, consents=consents)
    register("no consent", birthday={"month": 3, "day": 12, "calendar": "gregorian"})
    flips = []
    for hours in range(72):
        clock.set(datetime(2026, 3, 11, tzinfo=UTC) + timedelta(hours=hours))
        due(platform)
        flips.append(members("today"))
    assert [hours for hours, found in enumerate(flips) if "A" in found] == list(range(11, 35))
    assert [hours for hours, found in enumerate(flips) if "B" in found] == list(range(23, 47))
    assert [hours for hours, found in enumerate(flips) if "C" in found] == list(range(31, 55))
    assert not any("no consent" in found for found in flips)


def test_a_birthday_of_another_calendar_is_kept_in_that_calendar(
    register: Any, segment: Any, members: Any, platform: Platform, clock: SettableClock
) -> None:
    clock.set(datetime(2026, 3, 20, 12, tzinfo=UTC))
    consents = [{"purpose": "birthday", "granted": True, "channel": "web", "text_version": "1"}]
    birthday = {"month": 1, "day": 1, "year": 1370, "calendar": "jalali"}
    register("A", timezone="Asia/Tehran", birthday=birthday, consents=consents)
    segment("new year", {"crm.birthday": {"$anniversary": {"within": "0d"}}})
    assert members("new year") == set()
    clock.set(datetime(2026, 3, 20, 20, 30, tzinfo=UTC))
    due(platform)
    assert members("new year") == {"A"}


def test_only_those_who_are_due_are_looked_at(
    register: Any,
    segment: Any,
    platform: Platform,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    count_queries: Any,
) -> None:
    """Of two hundred customers three are due: three are read, in a number of queries that stays."""
    segment("new", {"crm.created_at": {"$gt": "-10d"}})
    for number in range(100):
        register(f"old-{number}")
    clock.advance(days=5)
    for number in range(3):
        register(f"due-{number}")
    clock.advance(hours=1)
    for number in range(97):
        register(f"new-{number}")
    clock.advance(days=5)
    while due(platform):
        pass
    clock.advance(days=5, hours=-1)
    asked = facts_asked(platform, monkeypatch)
    with count_queries() as queries:
        assert due(platform) == 3
    assert len(asked) == 3
    assert queries.count < 20, str(queries)
    assert due(platform) == 0


def test_the_work_for_those_who_are_due_does_not_grow_with_the_others(
    segment: Any, platform: Platform, crm: Crm, clock: SettableClock, run_jobs: RunJobs
) -> None:
    """Rows that the database touches are counted: ten times as many others add none to them."""
    segment("buyers", {"$event": {"type": "order.placed", "within": "10d"}})
    counts = []
    for others in (40, 400):
        for people, days in ((3, 5), (others, 5)):
            rows = [{"ref": f"R-{others}-{people}-{n}"} for n in range(people)]
            with platform.db.write() as session:
                made = crm.customers.register_many(session, SYSTEM, rows)
                orders = [
                    NewEvent(
                        type="order.placed",
                        data={"order_id": str(uuid.uuid4()), "total": "1", "currency": "EUR"},
                        subject_id=one.subject_id,
                    )
                    for one in made
                    if isinstance(one, Customer)
                ]
                platform.events.publish_many(session, orders)
            run_jobs()
            clock.advance(days=days)
        with platform.db.write() as session:
            waiting = session.scalar(select(func.count()).select_from(SegmentDue))
            with rows_touched(session) as touched:
                looked_at = crm.segments.evaluator.evaluate_due(session)
        counts.append((looked_at, waiting, touched.count))
        clock.advance(days=20)
        while due(platform):
            pass
    (few_due, few_waiting, few_touched), (many_due, many_waiting, many_touched) = counts
    assert (few_due, few_waiting) == (3, 43)
    assert (many_due, many_waiting) == (3, 403)
    assert few_touched > 0
    assert many_touched <= few_touched * 1.25


def facts_asked(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    asked: list[uuid.UUID] = []
    call = platform.plugins.call

    def noting(hook: Any, context: Any) -> Any:
        if isinstance(context, FactsContext):
            asked.extend(context.subject_ids)
        return call(hook, context)

    monkeypatch.setattr(platform.plugins, "call", noting)
    return asked


def test_an_event_that_no_segment_asks_about_costs_one_query(
    register: Any, segment: Any, platform: Platform, count_queries: Any
) -> None:
    subject_id = register("A")
    with count_queries() as without:
        order(platform, subject_id)
    segment("french", {"crm.country": "FR"})
    with count_queries() as queries:
        order(platform, subject_id)
    assert queries.count <= without.count + 2, str(queries)


def test_many_people_at_once_are_looked_at_right_after(
    segment: Any, members: Any, platform: Platform, crm: Crm, run_jobs: RunJobs
) -> None:
    segment("french", {"crm.country": "FR"})
    rows = [{"ref": f"R-{n}", "country": "FR" if n % 2 else "DE"} for n in range(120)]
    with platform.db.write() as session:
        crm.customers.register_many(session, SYSTEM, rows)
    assert members("french") == set()
    run_jobs()
    assert members("french") == {f"R-{n}" for n in range(1, 120, 2)}


def test_a_segment_of_segments_follows_them(
    register: Any, segment: Any, members: Any, platform: Platform, crm: Crm
) -> None:
    segment("french", {"crm.country": "FR"})
    segment("buyers", {"$event": {"type": "order.placed"}})
    segment("both", {"$segment": "french", "$and": [{"$segment": "buyers"}]})
    segment("rest", {"$not": {"$segment": "both"}})
    subject_id = register("A", country="FR")
    assert (members("both"), members("rest")) == (set(), {"A"})
    order(platform, subject_id)
    assert (members("both"), members("rest")) == ({"A"}, set())


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"crm.contry": "FR"}, "unknown_field"),
        ({SEGMENTS_FACT: "x"}, "unknown_field"),
        ({"$event": {"type": "order.plced"}}, "unknown_event_type"),
        ({"$event": {"type": "crm.segment_entered"}}, "unknown_event_type"),
        ({"$segment": "nobody"}, "unknown_segment"),
    ],
)
def test_what_nobody_can_answer_is_refused(
    platform: Platform, crm: Crm, condition: Any, code: str
) -> None:
    with pytest.raises(Problem) as caught, platform.db.write() as session:
        data = {"key": "x", "names": {"en": "x"}, "condition": condition}
        crm.segments.definitions.create(session, SYSTEM, data)
    assert caught.value.code == "invalid_condition"
    assert [fault.code for fault in caught.value.errors] == [code]


def test_a_circle_of_segments_is_refused_and_named(
    segment: Any, platform: Platform, crm: Crm
) -> None:
    segment("a", {"crm.country": "FR"})
    segment("b", {"$segment": "a"})
    segment("c", {"$segment": "b"})
    with pytest.raises(Problem) as caught, platform.db.write() as session:
        crm.segments.definitions.update(
            session, SYSTEM, key="a", changes={"condition": {"$not": {"$segment": "c"}}}
        )
    assert caught.value.code == "segment_cycle"
    assert "a → " in str(caught.value)
    with pytest.raises(Problem) as used, platform.db.write() as session:
        crm.segments.definitions.delete(session, SYSTEM, key="b")
    assert used.value.code == "segment_in_use"
    assert "c" in str(used.value)


def test_a_list_is_kept_by_hand_and_others_follow_it(
    register: Any, segment: Any, members: Any, platform: Platform, crm: Crm
) -> None:
    register("A")
    register("B")
    definitions = crm.segments.definitions
    with platform.db.write() as session:
        data = {"key": "vip", "names": {"en": "VIP"}, "kind": "static"}
        definitions.create(session, SYSTEM, data)
    segment("rest", {"$not": {"$segment": "vip"}})
    with platform.db.write() as session:
        done = definitions.add_to_list(session, SYSTEM, key="vip", refs=["A", "Z", "A"])
    assert (done.changed, list(done.unknown)) == (1, ["Z"])
    assert (members("vip"), members("rest")) == ({"A"}, {"B"})
    with platform.db.write() as session:
        definitions.remove_from_list(session, SYSTEM, key="vip", refs=["A"])
    assert (members("vip"), members("rest")) == (set(), {"A", "B"})


def test_everybody_can_ask_for_segments_by_a_fact(
    register: Any, segment: Any, platform: Platform
) -> None:
    subject_id = register("A", country="FR")
    segment("french", {"crm.country": "FR"})
    with platform.db.read() as session:
        context = FactsContext(
            session=session, platform=platform, subject_ids=[subject_id], now=platform.clock.now()
        )
        answers = platform.plugins.call(Plugin.facts, context)
    assert [answer.value[subject_id][SEGMENTS_FACT] for answer in answers] == [["french"]]


def test_a_changed_condition_is_looked_at_anew(
    register: Any, segment: Any, members: Any, platform: Platform, crm: Crm, run_jobs: RunJobs
) -> None:
    register("A", country="FR")
    register("B", country="DE")
    segment("place", {"crm.country": "FR"})
    with platform.db.write() as session:
        changes = {"condition": {"crm.country": "DE"}}
        crm.segments.definitions.update(session, SYSTEM, key="place", changes=changes)
    run_jobs()
    assert members("place") == {"B"}


def test_the_sizes_of_the_days_are_kept(
    register: Any, segment: Any, platform: Platform, crm: Crm, clock: SettableClock
) -> None:
    segment("all", {})
    for day in range(3):
        register(f"R-{day}")
        with platform.db.write() as session:
            count_sizes(platform, session)
        clock.advance(days=1)
    with platform.db.read() as session:
        found = crm.segments.definitions.get(session, "all")
        sizes = crm.segments.looking.sizes(session, [found.id])[found.id]
    assert [size for _day, size in sizes] == [1, 2, 3]


def test_the_answer_to_why_has_the_actual_values(
    register: Any, segment: Any, platform: Platform, crm: Crm
) -> None:
    subject_id = register("A", country="FR")
    order(platform, subject_id)
    segment(
        "s",
        {"crm.country": "DE", "$event": {"type": "order.placed", "count": {"$gte": 2}}},
    )
    with platform.db.read() as session:
        found = crm.segments.definitions.get(session, "s")
        why = crm.segments.looking.explain(session, found, subject_id)
    found = {(one.operator, one.actual, one.result) for one in why}
    assert found == {("$eq", "FR", False), ("$event", 1, False)}


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ({}, {"A", "B", "C"}),
        ({"crm.country": "FR"}, {"A"}),
        ({"crm.tags": {"$in": ["vip"]}}, {"B"}),
        ({"crm.tags": {"$size": 0}}, {"A", "C"}),
        ({"crm.ref": {"$regex": "^[AB]$"}}, {"A", "B"}),
        ({"crm.created_at": {"$lte": "now"}}, {"A", "B", "C"}),
        ({"crm.consents": {"$in": ["birthday"]}}, {"B", "C"}),
        ({"crm.consents": {"$size": 0}}, {"A"}),
        ({"crm.birthday": "1990-03-04"}, {"B"}),
        ({"crm.birthday": {"$anniversary": {"within": "-10d"}}}, {"B"}),
        ({"crm.birthday": {"$regex": "@jalali$"}}, {"C"}),
        ({"$event": {"type": "order.placed"}}, {"C"}),
        ({"$not": {"$segment": "french"}}, {"B", "C"}),
    ],
)
def test_a_preview_counts_in_the_database_whom_the_segment_will_have(
    register: Any,
    segment: Any,
    members: Any,
    platform: Platform,
    crm: Crm,
    clock: SettableClock,
    condition: Mapping[str, Any],
    wanted: set[str],
) -> None:
    consents = [{"purpose": "birthday", "granted": True, "channel": "web", "text_version": "1"}]
    register("A", country="FR", birthday={"month": 3, "day": 4, "calendar": "gregorian"})
    register(
        "B",
        tags=["vip"],
        birthday={"month": 3, "day": 4, "year": 1990, "calendar": "gregorian"},
        consents=consents,
    )
    last = register("C", birthday={"month": 10, "day": 1, "calendar": "jalali"}, consents=consents)
    order(platform, last)
    segment("french", {"crm.country": "FR"})
    with platform.db.read() as session:
        found = crm.segments.looking.preview(session, condition)
    assert found.exact
    assert (found.count, {row.ref for row in found.examples}) == (len(wanted), wanted)
    segment("s", condition)
    assert members("s") == wanted


def test_a_preview_counts_all_that_the_database_can_say(
    register: Any, platform: Platform, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few are looked at one by one; only what it cannot say is estimated from those."""
    monkeypatch.setattr(looking, "CHECKED_ONE_BY_ONE", 4)
    rows = [{"ref": f"R-{n}", "country": "FR" if n % 4 else "DE"} for n in range(60)]
    with platform.db.write() as session:
        crm.customers.register_many(session, SYSTEM, rows)
    with platform.db.read() as session:
        preview = partial(crm.segments.looking.preview, session)
        counted = preview({"crm.country": "FR"})
        few = preview({"crm.country": {"$regex": "^[FG]"}, "crm.ref": {"$in": ["R-1", "R-3"]}})
        many = preview({"crm.ref": {"$regex": "^R-[0-9]+$"}, "crm.country": "FR"})
    assert (counted.count, counted.exact, len(counted.examples)) == (45, True, 10)
    assert (few.count, few.exact, few.looked_at) == (2, True, 2)
    assert (many.count, many.exact, many.looked_at) == (45, False, 4)


def test_a_preview_names_the_facts_that_the_database_cannot_count(
    register: Any, platform: Platform, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("A")
    fields = FactField(name="riddle", label="Riddle", kind="text", changed_by=())
    monkeypatch.setattr(
        type(crm.segments.catalogue), "fields", lambda *_args, **_named: {"riddle": fields}
    )
    with platform.db.read() as session:
        found = crm.segments.looking.preview(session, {"riddle": {"$exists": False}})
    assert (found.count, found.exact, found.uncounted) == (1, True, ["riddle"])


def test_every_fact_is_described_and_no_other(register: Any, platform: Platform) -> None:
    """What forms offer is what conditions find; a segment is asked for in its own way."""
    subject_id = register("A")
    with platform.db.read() as session:
        described = platform.plugins.call(
            Plugin.fact_fields, FactFieldsContext(session=session, platform=platform)
        )
        context = FactsContext(
            session=session, platform=platform, subject_ids=[subject_id], now=platform.clock.now()
        )
        [answer] = platform.plugins.call(Plugin.facts, context)
    names = {field.name for found in described for field in found.value}
    assert names == answer.value[subject_id].keys() - {SEGMENTS_FACT}
