"""The demo's day: an offset in the database that all processes follow within half a second."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dxp.db import Database
from dxp.web.models import ClockRow

REFRESH_SECONDS = 0.5
_ROW_ID = 1


class DemoOffset:
    """How far domain time is ahead of wall time; call it.

    One thread at a time asks the database, and the others meanwhile go on with what is known, so
    that telling the time never waits for a connection.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known = timedelta()
        self._read_at: float | None = None
        self._asking = threading.Lock()

    def __call__(self) -> timedelta:
        stale = self._read_at is None or time.monotonic() - self._read_at >= REFRESH_SECONDS
        if stale and self._asking.acquire(blocking=False):
            try:
                self._known = self._read()
                self._read_at = time.monotonic()
            finally:
                self._asking.release()
        return self._known

    def forget(self) -> None:
        """Ask the database at the next call: the offset was changed by this process."""
        self._read_at = None

    def _read(self) -> timedelta:
        try:
            with self._db.read() as session:
                row = session.get(ClockRow, _ROW_ID)
        except DBAPIError:
            # Before the first migration there is no table, and time is not shifted.
            return timedelta()
        return timedelta() if row is None else timedelta(seconds=row.offset_seconds)


def read_offset(session: Session) -> timedelta:
    """The stored offset."""
    row = session.get(ClockRow, _ROW_ID)
    return timedelta() if row is None else timedelta(seconds=row.offset_seconds)


def store_offset(session: Session, offset: timedelta, *, at: datetime) -> None:
    """Shift the demo's day; other processes follow within `REFRESH_SECONDS`."""
    row = session.get(ClockRow, _ROW_ID)
    if row is None:
        row = ClockRow(id=_ROW_ID)
        session.add(row)
    row.offset_seconds = int(offset.total_seconds())
    row.changed_at = at
