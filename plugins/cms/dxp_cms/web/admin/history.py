"""The history of an entry: its revisions, two of them compared, and going back to one."""

from __future__ import annotations

import uuid
from typing import Any

from flask import request

from dxp.api import AdminCall, NotFound, gettext
from dxp_cms.models.entries import Kind
from dxp_cms.permissions import ENTRIES_WRITE
from dxp_cms.services.compare import compare
from dxp_cms.services.history import Step, history_of, revision_of
from dxp_cms.web.admin.languages import chosen_language, language_of
from dxp_cms.web.admin.pages import cms_of, open_entry

PAGE = 50


def revisions(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """All revisions, newest first."""
    opened = open_entry(call, entry_id, locale=chosen_language(call, None))
    before = request.args.get("before", "")
    steps = history_of(
        call.session,
        entry_id,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 9 else None,
        limit=PAGE + 1,
    )
    shown = list(enumerate(steps[:PAGE]))
    return call.render(
        "cms/history.html",
        opened=opened,
        steps=[(step, describe(step), _before(steps, place)) for place, step in shown],
        older=steps[PAGE - 1].number if len(steps) > PAGE else None,
        may_write=call.actor.may(ENTRIES_WRITE) and opened.entry.trashed_at is None,
    )


def compare_revisions(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """What changed from one revision to another, word by word."""
    opened = open_entry(call, entry_id, locale=chosen_language(call, None))
    older = revision_of(call.session, entry_id, _id_of("from"))
    newer = revision_of(call.session, entry_id, _id_of("to"))
    changes = compare(opened.content_type, older.document, newer.document)
    return call.render(
        "cms/compare.html",
        opened=opened,
        older=older,
        newer=newer,
        changes=[(change, language_of(change.place, reader=call.locale)) for change in changes],
        may_write=call.actor.may(ENTRIES_WRITE) and opened.entry.trashed_at is None,
    )


def restore(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """Make an earlier revision the draft again; what is live stays."""
    try:
        revision_id = uuid.UUID(call.form.get("revision", ""))
    except ValueError:
        raise _no_revision() from None
    saved = cms_of(call).drafts.restore(
        call.session, call.actor, entry_id=entry_id, revision_id=revision_id
    )
    if saved.created:
        call.toast(gettext("The revision is the draft again. What is live has not changed."))
    else:
        call.toast(gettext("The draft is the same already."), kind="info")
    return call.redirect("cms.edit", entry_id=entry_id)


def _before(steps: list[Step], place: int) -> uuid.UUID | None:
    """What a revision is compared with: the one that the history shows below it.

    An edit that was kept aside is compared with what it began from.
    """
    step = steps[place]
    if step.kind == Kind.STALE:
        return step.base_id
    older = (other.id for other in steps[place + 1 :] if other.kind != Kind.STALE)
    return next(older, step.base_id)


def describe(step: Step) -> str:
    """How a revision came about, in words."""
    return {
        Kind.AUTOSAVE: gettext("Saved by itself"),
        Kind.RESTORE: gettext("Restored"),
        Kind.STALE: gettext("Kept aside: somebody else had saved first"),
    }.get(Kind(step.kind), gettext("Saved"))


def _id_of(parameter: str) -> uuid.UUID:
    try:
        return uuid.UUID(request.args.get(parameter, ""))
    except ValueError:
        raise _no_revision() from None


def _no_revision() -> NotFound:
    return NotFound(
        gettext("The address does not name a revision; choose one from the entry's history."),
        code="unknown_revision",
    )
