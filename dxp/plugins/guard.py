"""The breaker: a plugin that keeps failing in one hook is left out for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Failures:
    """What went wrong in one hook of one plugin.

    Attributes:
        total: since the process started.
        in_a_row: since the last success.
        skipped_until: on the monotonic clock; 0 when the hook is being called.
        last_error: repr of the last exception.
    """

    total: int = 0
    in_a_row: int = 0
    skipped_until: float = 0.0
    last_error: str = ""


class Breaker:
    """Counts failures by plugin and hook, and opens after `FAILURES_TO_OPEN` in a row.

    When `OPEN_SECONDS` have passed one call is let through: a success closes the breaker, a
    failure opens it again.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, str], Failures] = {}

    def lets_through(self, plugin: str, hook: str) -> bool:
        """Whether to call the implementation now."""
        known = self._failures.get((plugin, hook))
        return known is None or known.skipped_until <= self._monotonic()

    def succeeded(self, plugin: str, hook: str) -> None:
        key = (plugin, hook)
        if key in self._failures:
            with self._lock:
                self._failures[key] = replace(self._failures[key], in_a_row=0, skipped_until=0.0)

    def failed(self, plugin: str, hook: str, error: BaseException) -> Failures:
        with self._lock:
            known = self._failures.get((plugin, hook), Failures())
            in_a_row = known.in_a_row + 1
            opened = in_a_row >= FAILURES_TO_OPEN
            now = Failures(
                total=known.total + 1,
                in_a_row=in_a_row,
                skipped_until=self._monotonic() + OPEN_SECONDS if opened else 0.0,
                last_error=repr(error),
            )
            self._failures[plugin, hook] = now
            return now

    def report(self) -> dict[tuple[str, str], Failures]:
        """All failures so far, by (plugin, hook)."""
        return dict(self._failures)
