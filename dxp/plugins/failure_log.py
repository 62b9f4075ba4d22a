"""Failures of hooks, told across processes: the command line cannot see those of a server."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dxp.db import dialect_insert
from dxp.plugins.models import PluginFailure

if TYPE_CHECKING:
    from dxp.platform import Platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Noted:
    times: int
    at: datetime
    error: str


class FailureLog:
    """Collects failures in the process; `flush` writes them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._due: dict[tuple[str, str], _Noted] = {}

    def note(self, plugin: str, hook: str, error: BaseException) -> None:
        """A hook failed now. Touches no database: the caller's transaction may be undone."""
        with self._lock:
            known = self._due.get((plugin, hook))
            self._due[plugin, hook] = _Noted(
                times=1 + (known.times if known else 0),
                at=self._platform.clock.wall(),
                error=_place_of(error),
            )

    def flush(self) -> None:
        """Write what was noted, in a transaction of its own; free when nothing was.

        Call it when the thread has no transaction open. That it fails is logged and forgotten.
        """
        with self._lock:
            due, self._due = self._due, {}
        if not due:
            return
        try:
            with self._platform.db.write() as session:
                for (plugin, hook), noted in sorted(due.items()):
                    self._write(session, plugin, hook, noted)
        except SQLAlchemyError:
            log.warning("plugin_failures_not_written", exc_info=True)

    def all(self, session: Session) -> Sequence[PluginFailure]:
        """All that failed so far, the latest first."""
        return session.scalars(select(PluginFailure).order_by(PluginFailure.last_at.desc())).all()

    @staticmethod
    def _write(session: Session, plugin: str, hook: str, noted: _Noted) -> None:
        insert = dialect_insert(session, PluginFailure).values(
            plugin=plugin, hook=hook, total=noted.times, last_at=noted.at, last_error=noted.error
        )
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["plugin", "hook"],
                set_={
                    "total": PluginFailure.total + noted.times,
                    "last_at": insert.excluded.last_at,
                    "last_error": insert.excluded.last_error,
                },
            )
        )


def _place_of(error: BaseException) -> str:
    """The exception and the last line of code that it went through, such as `KeyError, in …`."""
    frames = traceback.extract_tb(error.__traceback__)
    name = type(error).__qualname__
    if not frames:
        return name[:300]
    last = frames[-1]
    path = Path(last.filename)
    return f"{name}, in {path.parent.name}/{path.name}, line {last.lineno}"[:300]
