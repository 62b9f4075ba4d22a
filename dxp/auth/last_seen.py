"""When a key or a session was last used, written seldom and never inside a request's work."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import structlog
from sqlalchemy import or_, update
from sqlalchemy.exc import SQLAlchemyError

from dxp.auth.models import ApiKey, StaffSession

if TYPE_CHECKING:
    from dxp.platform import Platform

Kind = Literal["key", "session"]
WRITE_EVERY = timedelta(minutes=1)
log = structlog.get_logger(__name__)


class LastSeen:
    """Collects moments in the process; `flush` writes those that are due."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._due: dict[tuple[Kind, uuid.UUID], datetime] = {}

    def note(self, kind: Kind, row_id: uuid.UUID, *, written: datetime | None) -> None:
        """A row was used now; `written` is what the database knows. Touches no database."""
        now = self._platform.clock.wall()
        if written is None or now - written >= WRITE_EVERY:
            with self._lock:
                self._due[kind, row_id] = now

    def flush(self) -> None:
        """Write what is due, in a transaction of its own; free when nothing is.

        Call it when the thread has no transaction open. A failure is logged and forgotten: that
        a time of last use is a minute off is no reason to fail a request.
        """
        with self._lock:
            due, self._due = self._due, {}
        if not due:
            return
        try:
            with self._platform.db.write() as session:
                for (kind, row_id), at in sorted(due.items(), key=lambda item: str(item[0])):
                    table, column = (
                        (ApiKey, ApiKey.last_used_at)
                        if kind == "key"
                        else (StaffSession, StaffSession.last_seen_at)
                    )
                    session.execute(
                        update(table)
                        .where(table.id == row_id, or_(column.is_(None), column < at))
                        .values({column: at})
                    )
        except SQLAlchemyError:
            log.warning("last_seen_not_written", rows=len(due), exc_info=True)
