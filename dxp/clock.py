"""Two times: the domain's, which the demo may shift, and the wall's, which nothing shifts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

NO_SHIFT = timedelta()
_shift: ContextVar[timedelta] = ContextVar("dxp_clock_shift", default=NO_SHIFT)


@cache
def timezones() -> frozenset[str]:
    """Names of the IANA time zones of this machine; finding them walks a folder tree, once."""
    return frozenset(available_timezones())


class Clock:
    """Tells the time in UTC.

    Rules about customers (birthdays, validity, schedules) ask `now()`; leases, tokens, sessions
    and rate limits ask `wall()`, so that shifting the demo's day can never prolong a session.

    Args:
        offset: how far the whole platform's day is shifted, asked at each `now()`.
    """

    def __init__(self, offset: Callable[[], timedelta] | None = None) -> None:
        self._offset = offset

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def now(self) -> datetime:
        offset = NO_SHIFT if self._offset is None else self._offset()
        return self._unshifted() + offset + _shift.get()

    def _unshifted(self) -> datetime:
        return self.wall()

    @contextmanager
    def shifted(self, by: timedelta) -> Iterator[None]:
        """Let `now()` answer another time within this block, in this thread alone.

        For loading history: what people did two months ago is recorded as of then.
        """
        token = _shift.set(by)
        try:
            yield
        finally:
            _shift.reset(token)
