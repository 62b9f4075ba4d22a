"""Days of the calendar as editors write them, against an oracle that looks at every single day."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxp.api import Unprocessable
from dxp_loyalty.services.birthdays import GiftRule, next_observed, plan
from dxp_loyalty.services.days import check_patterns, pattern_for

EID = {"calendar": "hijri_umalqura", "month": 10, "day": 1}


def day_of(pattern: dict[str, Any], country: str | None = "IR") -> Any:
    return pattern_for(check_patterns({"*": pattern}), country)


@given(
    st.integers(1900, 2100),
    st.integers(1, 12),
    st.integers(0, 6),
    st.sampled_from([1, 2, 3, 4, -1]),
)
def test_the_nth_weekday_is_found_by_counting(
    year: int, month: int, weekday: int, nth: int
) -> None:
    days = [date(year, month, n + 1) for n in range(calendar.monthrange(year, month)[1])]
    fitting = [day for day in days if day.weekday() == weekday]
    expected = fitting[nth - 1 if nth > 0 else -1]
    found = day_of({"month": month, "weekday": weekday, "nth": nth})
    assert found.on(year, leap_day="february_28") == expected


@pytest.mark.parametrize(
    ("pattern", "today", "expected"),
    [
        ({"calendar": "jalali", "month": 1, "day": 1}, date(2026, 11, 22), date(2027, 3, 21)),
        ({"month": 5, "weekday": 6, "nth": 2}, date(2026, 5, 11), date(2027, 5, 9)),
        ({"month": 5, "weekday": 6, "nth": -1}, date(2026, 5, 31), date(2026, 5, 31)),
        (EID, date(2026, 1, 1), date(2026, 3, 20)),
        (EID | {"dates": {"1447": "2026-03-21"}}, date(2026, 1, 1), date(2026, 3, 21)),
    ],
)
def test_the_next_date(pattern: dict[str, Any], today: date, expected: date) -> None:
    """Nowruz, Mother's Day in America and in France, Eid by the tables and as it was seen."""
    assert next_observed(day_of(pattern), today) == expected


def test_each_country_keeps_its_own_day() -> None:
    patterns = check_patterns(
        {
            "FR": {"month": 5, "weekday": 6, "nth": -1},
            "*": {"month": 5, "weekday": 6, "nth": 2},
        }
    )
    spring = date(2026, 1, 1)
    found = {country: pattern_for(patterns, country) for country in ("FR", "US", None)}
    assert all(day is not None for day in found.values())
    dates = {country: next_observed(day, spring) for country, day in found.items() if day}
    assert dates == {"FR": date(2026, 5, 31), "US": date(2026, 5, 10), None: date(2026, 5, 10)}
    assert pattern_for(check_patterns({"FR": EID}), "US") is None


@pytest.mark.parametrize(
    "patterns",
    [
        {},
        {"France": EID},
        {"fr": EID},
        {"*": {}},
        {"*": {"calendar": "mayan", "month": 1, "day": 1}},
        {"*": {"calendar": "gregorian", "month": 2, "day": 30}},
        {"*": {"calendar": "gregorian", "month": 13, "day": 1}},
        {"*": {"month": 5, "weekday": 7, "nth": 1}},
        {"*": {"month": 5, "weekday": 6, "nth": 5}},
        {"*": EID | {"dates": {"1447": "soon"}}},
        {"*": EID | {"dates": {"next": "2026-03-21"}}},
        {"*": EID | {"dates": {"2026": "2026-03-21"}}},
        {"*": EID | {"dates": {"1447": "2026-09-21"}}},
    ],
)
def test_what_is_no_day_is_refused(patterns: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as refused:
        check_patterns(patterns)
    assert refused.value.code == "invalid_day"
    assert "; " in refused.value.detail


@settings(max_examples=60, deadline=None)
@given(st.integers(-20, 20), st.integers(2000, 2030), st.integers(0, 400))
def test_a_moved_day_is_planned_once_a_year_wherever_planning_begins(
    days: int, year: int, begin: int
) -> None:
    """Also when the date of its own lies in the next year of the calendar."""
    usual = date(year, 12, 25)
    moved = day_of(
        {
            "calendar": "gregorian",
            "month": 12,
            "day": 25,
            "dates": {str(year): (usual + timedelta(days=days)).isoformat()},
        }
    )
    since = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=begin)
    rule = GiftRule(
        days_before=0, days_after=3, late_policy="immediate", leap_day="march_1", since=since
    )
    made = plan(
        moved,
        set_at=since - timedelta(days=3650),
        zone=ZoneInfo("UTC"),
        rule=rule,
        now=since + timedelta(days=800),
    )
    expected = [
        day
        for day in (usual + timedelta(days=days), date(year + 1, 12, 25), date(year + 2, 12, 25))
        if datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=4) > since
    ]
    assert [item.occurs_on for item in made.occurrences][: len(expected)] == expected
