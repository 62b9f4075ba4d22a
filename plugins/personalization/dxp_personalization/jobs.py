"""Background work of the plugin."""

from __future__ import annotations

from datetime import timedelta

from dxp.api import Job, JobContext, Schedule
from dxp_personalization.services import Personalization


def prune_decisions(ctx: JobContext) -> None:
    """Delete decisions that are older than the log is kept, in short transactions."""
    platform = ctx.platform
    keep = timedelta(days=platform.plugins.settings_of("personalization")["log_days"])
    decisions = platform.services.get(Personalization).decisions
    while True:
        with platform.db.write() as session:
            if decisions.prune(session, before=ctx.now - keep) == 0:
                return


JOBS = (
    Job(name="personalization.prune_decisions", handler=prune_decisions, transactional=False),
    Schedule(
        name="personalization.prune_decisions",
        cron="20 3 * * *",
        job="personalization.prune_decisions",
    ),
)
