"""Background work of segments, and what they are told of."""

from __future__ import annotations

import uuid

from dxp.api import ALL_EVENTS, BatchContext, BatchSubscription, Job, JobContext, Platform, Schedule
from dxp_crm.services import Crm
from dxp_crm.services.segments import Segments
from dxp_crm.services.segments.building import BUILD_JOB, count_sizes
from dxp_crm.services.segments.evaluating import BATCH
from dxp_crm.services.segments.updates import TOUCHED_JOB

DUE_JOB = "crm.segments.due"
SIZES_JOB = "crm.segments.sizes"


def _segments(platform: Platform) -> Segments:
    return platform.services.get(Crm).segments


def take_events(ctx: BatchContext) -> None:
    """Bring what happened to the segments that it touches."""
    _segments(ctx.platform).updates.take(ctx.session, ctx.records)


def look_at_touched(ctx: JobContext) -> None:
    """Look at the many people of a batch of events, right after it was written."""
    _segments(ctx.platform).updates.work(ctx.session, ctx.payload)


def look_at_due(ctx: JobContext) -> None:
    """Look at those for whom a window ended or a day came, in batches."""
    evaluator = _segments(ctx.platform).evaluator
    while True:
        with ctx.platform.db.write() as session:
            looked_at = evaluator.evaluate_due(session)
        if looked_at < BATCH:
            return


def build(ctx: JobContext) -> None:
    """Look at everybody for one segment; begun again, it begins anew."""
    builder = _segments(ctx.platform).builder
    builder.build(uuid.UUID(ctx.payload["segment_id"]), int(ctx.payload["version"]))


def count(ctx: JobContext) -> None:
    """Count the members of all segments, for the list and the chart."""
    count_sizes(ctx.platform, ctx.session)


SUBSCRIPTIONS = (BatchSubscription(events=(ALL_EVENTS,), handler=take_events, name="crm.segments"),)
SEGMENT_JOBS: tuple[Job | Schedule, ...] = (
    Job(name=TOUCHED_JOB, handler=look_at_touched),
    Job(name=DUE_JOB, handler=look_at_due, transactional=False),
    Job(name=BUILD_JOB, handler=build, transactional=False),
    Job(name=SIZES_JOB, handler=count),
    Schedule(name=DUE_JOB, cron="* * * * *", job=DUE_JOB),
    Schedule(name=SIZES_JOB, cron="*/5 * * * *", job=SIZES_JOB),
)
