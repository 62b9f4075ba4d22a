"""Leaving room for others on a database that has one writer at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SHARE = 0.3
_MOST_SECONDS = 0.05


class Pace:
    """Lets one thread at a time write, and pauses after each of its transactions.

    SQLite lets waiting writers in at no particular order, and they look only now and then. Without
    pauses a backlog of jobs kept requests waiting for up to two seconds; with pauses of a third of
    the work it was a tenth of that.
    """

    def __init__(self) -> None:
        self._called = threading.Condition()
        self._tickets = 0
        self._serving = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do the work of one transaction inside. First come, first served: who waits here holds a
        claimed job, and must not lose its lease to a thread that is always quicker.
        """
        with self._called:
            ticket = self._tickets
            self._tickets += 1
            self._called.wait_for(lambda: self._serving == ticket)
        began = time.monotonic()
        try:
            yield
            time.sleep(min(_MOST_SECONDS, _SHARE * (time.monotonic() - began)))
        finally:
            with self._called:
                self._serving += 1
                self._called.notify_all()
