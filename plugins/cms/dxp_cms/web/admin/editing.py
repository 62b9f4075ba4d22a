"""Writing: the edit page, saving, and saving by itself."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from dxp.api import AdminCall, Unprocessable, gettext
from dxp_cms.models import State
from dxp_cms.permissions import ENTRIES_PUBLISH, ENTRIES_WRITE
from dxp_cms.services.document import empty_document
from dxp_cms.services.drafts import Stale
from dxp_cms.services.history import revision_of
from dxp_cms.services.trash import where_used
from dxp_cms.web.admin import conflict
from dxp_cms.web.admin.forms import (
    EntryForm,
    FormField,
    errors_by_input,
    read_form,
    show_form,
)
from dxp_cms.web.admin.languages import chosen_language, language, languages
from dxp_cms.web.admin.listing import chooser
from dxp_cms.web.admin.pages import (
    Opened,
    cms_of,
    language_tabs,
    open_entry,
    see_anew,
    state_label,
)

Errors = Mapping[str, list[str]]


def new(call: AdminCall, type_name: str) -> Any:
    """The form of an entry that is not there yet."""
    return _new_page(call, type_name)


def create(call: AdminCall, type_name: str) -> Any:
    """Make the entry, then go on to its edit page."""
    cms = cms_of(call)
    content_type = cms.types.get(type_name)
    written_in = language(_language_of(call), reader=call.locale)
    document, errors = read_form(content_type, empty_document(), written_in, call.form)
    if not errors:
        try:
            saved = cms.drafts.create(
                call.session, call.actor, type_name=type_name, document=document
            )
        except Unprocessable as problem:
            errors = errors_by_input(problem.errors)
        else:
            call.toast(gettext("The draft was saved."))
            return call.redirect("cms.edit", entry_id=saved.entry.id, lang=written_in.code)
    return _new_page(call, type_name, errors=errors, sent=call.form)


def edit(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """The edit page in one language; who may not write sees it closed."""
    return edit_page(call, entry_id)


def save(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """Save the draft on purpose."""
    with call.platform.db.write() as session:
        outcome, errors = store(call, session, entry_id)
    see_anew(call)
    if errors:
        return edit_page(call, entry_id, errors=errors, sent=call.form)
    if isinstance(outcome, Stale):
        return conflict.page(call, outcome)
    call.toast(
        gettext("The draft was saved.") if outcome.created else gettext("Nothing had changed.")
    )
    return call.redirect("cms.edit", entry_id=entry_id, lang=_language_of(call))


def autosave(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """Save what is being typed. Answers the little status line alone, so no field is touched."""
    with call.platform.db.write() as session:
        outcome, errors = store(call, session, entry_id, autosave=True)
    if errors:
        # Half a number is no fault while somebody types it: nothing is stored, the line says so.
        return call.render(
            "cms/_saved.html", status=422, base=call.form.get("base", ""), errors=errors
        )
    if isinstance(outcome, Stale):
        return call.render(
            "cms/_saved.html",
            status=412,
            base=str(outcome.base.id),
            conflict_url=url_for("cms.show", entry_id=entry_id, kept_id=outcome.kept.id),
            by=outcome.head.author_name,
        )
    return call.render("cms/_saved.html", base=str(outcome.revision.id), revision=outcome.revision)


def store(
    call: AdminCall, session: Session, entry_id: uuid.UUID, *, autosave: bool = False
) -> tuple[Any, Errors]:
    """Save what was sent; returns the outcome, or errors by input.

    Raises:
        NotFound, Conflict: see `Drafts.save`.
    """
    cms = cms_of(call)
    entry = cms.drafts.lock(session, entry_id)
    content_type = cms.types.get(entry.type)
    written_in = language(_language_of(call), reader=call.locale)
    base = revision_of(session, entry_id, _base_of(call))
    document, errors = read_form(content_type, base.document, written_in, call.form)
    if errors:
        return None, errors
    try:
        outcome = cms.drafts.save(
            session,
            call.actor,
            entry_id=entry_id,
            base_id=base.id,
            document=document,
            autosave=autosave,
            tab=call.form.get("tab", ""),
        )
    except Unprocessable as problem:
        return None, errors_by_input(problem.errors)
    return outcome, {}


def edit_page(
    call: AdminCall,
    entry_id: uuid.UUID,
    *,
    errors: Errors | None = None,
    sent: MultiDict[str, str] | None = None,
) -> Any:
    """The edit page; with errors it is a 422, and shows what was sent."""
    locale = _language_of(call)
    opened = open_entry(call, entry_id, locale=locale)
    written_in = language(locale, reader=call.locale)
    form = show_form(
        opened.content_type, opened.head.document, written_in, errors=errors, sent=sent
    )
    standing = opened.standing.get(locale)
    urls = {
        known.code: url_for("cms.edit", entry_id=entry_id, lang=known.code)
        for known in languages(call)
    }
    return call.render(
        "cms/edit.html",
        status=422 if errors else 200,
        opened=opened,
        form=form,
        language=written_in,
        tabs=language_tabs(call, opened, written_in, urls=urls),
        standing=standing,
        state=state_label(standing),
        base=sent["base"] if sent and "base" in sent else str(opened.head.id),
        tab=secrets.token_urlsafe(16),
        choosers=_choosers(call, form, of=str(entry_id)),
        users=where_used(call.session, entry_id),
        may_write=call.actor.may(ENTRIES_WRITE) and opened.entry.trashed_at is None,
        may_publish=call.actor.may(ENTRIES_PUBLISH) and opened.entry.trashed_at is None,
        is_live_anywhere=_is_live(opened),
    )


def _new_page(
    call: AdminCall,
    type_name: str,
    *,
    errors: Errors | None = None,
    sent: MultiDict[str, str] | None = None,
) -> Any:
    content_type = cms_of(call).types.get(type_name)
    written_in = language(_language_of(call), reader=call.locale)
    form = show_form(content_type, empty_document(), written_in, errors=errors, sent=sent)
    tabs = [
        {
            "label": known.name,
            "href": url_for("cms.new", type_name=type_name, lang=known.code),
            "active": known.code == written_in.code,
        }
        for known in languages(call)
    ]
    return call.render(
        "cms/new.html",
        status=422 if errors else 200,
        content_type=content_type,
        form=form,
        language=written_in,
        tabs=tabs,
        choosers=_choosers(call, form, of=None),
    )


def _choosers(call: AdminCall, form: EntryForm, *, of: str | None) -> dict[str, dict[str, Any]]:
    """What the choosers of references show at first, by input."""
    return {
        item.name: chooser(call, chosen=_chosen(item), of=of)
        for item in form.fields
        if item.widget in ("reference", "references")
    }


def _chosen(item: FormField) -> list[str]:
    values = item.value if isinstance(item.value, list) else [item.value]
    return [value for value in values if value]


def _base_of(call: AdminCall) -> uuid.UUID:
    try:
        return uuid.UUID(call.form.get("base", ""))
    except ValueError:
        raise Unprocessable(
            gettext(
                "The form does not say which revision it began from, so saving could undo "
                "somebody's work; reload the page and try again."
            ),
            code="base_missing",
        ) from None


def _language_of(call: AdminCall) -> str:
    return chosen_language(call, call.form.get("lang") or request.args.get("lang"))


def _is_live(opened: Opened) -> bool:
    return any(standing.state == State.PUBLISHED for standing in opened.standing.values())
