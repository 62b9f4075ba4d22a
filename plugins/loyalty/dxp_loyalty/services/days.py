"""Days of the calendar that editors keep: Nowruz, Eid, Mother's Day by country.

A day has one pattern for each country that keeps it, and one under `*` for all others. A pattern is
a fixed place in a calendar, or the nth weekday of a Gregorian month; in years for which somebody
looked at the moon or at a decree, a date of its own replaces it.
"""

from __future__ import annotations

import calendar as gregorian_calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from dxp.api import Unprocessable, gettext
from dxp_loyalty.services.birthdays import DayOfYear, Recurring
from dxp_loyalty.services.calendars import CALENDARS, GREGORIAN, longest_month

EVERYWHERE = "*"
"""Stands for every country without a pattern of its own."""
LAST = -1
"""The last of a weekday in its month."""
MOVED_AT_MOST = timedelta(days=31)
"""A date of its own lies near the pattern's: years count the grants, so the year must be right."""

_COUNTRY = re.compile(r"[A-Z]{2}\Z")


@dataclass(frozen=True, kw_only=True)
class NthWeekday:
    """Such as the second Sunday of May.

    Attributes:
        weekday: 0 for Monday to 6 for Sunday.
        nth: 1 to 4, or `LAST`.
    """

    month: int
    weekday: int
    nth: int
    calendar: str = GREGORIAN
    strays: timedelta = timedelta(0)

    def on(self, year: int, *, leap_day: str) -> date:
        """The day in `year`; 29 February is nothing to it."""
        if self.nth == LAST:
            last = date(year, self.month, gregorian_calendar.monthrange(year, self.month)[1])
            return last - timedelta(days=(last.weekday() - self.weekday) % 7)
        first = date(year, self.month, 1)
        return first + timedelta(days=(self.weekday - first.weekday()) % 7 + 7 * (self.nth - 1))


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A day with dates of its own in some years."""

    usual: Recurring
    dates: Mapping[int, date] = field(default_factory=dict)
    strays: timedelta = MOVED_AT_MOST

    @property
    def calendar(self) -> str:
        """The usual day's."""
        return self.usual.calendar

    def on(self, year: int, *, leap_day: str) -> date:
        """The date set for `year`, else the usual one."""
        found = self.dates.get(year)
        return self.usual.on(year, leap_day=leap_day) if found is None else found


def pattern_for(patterns: Mapping[str, Mapping[str, Any]], country: str | None) -> Recurring | None:
    """The day as a country keeps it; None where it is not kept."""
    found = patterns.get(country or "") or patterns.get(EVERYWHERE)
    return None if found is None else _recurring(found)


def check_patterns(patterns: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The patterns as they are stored.

    Raises:
        Unprocessable: there is none, or one is no day of a calendar (`invalid_day`).
    """
    if not patterns:
        raise _invalid(gettext("The day has no date; say when it is, in one country at least"))
    return {country: _checked(country, pattern) for country, pattern in sorted(patterns.items())}


def _checked(country: str, pattern: Mapping[str, Any]) -> dict[str, Any]:
    if country != EVERYWHERE and _COUNTRY.match(country) is None:
        raise _invalid(
            gettext(
                "“%(country)s” is no country; write two capital letters such as FR, or * for all",
                country=country,
            )
        )
    if pattern.get("weekday") is not None:
        plain = {name: pattern.get(name) for name in ("month", "weekday", "nth")}
        fits = (
            plain["month"] in range(1, 13)
            and plain["weekday"] in range(7)
            and plain["nth"] in (1, 2, 3, 4, LAST)
        )
    else:
        calendar, month = pattern.get("calendar"), pattern.get("month")
        plain = {"calendar": calendar, "month": month, "day": pattern.get("day")}
        fits = (
            calendar in CALENDARS
            and month in range(1, 13)
            and plain["day"] in range(1, longest_month(str(calendar), int(month or 0)) + 1)
        )
    if not fits:
        raise _invalid(
            gettext(
                "The date for %(country)s is no day of its calendar; correct the month and the day",
                country=country,
            )
        )
    usual = _recurring(plain)
    dates = dict(_checked_dates(country, usual, pattern.get("dates") or {}))
    return plain | ({"dates": dates} if dates else {})


def _checked_dates(
    country: str, usual: Recurring, dates: Mapping[Any, Any]
) -> Iterator[tuple[str, str]]:
    for year, day in sorted((str(year), day) for year, day in dates.items()):
        try:
            found = day if isinstance(day, date) else date.fromisoformat(str(day))
            far = abs(found - usual.on(int(year), leap_day="february_28")) > MOVED_AT_MOST
        except (ValueError, Unprocessable):
            raise _invalid(
                gettext(
                    "“%(year)s=%(day)s” for %(country)s is no date of a year; write it like "
                    "2027=2027-03-09, with the year as the day’s own calendar counts it",
                    year=year,
                    day=day,
                    country=country,
                )
            ) from None
        if far:
            raise _invalid(
                gettext(
                    "%(day)s for %(country)s lies over a month from the usual day in the year "
                    "%(year)s; write the year as the day’s own calendar counts it",
                    year=year,
                    day=found.isoformat(),
                    country=country,
                )
            )
        yield year, found.isoformat()


def _recurring(pattern: Mapping[str, Any]) -> Recurring:
    usual: Recurring
    if pattern.get("weekday") is not None:
        usual = NthWeekday(month=pattern["month"], weekday=pattern["weekday"], nth=pattern["nth"])
    else:
        usual = DayOfYear(month=pattern["month"], day=pattern["day"], calendar=pattern["calendar"])
    dates = pattern.get("dates")
    if not dates:
        return usual
    moved = {int(year): date.fromisoformat(day) for year, day in dates.items()}
    return Moved(usual=usual, dates=moved)


def _invalid(detail: str) -> Unprocessable:
    return Unprocessable(detail, code="invalid_day")
