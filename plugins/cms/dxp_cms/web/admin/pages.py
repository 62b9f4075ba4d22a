"""What several pages need: the services, an entry with its type, and state badges."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dxp.api import gettext
from dxp_cms.models import Entry, Revision, State
from dxp_cms.services.cms import Cms
from dxp_cms.services.drafts import unknown_entry
from dxp_cms.services.listing import Standing, best_title, standings
from dxp_cms.types import ContentType
from dxp_cms.web.admin.languages import Language, Viewer, language, languages

BADGES: Mapping[str, str] = {
    State.PUBLISHED: "success",
    State.DRAFT: "neutral",
    State.ARCHIVED: "warning",
}


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An entry that a page is about."""

    entry: Entry
    content_type: ContentType
    head: Revision
    standing: Mapping[str, Standing]
    title: str


def see_anew(call: Viewer) -> None:
    """Let the page's session see what was committed since it first looked.

    Saving has a transaction of its own: an edit that comes too late is answered as a refusal,
    with which the page's transaction would undo it, and is to be kept all the same.
    """
    call.session.rollback()


def cms_of(call: Viewer) -> Cms:
    """The plugin's services."""
    return call.platform.services.get(Cms)


def open_entry(call: Viewer, entry_id: uuid.UUID, *, locale: str) -> Opened:
    """The entry of a page, with its draft.

    Raises:
        NotFound: there is no such entry, or no plugin declares its type any more.
    """
    session: Session = call.session
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise unknown_entry()
    head = session.get(Revision, entry.head_revision_id)
    assert head is not None
    standing = standings(session, [entry_id])[entry_id]
    title, _locale = best_title(standing, _preferred(call, locale))
    return Opened(
        entry=entry,
        content_type=cms_of(call).types.get(entry.type),
        head=head,
        standing=standing,
        title=title or gettext("Untitled"),
    )


def rows_of(call: Viewer, entries: Sequence[Entry], *, locale: str) -> list[dict[str, Any]]:
    """Entries as lists show them, with one query for all their languages."""
    types = cms_of(call).types
    known = standings(call.session, [entry.id for entry in entries])
    rows = []
    for entry in entries:
        title, title_locale = best_title(known[entry.id], _preferred(call, locale))
        content_type = types.find(entry.type)
        rows.append(
            {
                "entry": entry,
                "title": title or gettext("Untitled"),
                "language": language(title_locale, reader=call.locale) if title_locale else None,
                "type": entry.type if content_type is None else content_type.label,
                "badges": badges(call, known[entry.id]),
            }
        )
    return rows


def badges(call: Viewer, standing: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """A badge for each state that the entry is in, with the languages in which it is."""
    found: dict[str, dict[str, Any]] = {}
    for known in languages(call):
        stands = standing.get(known.code)
        if stands is not None:
            label = state_label(stands)
            kind = "info" if stands.changed else BADGES[stands.state]
            badge = found.setdefault(label, {"label": label, "kind": kind, "languages": []})
            badge["languages"].append(known.name)
    return list(found.values())


def state_label(standing: Standing | None) -> str:
    """Where an entry stands in one language, in words."""
    if standing is None:
        return gettext("Not written")
    if standing.changed:
        return gettext("Live, with a newer draft")
    return {
        State.PUBLISHED: gettext("Live"),
        State.ARCHIVED: gettext("Taken off"),
    }.get(State(standing.state), gettext("Draft"))


def language_tabs(
    call: Viewer, opened: Opened, current: Language, *, urls: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One tab for each language, with where the entry stands in it."""
    return [
        {
            "label": f"{known.name} · {state_label(opened.standing.get(known.code))}",
            "href": urls[known.code],
            "active": known.code == current.code,
        }
        for known in languages(call)
    ]


def _preferred(call: Viewer, locale: str) -> tuple[str, ...]:
    return (locale, call.locale, call.platform.settings.locale.default)
