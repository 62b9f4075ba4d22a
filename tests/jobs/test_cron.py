"""When schedules are due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp.errors import ConfigurationError
from dxp.jobs import Schedule
from dxp.jobs.cron import check_schedule, latest_due, next_due


def schedule(cron: str, zone: str = "UTC") -> Schedule:
    return Schedule(name="t.s", cron=cron, job="t.j", timezone=zone)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def due_moments(wanted: Schedule, start: datetime, hours: int) -> list[str]:
    """Distinct due moments as a worker sees them that looks every five minutes."""
    found = [latest_due(wanted, start + timedelta(minutes=5 * n)) for n in range(hours * 12 + 1)]
    assert found == sorted(found), "due moments never go back while time goes on"
    return [f"{moment:%H:%M}" for moment in dict.fromkeys(found) if moment > start]


def test_a_moment_is_due_at_that_very_moment():
    assert latest_due(schedule("15 3 * * *"), utc(2026, 3, 10, 3, 15)) == utc(2026, 3, 10, 3, 15)
    assert latest_due(schedule("15 3 * * *"), utc(2026, 3, 10, 3, 14, 59)) == utc(2026, 3, 9, 3, 15)


def test_the_time_of_day_is_that_of_the_zone():
    assert latest_due(schedule("0 9 * * *", "Asia/Tehran"), utc(2026, 3, 10, 12)) == utc(
        2026, 3, 10, 5, 30
    )


def test_a_time_that_spring_skips_is_due_once_the_clock_has_jumped():
    nightly = schedule("30 2 * * *", "Europe/Berlin")
    assert due_moments(nightly, utc(2026, 3, 29, 0, 0), 4) == ["01:00"]


def test_a_time_that_autumn_repeats_is_due_once():
    nightly = schedule("30 2 * * *", "Europe/Berlin")
    assert due_moments(nightly, utc(2026, 10, 24, 23, 0), 5) == ["00:30"]


def test_an_hourly_schedule_goes_by_elapsed_time_in_spring_and_in_autumn():
    hourly = schedule("0 * * * *", "America/New_York")
    assert due_moments(hourly, utc(2026, 3, 8, 5, 30), 3) == ["06:00", "07:00", "08:00"]
    assert due_moments(hourly, utc(2026, 11, 1, 4, 30), 3) == ["05:00", "06:00", "07:00"]


def test_a_half_hour_shift_repeats_nothing():
    nightly = schedule("45 1 * * *", "Australia/Lord_Howe")
    assert due_moments(nightly, utc(2026, 4, 4, 13, 0), 5) == ["14:45"]


ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Tehran", "Australia/Lord_Howe"]
CRONS = ["*/15 * * * *", "30 2 * * *", "0 * * * *", "0 9 1 * *", "30 1 * * 0"]


@given(
    cron=st.sampled_from(CRONS),
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
)
def test_now_lies_between_the_latest_and_the_next_due_moment(cron, zone, now):
    wanted = schedule(cron, zone)
    last, following = latest_due(wanted, now), next_due(wanted, now)
    assert last <= now < following
    assert latest_due(wanted, last) == last
    assert latest_due(wanted, following) == following


@given(day=st.dates(datetime(2020, 1, 1).date(), datetime(2035, 1, 1).date()))
def test_a_daily_schedule_is_due_once_on_every_day_of_its_zone(day):
    zone = ZoneInfo("Europe/Paris")
    daily = schedule("30 2 * * *", "Europe/Paris")
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    due = next_due(daily, midnight)
    assert due.astimezone(zone).date() == day
    assert next_due(daily, due).astimezone(zone).date() == day + timedelta(days=1)


@pytest.mark.parametrize("cron", ["* * * *", "61 * * * *", "@daily", "* * * * * *", ""])
def test_a_wrong_expression_is_refused_with_an_example(cron):
    with pytest.raises(ConfigurationError, match=r"t\.s.*five valid fields.*15 3"):
        check_schedule(schedule(cron))


@pytest.mark.parametrize("zone", ["Europe/Pariss", "", "../../etc/passwd"])
def test_an_unknown_zone_is_refused_with_an_example(zone):
    with pytest.raises(ConfigurationError, match=r"t\.s.*IANA name such as 'Europe/Paris'"):
        check_schedule(schedule("* * * * *", zone))
