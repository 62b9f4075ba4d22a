"""Going live and being taken off, from the edit page."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from dxp.api import AdminCall, Unprocessable, gettext
from dxp_cms.permissions import ENTRIES_WRITE
from dxp_cms.services.drafts import Stale
from dxp_cms.web.admin import conflict, editing
from dxp_cms.web.admin.forms import COMPLETE, errors_by_input
from dxp_cms.web.admin.languages import chosen_language
from dxp_cms.web.admin.pages import cms_of, see_anew


def publish(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """Save what was sent, for who may write, and put the saved draft live.

    What was saved stays saved when it is not fit to go live: then each problem is shown at its
    field.
    """
    locale = chosen_language(call, call.form.get("lang"))
    sent = COMPLETE in call.form and call.actor.may(ENTRIES_WRITE)
    errors: Mapping[str, list[str]] = {}
    outcome: Any = None
    with call.platform.db.write() as session:
        if sent:
            outcome, errors = editing.store(call, session, entry_id)
        saved = outcome is not None and not isinstance(outcome, Stale)
        problems: Mapping[str, list[str]] = {}
        if saved or not sent:
            revision_id = outcome.revision.id if saved else None
            problems = _go_live(call, session, entry_id, locale, revision_id=revision_id)
    see_anew(call)
    if errors:
        return editing.edit_page(call, entry_id, errors=errors, sent=call.form)
    if isinstance(outcome, Stale):
        return conflict.page(call, outcome)
    if problems:
        return editing.edit_page(call, entry_id, errors=problems)
    call.toast(gettext("It is live now."))
    return call.redirect("cms.edit", entry_id=entry_id, lang=locale)


def _go_live(
    call: AdminCall,
    session: Session,
    entry_id: uuid.UUID,
    locale: str,
    *,
    revision_id: uuid.UUID | None,
) -> Mapping[str, list[str]]:
    """Publish, or undo nothing but the publication; returns its problems by input."""
    try:
        with call.platform.db.savepoint(session):
            cms_of(call).publishing.publish(
                session, call.actor, entry_id=entry_id, locale=locale, revision_id=revision_id
            )
    except Unprocessable as problem:
        return errors_by_input(problem.errors)
    return {}


def unpublish(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """Take the entry off in one language."""
    locale = chosen_language(call, call.form.get("lang"))
    cms_of(call).publishing.unpublish(call.session, call.actor, entry_id=entry_id, locale=locale)
    call.toast(gettext("Readers no longer see it."))
    return call.redirect("cms.edit", entry_id=entry_id, lang=locale)
