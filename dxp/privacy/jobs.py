"""The upkeep of merges and exports, and the making of large exports."""

from __future__ import annotations

import uuid

from dxp.jobs.types import Job, JobContext, Schedule
from dxp.privacy.exports import BUILD

CLEAN_UP = "dxp.privacy.clean_up"


def build_export(ctx: JobContext) -> None:
    """Make the copy of a person's data that somebody asked for."""
    ctx.platform.privacy.exports.build(ctx.session, uuid.UUID(ctx.payload["export_id"]))


def clean_up(ctx: JobContext) -> None:
    """Drop what undoing merges would need after 30 days, and copies that nobody fetched."""
    ctx.platform.privacy.merges.drop_overdue(ctx.session)
    ctx.platform.privacy.exports.drop_expired(ctx.session)


PRIVACY_JOBS: tuple[Job | Schedule, ...] = (
    Job(name=BUILD, handler=build_export),
    Job(name=CLEAN_UP, handler=clean_up),
    Schedule(name=CLEAN_UP, cron="23 3 * * *", job=CLEAN_UP),
)
