"""Turning due moments into jobs, once each, whatever the number of workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.db import dialect_insert
from dxp.jobs.cron import latest_due, next_due
from dxp.jobs.models import ScheduleRun
from dxp.jobs.registry import JobRegistry
from dxp.jobs.types import Schedule

if TYPE_CHECKING:
    from dxp.platform import Platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ScheduleState:
    """A schedule, the moment it is due next, and the last one that was taken."""

    schedule: Schedule
    next_due: datetime
    last_due: datetime | None


class Scheduler:
    """Looks at the domain's clock, which the demo may shift either way.

    Args:
        enqueue: writes the job row of a due schedule and returns its id.
    """

    def __init__(
        self,
        platform: Platform,
        registry: JobRegistry,
        enqueue: Callable[[Session, Schedule], UUID],
    ) -> None:
        self._platform = platform
        self._registry = registry
        self._enqueue = enqueue
        self._windows: dict[str, tuple[datetime, datetime]] = {}

    def tick(self, now: datetime | None = None) -> list[UUID]:
        """Take every schedule whose latest due moment nobody took; returns the jobs' ids."""
        now = now or self._platform.clock.now()
        found = [self._take(schedule, now) for schedule in self._registry.schedules.values()]
        return [job_id for job_id in found if job_id is not None]

    def pulse(self) -> None:
        """Like `tick`, for calling every second: silent until a schedule's next due moment."""
        now = self._platform.clock.now()
        for schedule in self._registry.schedules.values():
            since, until = self._windows.get(schedule.name, (now, now))
            if not since <= now < until:
                self._take(schedule, now)
                self._windows[schedule.name] = (
                    latest_due(schedule, now),
                    next_due(schedule, now),
                )

    def states(self, session: Session) -> list[ScheduleState]:
        """All schedules, by name."""
        due_at = func.max(ScheduleRun.due_at).label("due_at")
        latest = select(ScheduleRun.schedule, due_at).group_by(ScheduleRun.schedule)
        last = {row.schedule: row.due_at for row in session.execute(latest)}
        now = self._platform.clock.now()
        return [
            ScheduleState(
                schedule=schedule, next_due=next_due(schedule, now), last_due=last.get(name)
            )
            for name, schedule in sorted(self._registry.schedules.items())
        ]

    def _take(self, schedule: Schedule, now: datetime) -> UUID | None:
        due = latest_due(schedule, now)
        with self._platform.db.read() as session:
            if session.get(ScheduleRun, (schedule.name, due)) is not None:
                return None
        with self._platform.db.write() as session:
            statement = (
                dialect_insert(session, ScheduleRun)
                .values(schedule=schedule.name, due_at=due, created_at=self._platform.clock.wall())
                .on_conflict_do_nothing()
                .returning(ScheduleRun.schedule)
            )
            if session.scalar(statement) is None:
                return None
            job_id = self._enqueue(session, schedule)
        log.info("jobs.schedule_due", schedule=schedule.name, due_at=due.isoformat())
        return job_id
