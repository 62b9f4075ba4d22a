"""The trash: what lies in it, throwing away, and bringing back."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import exists, select

from dxp.api import AdminCall, Forbidden, gettext, paginate
from dxp_cms.models import Entry, Published
from dxp_cms.permissions import ENTRIES_PUBLISH, ENTRIES_WRITE
from dxp_cms.services.listing import Wanted, entries
from dxp_cms.web.admin.languages import chosen_language
from dxp_cms.web.admin.pages import cms_of, rows_of


def trashed(call: AdminCall) -> Any:
    """Entries in the trash, newest first."""
    page = paginate(
        call,
        entries(Wanted(trashed=True)),
        keys=[(Entry.updated_at, "desc"), (Entry.id, "desc")],
    )
    return call.render(
        "cms/trash.html",
        rows=rows_of(call, list(page.items), locale=chosen_language(call, None)),
        next=page.next,
        may_write=call.actor.may(ENTRIES_WRITE),
    )


def throw_away(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """Move an entry to the trash. Taking it off, where it is live, is a right of its own."""
    is_live = call.session.scalar(select(exists().where(Published.entry_id == entry_id)))
    if is_live and not call.actor.may(ENTRIES_PUBLISH):
        raise Forbidden(
            gettext(
                "The entry was not moved to the trash, because readers see it and you may not "
                "take content off; ask somebody who may publish."
            ),
            code="missing_permission",
        )
    cms_of(call).trash.throw_away(
        call.session,
        call.actor,
        entry_id=entry_id,
        although_used=call.form.get("although_used") == "true",
    )
    call.toast(gettext("The entry lies in the trash. It can be brought back from there."))
    return call.redirect("cms.entries")


def bring_back(call: AdminCall, entry_id: uuid.UUID) -> Any:
    """Take an entry out of the trash, as a draft."""
    cms_of(call).trash.bring_back(call.session, call.actor, entry_id=entry_id)
    call.toast(gettext("The entry is back, as a draft."))
    return call.redirect("cms.edit", entry_id=entry_id)
