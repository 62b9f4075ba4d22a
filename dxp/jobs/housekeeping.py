"""The table's own upkeep, as an ordinary job."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import aliased

from dxp.jobs import store
from dxp.jobs.models import ScheduleRun
from dxp.jobs.types import Job, JobContext, Schedule

log = structlog.get_logger(__name__)
RETENTION = timedelta(days=7)
SCHEDULE_RETENTION = timedelta(days=400)
_BATCH = 500


def prune_jobs(ctx: JobContext) -> None:
    """Delete jobs done more than 7 days ago, in small transactions; dead ones stay.

    Of the schedules' due moments those of 400 days stay, and the latest of each, so that none is
    ever taken twice.
    """
    db = ctx.platform.db
    now = ctx.platform.clock.wall()
    pruned = 0
    while True:
        with db.write() as session:
            deleted = store.prune(session, before=now - RETENTION, limit=_BATCH)
        pruned += deleted
        if deleted < _BATCH:
            break
    with db.write() as session:
        later = aliased(ScheduleRun)
        latest = (
            select(func.max(later.due_at))
            .where(later.schedule == ScheduleRun.schedule)
            .scalar_subquery()
        )
        session.execute(
            delete(ScheduleRun)
            .where(ScheduleRun.created_at < now - SCHEDULE_RETENTION, ScheduleRun.due_at < latest)
            .execution_options(synchronize_session=False)
        )
    log.info("jobs.pruned", jobs=pruned)


PRUNE_JOBS = Job(name="dxp.prune_jobs", handler=prune_jobs, transactional=False)
PRUNE_SCHEDULE = Schedule(name="dxp.prune_jobs", cron="17 * * * *", job="dxp.prune_jobs")
