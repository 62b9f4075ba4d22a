"""What a member's tier is, as a function of what they collected day by day.

Nothing here reads or writes: a tier follows from the counters, so that late orders, returns and
merges give exactly what they would have given in time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from dxp_loyalty.services.months import DAY, add_months

Period = Literal["calendar_year", "rolling"]


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The rules of the tiers.

    Attributes:
        thresholds: of the tiers, the lowest first; a level is a place in it, and -1 below it.
        months: length of a rolling period.
    """

    thresholds: Sequence[int]
    period: Period
    months: int = 12
    keep_next: bool = True
    grace_days: int = 0

    def level(self, amount: int) -> int:
        """The highest level that an amount reaches."""
        return bisect_right(self.thresholds, amount) - 1

    @property
    def floor(self) -> int:
        """The level of who collected nothing."""
        return self.level(0)

    def window(self, day: date) -> tuple[date, date]:
        """First and last day of the period that counts on a day."""
        if self.period == "calendar_year":
            return date(day.year, 1, 1), date(day.year, 12, 31)
        before = add_months(day, -self.months)
        return (before if before == date.min else before + DAY), day

    def validity(self, day: date, *, earned: bool) -> date:
        """Last day of a tier that is reached, or stepped down to, on a day."""
        if self.period == "rolling":
            return add_months(day, self.months)
        return date(min(day.year + (1 if earned and self.keep_next else 0), 9999), 12, 31)


@dataclass(frozen=True, kw_only=True)
class State:
    """A level with its last day; None: it has no end. `since` is the day it was reached."""

    level: int
    until: date | None = None
    since: date | None = None


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a member held on the day on which the ladder was changed."""

    day: date
    state: State


@dataclass(frozen=True, kw_only=True)
class Course:
    """Where a member stands on a day, what counts then, and when time alone looks again."""

    state: State
    amount: int
    check_on: date | None


def follow(
    ladder: Ladder, days: Mapping[date, int], *, today: date, base: Base | None = None
) -> Course:
    """Go through what a member collected, day by day, up to `today`.

    A tier is reached on the day on which the period's amount reaches its threshold, and lasts as
    `Ladder.validity` says; each further day that still reaches it lets it last anew. When it and
    its grace are over, what counts then decides: the same tier again, or one step down.
    """
    walk = _Walk(ladder, days, today)
    if base is not None:
        walk.resume(base)
    for day in walk.days:
        if day > today:
            break
        if base is None or day >= base.day:
            walk.check_until(day)
            walk.collect(day)
    walk.check_until(today)
    state = walk.state
    check_on = None if state.until is None else _after(state.until, ladder.grace_days)
    return Course(state=state, amount=walk.amount(today), check_on=check_on)


class _Walk:
    def __init__(self, ladder: Ladder, days: Mapping[date, int], today: date) -> None:
        self._ladder = ladder
        self.days = sorted(day for day, amount in days.items() if amount and day <= today)
        self._sums = [0]
        for day in self.days:
            self._sums.append(self._sums[-1] + days[day])
        self.state = State(level=ladder.floor)

    def amount(self, day: date) -> int:
        """What counts on a day, that day with it, but nothing that comes later."""
        first, _last = self._ladder.window(day)
        upto = bisect_right(self.days, day)
        return self._sums[upto] - self._sums[bisect_right(self.days, first - DAY)]

    def resume(self, base: Base) -> None:
        self.state = base.state
        reached = self._ladder.level(self.amount(base.day))
        if reached > self.state.level:
            self._reach(reached, base.day)

    def collect(self, day: date) -> None:
        reached = self._ladder.level(self.amount(day))
        if reached >= self.state.level and reached > self._ladder.floor:
            self._reach(reached, day)

    def check_until(self, today: date) -> None:
        """Look at each end of validity up to a day, in its order."""
        while self.state.until is not None:
            due = _after(self.state.until, self._ladder.grace_days)
            if due > today:
                return
            # On its day the check comes first: what is collected then is collected afterwards.
            reached = self._ladder.level(self._before(due))
            if reached >= self.state.level:
                self._reach(reached, due)
            else:
                self._step_down(due)

    def _before(self, day: date) -> int:
        first, _last = self._ladder.window(day)
        upto = bisect_right(self.days, day - DAY)
        return self._sums[upto] - self._sums[min(upto, bisect_right(self.days, first - DAY))]

    def _reach(self, level: int, day: date) -> None:
        until = self._ladder.validity(day, earned=True)
        if level == self.state.level:
            longest = until if self.state.until is None else max(until, self.state.until)
            self.state = replace(self.state, until=longest)
        else:
            self.state = State(level=level, until=until, since=day)

    def _step_down(self, day: date) -> None:
        level = max(self.state.level - 1, self._ladder.floor)
        ends = level > self._ladder.floor
        until = self._ladder.validity(day, earned=False) if ends else None
        self.state = State(level=level, until=until, since=day)


def _after(until: date, grace_days: int) -> date:
    """The first day after the end and its grace; far in the future at the calendar's end."""
    left = (date.max - until).days
    return date.max if left <= grace_days else until + DAY * (grace_days + 1)
