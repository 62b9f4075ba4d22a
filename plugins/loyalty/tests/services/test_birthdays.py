"""Birthday rules as pure functions, against an oracle that looks at every single day.

The oracle shares no code with the service: it goes from Gregorian days to the other calendars
while the service goes the other way, reckons Jalali leap years by a method of its own, and finds
the beginning of a local day by trying minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hijridate import Gregorian
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dxp.api import Unprocessable
from dxp_loyalty.services.birthdays import (
    DayOfYear,
    GiftRule,
    local_midnight,
    next_observed,
    observed_on,
    occurrence_in,
    plan,
)
from dxp_loyalty.services.calendars import month_length, year_of

LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
ZONES = [
    "UTC",
    "Asia/Tehran",
    "Asia/Riyadh",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Beirut",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Australia/Lord_Howe",
    "Europe/Paris",
]


def rule(**values: object) -> GiftRule:
    given_values: dict[str, object] = {
        "days_before": 0,
        "days_after": 14,
        "late_policy": "delay",
        "leap_day": "february_28",
        "since": LONG_AGO,
        **values,
    }
    return GiftRule(**given_values)  # type: ignore[arg-type]


# The oracle


@lru_cache(maxsize=1)
def jalali_days() -> dict[tuple[int, int, int], date]:
    """Each day of 1279 to 1478, counted on from 1 Farvardin 1279 (21 March 1900).

    A year is leap when its remainder by 33 is one of eight: the arithmetic rule, which agrees
    with the equinox over this span.
    """
    days: dict[tuple[int, int, int], date] = {}
    day = date(1900, 3, 21)
    for year in range(1279, 1479):
        leap = year % 33 in (1, 5, 9, 13, 17, 22, 26, 30)
        for month in range(1, 13):
            length = 31 if month <= 6 else 30 if month <= 11 or leap else 29
            for number in range(1, length + 1):
                days[year, month, number] = day
                day += timedelta(days=1)
    return days


@lru_cache(maxsize=1)
def hijri_days() -> dict[tuple[int, int, int], date]:
    """Each day from 1343 to 1500, by turning every Gregorian day into a Hijri one."""
    days: dict[tuple[int, int, int], date] = {}
    day = date(1924, 8, 1)
    while day <= date(2077, 11, 16):
        hijri = Gregorian(day.year, day.month, day.day).to_hijri()
        days[hijri.year, hijri.month, hijri.day] = day
        day += timedelta(days=1)
    return days


@lru_cache(maxsize=1)
def gregorian_days() -> dict[tuple[int, int, int], date]:
    days: dict[tuple[int, int, int], date] = {}
    day = date(1899, 1, 1)
    while day.year < 2102:
        days[day.year, day.month, day.day] = day
        day += timedelta(days=1)
    return days


DAYS = {"gregorian": gregorian_days, "jalali": jalali_days, "hijri_umalqura": hijri_days}
YEARS = {
    "gregorian": st.integers(1900, 2100),
    "jalali": st.integers(1279, 1478),
    "hijri_umalqura": st.integers(1343, 1500),
}
CALENDAR = st.sampled_from(sorted(DAYS))


def expected_day(calendar: str, year: int, month: int, day: int, leap_day: str) -> date:
    """The last day of the month that is not after `day`, or 1 March."""
    days = DAYS[calendar]()
    if (calendar, month, day) == ("gregorian", 2, 29) and (year, 2, 29) not in days:
        return days[year, 2, 28] if leap_day == "february_28" else days[year, 3, 1]
    while (year, month, day) not in days:
        day -= 1
    return days[year, month, day]


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The first minute at which clocks of the zone show the day, found by trying."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=26)
    while moment.astimezone(zone).date() < day:
        moment += timedelta(minutes=1)
    return moment


def days_of_year(calendar: str) -> st.SearchStrategy[tuple[int, int]]:
    longest = {"gregorian": [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]}
    longest["jalali"] = [31] * 6 + [30] * 6
    longest["hijri_umalqura"] = [30] * 12
    every = [(m, d) for m, last in enumerate(longest[calendar], 1) for d in range(1, last + 1)]
    rare = {
        "gregorian": [(2, 28), (2, 29), (3, 1), (12, 31), (1, 1)],
        "jalali": [(12, 29), (12, 30), (10, 11), (1, 1)],
        "hijri_umalqura": [(m, 30) for m in range(1, 13)],
    }
    return st.sampled_from(rare[calendar]) | st.sampled_from(every)


# The rules


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(["february_28", "march_1"]))
def test_a_birthday_is_observed_on_the_oracles_day(data: st.DataObject, leap_day: str) -> None:
    """Rule 2: clamped to the month, 29 February by policy, in three calendars."""
    calendar = data.draw(CALENDAR)
    month, day = data.draw(days_of_year(calendar))
    year = data.draw(YEARS[calendar])
    birthday = DayOfYear(month=month, day=day, calendar=calendar)
    observed = observed_on(birthday, year, leap_day=leap_day)
    assert observed == expected_day(calendar, year, month, day, leap_day)


@pytest.mark.parametrize("calendar", sorted(DAYS))
def test_a_birthday_comes_once_in_each_year_of_its_calendar(calendar: str) -> None:
    """Rule 2 and 3: also for days that most years lack."""
    first, last = {
        "gregorian": (1900, 2100),
        "jalali": (1279, 1478),
        "hijri_umalqura": (1343, 1500),
    }[calendar]
    for month, day in ((2, 29), (12, 30), (1, 1), (12, 29)):
        birthday = DayOfYear(month=month, day=day, calendar=calendar)
        seen = [observed_on(birthday, y, leap_day="february_28") for y in range(first, last + 1)]
        assert len(set(seen)) == last - first + 1
        assert [year_of(calendar, item) for item in seen] == list(range(first, last + 1))


def test_eleven_dey_is_kept_although_2013_has_none() -> None:
    """It fell twice into 2012: the year of the Jalali calendar tells the two apart."""
    birthday = DayOfYear(month=10, day=11, calendar="jalali")
    days = [observed_on(birthday, year, leap_day="february_28") for year in (1390, 1391, 1392)]
    assert [item.year for item in days] == [2012, 2012, 2014]


def test_a_hijri_date_outside_the_tables_is_refused() -> None:
    """With a code, and without a guess."""
    birthday = DayOfYear(month=1, day=1, calendar="hijri_umalqura")
    for year in (1342, 1501):
        with pytest.raises(Unprocessable) as refusal:
            observed_on(birthday, year, leap_day="february_28")
        assert refusal.value.code == "date_outside_calendar"


@settings(max_examples=60, deadline=None)
@given(st.dates(date(1973, 1, 5), date(2100, 12, 25)), st.sampled_from(ZONES).map(ZoneInfo))
def test_a_local_day_begins_when_its_clocks_first_show_it(day: date, zone: ZoneInfo) -> None:
    """Rule 5: also where midnight is skipped or comes twice."""
    assert local_midnight(day, zone) == day_begins(day, zone)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4)),
        ("America/St_Johns", date(2006, 10, 29)),
        ("Asia/Beirut", date(2022, 3, 27)),
        ("Africa/Cairo", date(2024, 4, 26)),
        ("Pacific/Apia", date(2011, 12, 30)),
        ("Asia/Tehran", date(2021, 3, 22)),
    ],
)
def test_days_on_which_clocks_change_begin_right(zone: str, day: date) -> None:
    """The known troublemakers, by name."""
    assert local_midnight(day, ZoneInfo(zone)) == day_begins(day, ZoneInfo(zone))


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    before=st.integers(0, 30),
    after=st.integers(0, 30),
    policy=st.sampled_from(["delay", "skip", "immediate"]),
)
def test_when_a_gift_is_due(
    data: st.DataObject, zone: ZoneInfo, before: int, after: int, policy: str
) -> None:
    """Rules 5 and 6: the window, and what becomes of a date that was told late."""
    calendar = data.draw(CALENDAR)
    month, day = data.draw(days_of_year(calendar))
    year = data.draw(
        st.integers(1400, 1470) if calendar != "gregorian" else st.integers(1980, 2070)
    )
    if calendar == "jalali":
        assume(year <= 1450)
    observed = expected_day(calendar, year, month, day, "february_28")
    starts = day_begins(observed - timedelta(days=before), zone)
    ends = day_begins(observed + timedelta(days=after + 1), zone)
    set_at = starts + timedelta(minutes=data.draw(st.integers(-20 * 1440, 50 * 1440)))
    found = occurrence_in(
        DayOfYear(month=month, day=day, calendar=calendar),
        year,
        set_at=set_at,
        zone=zone,
        rule=rule(days_before=before, days_after=after, late_policy=policy),
    )
    if set_at.astimezone(zone).date() > observed:
        assert found is None
        return
    assert found is not None
    assert (found.starts_at, found.ends_at) == (starts, ends)
    if set_at <= starts - timedelta(days=7):
        assert (found.due_at, found.skipped) == (starts, False)
    elif policy == "skip":
        assert found.skipped
    elif policy == "delay":
        assert found.due_at == set_at + timedelta(days=7)
    else:
        assert found.due_at == max(starts, set_at)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    before=st.integers(0, 20),
)
def test_a_plan_holds_each_birthday_once_up_to_the_next(
    data: st.DataObject, zone: ZoneInfo, before: int
) -> None:
    """What is planned is what the oracle finds, day by day."""
    calendar = data.draw(CALENDAR)
    month, day = data.draw(days_of_year(calendar))
    set_at = data.draw(
        st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(
            lambda value: value.replace(tzinfo=UTC)
        )
    )
    now = set_at + timedelta(days=data.draw(st.integers(0, 1500)))
    made = plan(
        DayOfYear(month=month, day=day, calendar=calendar),
        set_at=set_at,
        zone=zone,
        rule=rule(days_before=before),
        now=now,
    )
    told = set_at.astimezone(zone).date()
    wanted: list[tuple[int, date]] = []
    for year, observed in oracle_days(calendar, month, day, told):
        wanted.append((year, observed))
        if day_begins(observed - timedelta(days=before), zone) > now:
            break
    assert [(item.year, item.occurs_on) for item in made.occurrences] == wanted
    assert made.look_at == made.occurrences[-1].starts_at


def oracle_days(calendar: str, month: int, day: int, first: date) -> Iterator[tuple[int, date]]:
    """All observed days from `first` on, with their years."""
    for year in sorted({key[0] for key in DAYS[calendar]()}):
        observed = expected_day(calendar, year, month, day, "february_28")
        if observed >= first:
            yield year, observed


def test_nothing_is_planned_beyond_the_tables() -> None:
    """A Hijri birthday ends with the tables, without an error."""
    made = plan(
        DayOfYear(month=12, day=30, calendar="hijri_umalqura"),
        set_at=datetime(2076, 1, 1, tzinfo=UTC),
        zone=ZoneInfo("UTC"),
        rule=rule(),
        now=datetime(2078, 1, 1, tzinfo=UTC),
    )
    assert made.look_at is None
    assert [item.year for item in made.occurrences] == [1499, 1500]


def test_a_rule_does_not_look_at_windows_before_it() -> None:
    """A new rule gives nothing for birthdays long past, and today's to who has it today."""
    since = datetime(2026, 5, 1, tzinfo=UTC)
    birthday = DayOfYear(month=4, day=20, calendar="gregorian")
    made = plan(
        birthday,
        set_at=datetime(2020, 1, 1, tzinfo=UTC),
        zone=ZoneInfo("UTC"),
        rule=rule(since=since),
        now=since,
    )
    assert [(item.year, item.due_at) for item in made.occurrences] == [
        (2026, since),
        (2027, datetime(2027, 4, 20, tzinfo=UTC)),
    ]


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_next_birthday_is_the_oracles(data: st.DataObject) -> None:
    """Counting today."""
    calendar = data.draw(CALENDAR)
    month, day = data.draw(days_of_year(calendar))
    today = data.draw(st.dates(date(1990, 1, 1), date(2070, 1, 1)))
    birthday = DayOfYear(month=month, day=day, calendar=calendar)
    expected = next(observed for _y, observed in oracle_days(calendar, month, day, today))
    assert next_observed(birthday, today, leap_day="february_28") == expected


def test_months_have_the_oracles_lengths() -> None:
    """In every month of every year of the tables."""
    for calendar in ("jalali", "hijri_umalqura"):
        lengths = Counter(key[:2] for key in DAYS[calendar]())
        for (year, month), length in lengths.items():
            assert month_length(calendar, year, month) == length
