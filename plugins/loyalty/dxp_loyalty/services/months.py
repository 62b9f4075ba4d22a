"""Days, months and years of the programme's zone."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# Beyond these a zone's offset leads out of the calendar.
_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_day(moment: datetime, zone: str) -> date:
    """The day on which a moment lies in a zone."""
    if not _FIRST <= moment.date() <= _LAST:
        return moment.date()
    return moment.astimezone(zone_named(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """The first moment of a day in a zone, in UTC."""
    day = min(max(day, _FIRST), _LAST)
    return datetime.combine(day, time(), zone_named(zone)).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day some months later, or the last one of a month that is too short.

    Days past the end of the calendar are its last.
    """
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    if year > date.max.year:
        return date.max
    if year < date.min.year:
        return date.min
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def end_of_month(day: date) -> date:
    """The last day of a day's month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
