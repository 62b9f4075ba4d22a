"""The job that tells one subscriber of one event, after the publisher's commit."""

from __future__ import annotations

import uuid

import structlog

from dxp.events import EventContext
from dxp.jobs.registry import DELIVER_EVENT
from dxp.jobs.types import Job, JobContext

log = structlog.get_logger(__name__)


def deliver_event(ctx: JobContext) -> None:
    """Hand an event of the log to the subscription named in the payload."""
    event_id = uuid.UUID(ctx.payload["event_id"])
    record = ctx.platform.events.load(ctx.session, [event_id]).get(event_id)
    if record is None:
        # Erasing a person may take events out of the log before they were delivered.
        log.info("jobs.event_gone", event_id=str(event_id))
        return
    subscription = ctx.platform.events.subscriptions[ctx.payload["subscription"]]
    subscription.handler(EventContext(record=record, session=ctx.session, platform=ctx.platform))


DELIVERY = Job(name=DELIVER_EVENT, handler=deliver_event)
