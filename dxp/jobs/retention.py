"""Events past their time, as an ordinary job."""

from __future__ import annotations

import structlog

from dxp.events import forget_events
from dxp.jobs.types import Job, JobContext, Schedule

log = structlog.get_logger(__name__)


def forget_past_events(ctx: JobContext) -> None:
    """Remove events that are kept no longer, by their type and the setting
    `events.retention_days`, in small transactions; empty those that a ledger needs."""
    for done in forget_events(ctx.platform):
        if done.removed or done.emptied:
            log.info("events.forgotten", type=done.type, removed=done.removed, emptied=done.emptied)


FORGET_EVENTS = Job(name="dxp.forget_events", handler=forget_past_events, transactional=False)
FORGET_SCHEDULE = Schedule(name="dxp.forget_events", cron="41 2 * * *", job="dxp.forget_events")
