"""When an occasion is observed, when its gift is due, and what is to be planned: pure functions.

The rules are numbered as in the specification; nothing here reads a clock or a database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from dxp.api import Unprocessable
from dxp_loyalty.services.calendars import GREGORIAN, month_length, to_gregorian, year_of

TOLD_IN_TIME = timedelta(days=7)
"""A date must be told so long before the window begins (rule 6)."""
LATENESS = timedelta(days=14)
"""A gift is issued at most so late (rule 8)."""
APART = timedelta(days=330)
"""No two gifts of one rule lie closer together (rule 4)."""


class Recurring(Protocol):
    """A day that comes once in each year of a calendar."""

    @property
    def calendar(self) -> str:
        """Whose years count it."""

    @property
    def strays(self) -> timedelta:
        """How far behind its year a day may come."""

    def on(self, year: int, *, leap_day: str) -> date:
        """The Gregorian date on which it is observed in `year` of its calendar.

        Raises:
            Unprocessable: the calendar's tables do not reach that far.
        """


@dataclass(frozen=True, kw_only=True)
class DayOfYear:
    """A birthday without its year, or another day with a fixed place in its calendar."""

    month: int
    day: int
    calendar: str
    strays: timedelta = timedelta(0)

    def on(self, year: int, *, leap_day: str) -> date:
        """By rule 2, as `observed_on` has it."""
        return observed_on(self, year, leap_day=leap_day)


@dataclass(frozen=True, kw_only=True)
class GiftRule:
    """The part of an occasion rule that decides about time.

    Attributes:
        since: the rule does not look at windows that ended before.
    """

    days_before: int
    days_after: int
    late_policy: str
    leap_day: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """One observed birthday, with its window and the moment its gift is due, in UTC.

    `skipped` tells that the date was told too late and the rule then gives nothing.
    """

    year: int
    occurs_on: date
    starts_at: datetime
    ends_at: datetime
    due_at: datetime
    skipped: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to plan now, and when to look again; `look_at` is None when nothing more can come."""

    occurrences: tuple[Occurrence, ...]
    look_at: datetime | None


def observed_on(birthday: DayOfYear, year: int, *, leap_day: str) -> date:
    """The Gregorian date on which a birthday is observed in `year` of its calendar (rule 2).

    The day is clamped to the month's length; 29 February follows the programme's policy.

    Raises:
        Unprocessable: the calendar's tables do not reach that far.
    """
    last = month_length(birthday.calendar, year, birthday.month)
    leap = birthday.calendar == GREGORIAN and (birthday.month, birthday.day) == (2, 29)
    if leap and last == 28 and leap_day == "march_1":
        return date(year, 3, 1)
    return to_gregorian(birthday.calendar, year, birthday.month, min(birthday.day, last))


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day, in UTC.

    Where midnight is skipped, the day begins with the moment of the change: that is what an
    aware datetime with fold=0 converts to.
    """
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def occurrence_in(
    occasion: Recurring, year: int, *, set_at: datetime, zone: ZoneInfo, rule: GiftRule
) -> Occurrence | None:
    """The occasion in `year`, or None when it lay before the date was told or the rule began.

    Raises:
        Unprocessable: the calendar's tables do not reach that far.
    """
    occurs_on = occasion.on(year, leap_day=rule.leap_day)
    if occurs_on < set_at.astimezone(zone).date():
        return None
    starts_at = local_midnight(occurs_on - timedelta(days=rule.days_before), zone)
    ends_at = local_midnight(occurs_on + timedelta(days=rule.days_after + 1), zone)
    if ends_at <= rule.since:
        return None
    due_at = max(starts_at, rule.since)
    late = set_at > starts_at - TOLD_IN_TIME
    if late and rule.late_policy == "delay":
        due_at = max(due_at, set_at + TOLD_IN_TIME)
    elif late:
        due_at = max(due_at, set_at)
    return Occurrence(
        year=year,
        occurs_on=occurs_on,
        starts_at=starts_at,
        ends_at=ends_at,
        due_at=due_at,
        skipped=late and rule.late_policy == "skip",
    )


def plan(
    occasion: Recurring,
    *,
    set_at: datetime,
    zone: ZoneInfo,
    rule: GiftRule,
    now: datetime,
    done: Collection[int] = (),
    zones: dict[int, ZoneInfo] | None = None,
) -> Plan:
    """All occurrences up to the first that is still ahead.

    Args:
        zone: the member's, for what is planned for the first time.
        done: years in the occasion's calendar for which the matter is settled.
        zones: those that earlier plans were made in, by year; they are kept (rule 5).
    """
    occurrences: list[Occurrence] = []
    # The earliest year in which a window could still be open when planning began.
    begin = max(set_at, rule.since) - timedelta(days=rule.days_after + 2) - occasion.strays
    try:
        for year in _years(occasion.calendar, begin.date()):
            found = occurrence_in(
                occasion, year, set_at=set_at, zone=(zones or {}).get(year, zone), rule=rule
            )
            if found is None or year in done:
                continue
            occurrences.append(found)
            if found.starts_at > now and not found.skipped:
                return Plan(occurrences=tuple(occurrences), look_at=found.starts_at)
    except Unprocessable:
        return Plan(occurrences=tuple(occurrences), look_at=None)
    return Plan(occurrences=tuple(occurrences), look_at=None)


def next_observed(
    occasion: Recurring, today: date, *, leap_day: str = "february_28"
) -> date | None:
    """The next day on which an occasion is observed, today included; None beyond the tables."""
    try:
        for year in _years(occasion.calendar, today - occasion.strays):
            day = occasion.on(year, leap_day=leap_day)
            if day >= today:
                return day
    except Unprocessable:
        return None
    return None


def _years(calendar: str, first: date) -> Iterator[int]:
    year = year_of(calendar, first)
    while True:
        yield year
        year += 1
