"""Windows of time: hours of the week in which a rule gives, and periods in which caps count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

PERIODS = ("day", "week", "month", "year", "ever")
"""Periods of a cap, in the programme's calendar days; a week begins on Monday."""


@dataclass(frozen=True, kw_only=True)
class TimeWindow:
    """Hours of some days of the week, by the programme's clock.

    Attributes:
        weekdays: 1 is Monday, 7 Sunday; none: every day.
        since, until: from the first to before the second. A window whose end is not after its
            beginning goes on past midnight, and belongs to the day on which it began.
    """

    weekdays: frozenset[int] = frozenset()
    since: time = time(0)
    until: time = time(0)

    def holds(self, local: datetime) -> bool:
        """Whether a moment, as the programme's clock shows it, lies in the window."""
        today, clock = local.isoweekday(), local.time()
        if self.until > self.since:
            return self._on(today) and self.since <= clock < self.until
        yesterday = 7 if today == 1 else today - 1
        began_today = self._on(today) and clock >= self.since
        return began_today or (self._on(yesterday) and clock < self.until)

    def _on(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays


def window_key(period: str, local: datetime) -> str:
    """The name of the period that a moment lies in, such as `2026-11`; weeks are ISO 8601's.

    A period that never ends, such as `ever`, is named after itself.
    """
    if period == "day":
        return local.strftime("%Y-%m-%d")
    if period == "week":
        year, week, _day = local.isocalendar()
        return f"{year}-W{week:02}"
    if period == "month":
        return local.strftime("%Y-%m")
    return local.strftime("%Y") if period == "year" else period
