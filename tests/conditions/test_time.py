"""Relative dates, anniversaries and windows, and when time alone changes an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp.conditions import Situation, compile_condition

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"seen": {"$gt": "-30d"}}, True),
        ({"seen": {"$gte": "-9d"}}, True),
        ({"seen": {"$gt": "-9d"}}, False),
        ({"seen": {"$lt": "-200h"}}, True),
        ({"seen": {"$lte": "now"}}, True),
        ({"born": {"$lt": "-4w"}}, True),
        ({"name": {"$lt": "now"}}, False),
        ({"seen": {"$gt": "2026-03-01T09:59:59+01:00"}}, True),
        ({"seen": {"$gt": "2026-03-01"}}, True),
    ],
)
def test_dates_are_compared_with_now_and_with_dates(condition: dict[str, Any], holds: bool) -> None:
    facts = {"seen": NOW - timedelta(days=9), "born": date(1990, 3, 12), "name": "Ada"}
    assert compile_condition(condition).matches(facts, Situation(now=NOW)) is holds


@pytest.mark.parametrize(
    ("window", "count"),
    [
        ({}, 4),
        ({"within": "1mo"}, 2),
        ({"since": "2026-03-01"}, 2),
        ({"until": "2026-03-01"}, 2),
        ({"since": "2026-02-01", "until": "2026-03-01"}, 1),
        ({"since": "2026-03-01T01:00:00+01:00", "within": "1d"}, 1),
    ],
)
def test_events_count_in_a_span_of_dates(window: dict[str, str], count: int) -> None:
    """A span begins with its first moment, and ends before its last."""
    told = ["2026-03-10T08:00", "2026-03-01T00:00", "2026-02-07T00:00", "2025-12-31T00:00"]
    moments = [datetime.fromisoformat(f"{text}+00:00") for text in told]
    at = Situation(now=NOW, events=lambda _event: moments)
    source = {"$event": {"type": "x", "count": count} | window}
    assert compile_condition(source, events=True).matches({}, at)


@pytest.mark.parametrize(
    ("total", "holds"),
    [("129.00", True), (100, True), ("99.99", False), ("1e3", False), ("", False), (None, False)],
)
def test_money_that_is_written_as_a_text_compares_as_a_number(total: Any, holds: bool) -> None:
    assert compile_condition({"x": {"$number": {"$gte": 100}}}).matches({"x": total}) is holds


@pytest.mark.parametrize(
    ("birthday", "within", "today", "holds"),
    [
        ("1990-03-12", "2d", "2026-03-10", True),
        ("1990-03-13", "2d", "2026-03-10", False),
        ("--03-10", "0d", "2026-03-10", True),
        ("--03-09", "-1d", "2026-03-10", True),
        ("--03-11", "-1d", "2026-03-10", False),
        ("--01-02", "7d", "2026-12-28", True),
        ("2000-02-29", "0d", "2026-02-28", True),
        ("2000-02-29", "0d", "2028-02-28", False),
        ("2000-02-29", "0d", "2028-02-29", True),
        ("nonsense", "7d", "2026-03-10", False),
    ],
)
def test_an_anniversary_is_near_or_not(birthday: str, within: str, today: str, holds: bool) -> None:
    condition = compile_condition({"birthday": {"$anniversary": {"within": within}}})
    at = Situation(now=datetime.fromisoformat(f"{today}T12:00:00+00:00"))
    assert condition.matches({"birthday": birthday}, at) is holds


def test_an_anniversary_in_another_calendar_is_found_by_that_calendar() -> None:
    condition = compile_condition({"birthday": {"$anniversary": {"within": "0d"}}})
    shifted = {"shifted": lambda day: (day.month % 12 + 1, day.day)}
    at = Situation(now=NOW, calendars=shifted)
    assert condition.matches({"birthday": "--04-10@shifted"}, at)
    assert not condition.matches({"birthday": "--04-10"}, at)
    assert not condition.matches({"birthday": "--03-10@unknown"}, at)


def test_a_birthday_begins_at_midnight_where_the_person_lives() -> None:
    condition = compile_condition({"birthday": {"$anniversary": {"within": "0d"}}})
    facts = {"birthday": "--03-12"}
    begins = condition.next_change(facts, Situation(now=NOW, zone=PARIS))
    assert begins == datetime(2026, 3, 11, 23, 0, tzinfo=UTC)
    ends = condition.next_change(facts, Situation(now=begins, zone=PARIS))
    assert ends == datetime(2026, 3, 12, 23, 0, tzinfo=UTC)


moments = st.integers(-60 * 24 * 60, 60 * 24 * 60).map(lambda m: NOW + timedelta(minutes=m))
past = st.integers(0, 60 * 24 * 60).map(lambda m: NOW - timedelta(minutes=m))
days = st.dates(date(2024, 1, 1), date(2027, 12, 31)).map(lambda day: f"--{day:%m-%d}")
timed = st.one_of(
    st.builds(
        lambda op, sign, number: {"seen": {op: f"{sign}{number}h"}},
        st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
        st.sampled_from("+-"),
        st.integers(0, 500),
    ),
    st.builds(
        lambda sign, number: {"born": {"$anniversary": {"within": f"{sign}{number}d"}}},
        st.sampled_from(["", "-"]),
        st.integers(0, 180),
    ),
    st.builds(
        lambda op, number, span: {
            "$event": {"type": "order", "count": {op: number}, "within": f"{span}h"}
        },
        st.sampled_from(["$gte", "$lt", "$eq", "$ne"]),
        st.integers(0, 4),
        st.integers(1, 1500),
    ),
)


@given(
    parts=st.lists(timed, min_size=1, max_size=2),
    seen=moments,
    born=days,
    orders=st.lists(past, max_size=6),
    zone=st.sampled_from(["UTC", "Pacific/Auckland", "America/Los_Angeles", "Africa/Cairo"]),
)
def test_nothing_changes_before_it_is_said_to_and_it_is_said_in_time(
    parts: list[Any], seen: datetime, born: str, orders: list[datetime], zone: str
) -> None:
    """From change to change the answer stays; following them misses no change of it."""
    condition = compile_condition({"$or": parts}, events=True)
    facts = {"seen": seen, "born": born}
    history = sorted(orders, reverse=True)

    def at(now: datetime) -> Situation:
        return Situation(now=now, zone=ZoneInfo(zone), events=lambda _event: history)

    now, end = NOW, NOW + timedelta(days=70)
    for _step in range(40):
        due = condition.next_change(facts, at(now)) or end
        assert due > now
        held = condition.matches(facts, at(now))
        span = (min(due, end) - now) // timedelta(microseconds=1)
        for share in (0.001, 0.3, 0.7, 0.999):
            between = now + timedelta(microseconds=int(span * share))
            assert condition.matches(facts, at(between)) is held
        last = due - timedelta(microseconds=1)
        assert due > end or condition.matches(facts, at(last)) is held
        if due >= end:
            break
        now = due
