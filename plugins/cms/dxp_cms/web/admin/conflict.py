"""Two edits of one base: both are shown field by field, and one is made of them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from dxp.api import AdminCall, Conflict, gettext
from dxp_cms.models import Revision
from dxp_cms.models.entries import Kind
from dxp_cms.services.compare import merge, three_way
from dxp_cms.services.document import empty_document
from dxp_cms.services.drafts import Stale
from dxp_cms.services.history import revision_of
from dxp_cms.web.admin.languages import chosen_language, language_of
from dxp_cms.web.admin.pages import cms_of, open_entry, see_anew

MINE = "mine"


def show(call: AdminCall, entry_id: uuid.UUID, kept_id: uuid.UUID) -> Any:
    """The two edits side by side; it can be left and come back to."""
    kept = _kept(call.session, entry_id, kept_id)
    return _page(call, entry_id, kept, status=200)


def settle(call: AdminCall, entry_id: uuid.UUID, kept_id: uuid.UUID) -> Any:
    """Save what was picked from the two as the draft."""
    cms = cms_of(call)
    with call.platform.db.write() as session:
        entry = cms.drafts.lock(session, entry_id)
        content_type = cms.types.get(entry.type)
        kept = _kept(session, entry_id, kept_id)
        seen = revision_of(session, entry_id, _seen_of(call))
        differences = three_way(
            content_type, _base_document(session, kept), seen.document, kept.document
        )
        take = [item.place for item in differences if call.form.get(item.place.key) == MINE]
        outcome = cms.drafts.save(
            session,
            call.actor,
            entry_id=entry_id,
            base_id=seen.id,
            document=merge(seen.document, kept.document, take=take),
            note=gettext("Two edits merged"),
        )
    see_anew(call)
    if isinstance(outcome, Stale):
        return page(call, outcome)
    call.toast(gettext("The two edits are one draft now."))
    lang = chosen_language(call, call.form.get("lang"))
    return call.redirect("cms.edit", entry_id=entry_id, lang=lang)


def page(call: AdminCall, outcome: Stale) -> Any:
    """The answer to a stale save."""
    return _page(call, outcome.entry.id, outcome.kept, status=412)


def _page(call: AdminCall, entry_id: uuid.UUID, kept: Revision, *, status: int) -> Any:
    locale = chosen_language(call, call.form.get("lang") or request.args.get("lang"))
    opened = open_entry(call, entry_id, locale=locale)
    differences = three_way(
        opened.content_type, _base_document(call.session, kept), opened.head.document, kept.document
    )
    return call.render(
        "cms/conflict.html",
        status=status,
        opened=opened,
        kept=kept,
        differences=[(item, language_of(item.place, reader=call.locale)) for item in differences],
        locale=locale,
    )


def _kept(session: Session, entry_id: uuid.UUID, kept_id: uuid.UUID) -> Revision:
    kept = revision_of(session, entry_id, kept_id)
    if kept.kind != Kind.STALE:
        raise Conflict(
            gettext(
                "This revision is part of the entry's own line, so there is nothing to settle; "
                "look at the history instead."
            ),
            code="nothing_to_settle",
        )
    return kept


def _base_document(session: Session, kept: Revision) -> dict[str, Any]:
    """What both edits began from; empty when that was an autosave which is pruned by now."""
    base = None if kept.base_id is None else session.get(Revision, kept.base_id)
    return empty_document() if base is None else base.document


def _seen_of(call: AdminCall) -> uuid.UUID:
    """The draft that the page showed as theirs."""
    try:
        return uuid.UUID(call.form.get("base", ""))
    except ValueError:
        raise Conflict(
            gettext("The form does not say which draft it showed; reload the page and try again.")
        ) from None
