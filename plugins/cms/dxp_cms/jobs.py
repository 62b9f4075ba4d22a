"""Background work: stored answers follow what they include; old autosaves go."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy.orm import Session

from dxp.api import EventContext, Job, JobContext, Platform, Schedule, Subscription
from dxp_cms.events import EntryPublished, EntryUnpublished
from dxp_cms.services.cms import Cms
from dxp_cms.services.history import prune_autosaves

RERENDER = "cms.rerender"
PRUNE = "cms.prune_autosaves"
BATCH = 50


def enqueue_rerender(platform: Platform, session: Session, ids: Iterable[uuid.UUID]) -> None:
    """Have entries rendered anew, so many in each transaction that none is long."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), BATCH):
        batch = [str(entry_id) for entry_id in wanted[start : start + BATCH]]
        platform.jobs.enqueue(session, RERENDER, {"entries": batch})


def rerender(ctx: JobContext) -> None:
    """Render live entries anew, and then what includes those whose answer changed.

    It ends, because what is included carries no includes of its own: see `Renderer`.
    """
    publishing = ctx.platform.services.get(Cms).publishing
    ids = [uuid.UUID(entry_id) for entry_id in ctx.payload["entries"]]
    changed = publishing.rerender(ctx.session, ids)
    if changed:
        enqueue_rerender(ctx.platform, ctx.session, publishing.dependents(ctx.session, changed))


def follow(ctx: EventContext) -> None:
    """What includes a published or unpublished entry is rendered anew; so is the entry itself.

    Itself, because what it includes may have gone live while it was being published, in a
    transaction that could not see this one yet.
    """
    entry_id = uuid.UUID(ctx.record.data["entry_id"])
    publishing = ctx.platform.services.get(Cms).publishing
    dependents = publishing.dependents(ctx.session, [entry_id])
    enqueue_rerender(ctx.platform, ctx.session, [entry_id, *dependents])


def prune(ctx: JobContext) -> None:
    """Delete autosaves that a later save of the same author passed over."""
    days = ctx.platform.services.get(Cms).settings["autosave_days"]
    pruned = prune_autosaves(ctx.session, before=ctx.now - timedelta(days=days))
    if pruned:
        # A batch at a time keeps the transaction short; the rest follows at once.
        ctx.platform.jobs.enqueue(ctx.session, PRUNE)


SUBSCRIPTIONS = (
    Subscription(event=EntryPublished.type, handler=follow, name="cms.follow_published"),
    Subscription(event=EntryUnpublished.type, handler=follow, name="cms.follow_unpublished"),
)
JOBS = (
    Job(name=RERENDER, handler=rerender),
    Job(name=PRUNE, handler=prune),
    Schedule(name=PRUNE, cron="17 3 * * *", job=PRUNE),
)
