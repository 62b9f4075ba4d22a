"""The content list, and the chooser of references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request, url_for

from dxp.api import AdminCall, NotFound, gettext, paginate
from dxp_cms.models import Entry, State
from dxp_cms.permissions import ENTRIES_WRITE
from dxp_cms.services.listing import CHANGED, Wanted, newest
from dxp_cms.services.listing import entries as listed
from dxp_cms.types import ContentType
from dxp_cms.web.admin.languages import chosen_language, languages
from dxp_cms.web.admin.pages import cms_of, rows_of
from dxp_cms.web.admin.targets import targets_of

MAX_TEXT = 200
MAX_CHOICES = 10
STATES = (State.DRAFT, State.PUBLISHED, CHANGED, State.ARCHIVED)


def entries(call: AdminCall) -> Any:
    """All content, newest change first; what is shown is in the address."""
    types = cms_of(call).types
    args = request.args
    chosen = types.find(args.get("type", ""))
    wanted = Wanted(
        types=() if chosen is None else (chosen.name,),
        state=args["state"] if args.get("state") in STATES else "",
        locale=args["lang"] if args.get("lang") in _codes(call) else "",
        text=args.get("q", "")[:MAX_TEXT],
    )
    page = paginate(call, listed(wanted), keys=[(Entry.updated_at, "desc"), (Entry.id, "desc")])
    locale = chosen_language(call, wanted.locale)
    filtered = bool(wanted.text or wanted.state or wanted.locale)
    return call.render(
        "cms/entries.html",
        rows=rows_of(call, list(page.items), locale=locale),
        next=page.next,
        wanted=wanted,
        chosen=chosen,
        filtered=filtered,
        tabs=_tabs(list(types), chosen),
        states=_state_options(),
        language_options=[(known.code, known.name) for known in languages(call)],
        types=list(types),
        may_write=call.actor.may(ENTRIES_WRITE),
    )


def choices(call: AdminCall, type_name: str, field_name: str) -> Any:
    """Entries that a reference may point at: those already chosen, then those that fit a search."""
    content_type = cms_of(call).types.get(type_name)
    field = content_type.by_name.get(field_name)
    item = None if field is None else field.options.get("item", field)
    if item is None or item.kind.name != "reference":
        raise NotFound(
            gettext("This field does not point at entries, so there is nothing to choose from.")
        )
    assert field is not None
    name = _input_name(call, field_name)
    chosen = [value for value in request.args.getlist(name) if value]
    return call.render(
        "cms/_choices.html",
        name=name,
        many=field is not item,
        chooser=chooser(
            call,
            chosen=chosen,
            of=request.args.get("of"),
            find=(item.options["to"], request.args.get(f"find-{name}", "")[:MAX_TEXT]),
        ),
    )


def chooser(
    call: AdminCall,
    *,
    chosen: Sequence[str],
    of: str | None,
    find: tuple[Sequence[str], str] | None = None,
) -> dict[str, Any]:
    """What the chooser draws: the chosen entries in their order, then others that fit.

    Args:
        of: id of the entry that points, which is not offered to itself.
        find: types to look among, and part of a title.
    """
    others: list[Entry] = []
    if find is not None:
        types, text = find
        found = newest(call.session, Wanted(types=types, text=text), limit=MAX_CHOICES)
        others = [row for row in found if str(row.id) not in (*chosen, of)]
    return {
        "of": of,
        "selected": targets_of(call, chosen),
        "others": rows_of(call, others, locale=chosen_language(call, None)),
        "searched": find is not None,
    }


def _tabs(types: list[ContentType], chosen: ContentType | None) -> list[dict[str, Any]]:
    every = {"label": gettext("All"), "href": url_for("cms.entries"), "active": chosen is None}
    return [
        every,
        *(
            {
                "label": str(content_type.plural),
                "href": url_for("cms.entries", type=content_type.name),
                "active": content_type is chosen,
            }
            for content_type in types
        ),
    ]


def _state_options() -> list[tuple[str, str]]:
    return [
        (State.DRAFT, gettext("Draft")),
        (State.PUBLISHED, gettext("Live")),
        (CHANGED, gettext("Live, with a newer draft")),
        (State.ARCHIVED, gettext("Taken off")),
    ]


def _input_name(call: AdminCall, field_name: str) -> str:
    """The name under which the page sends the field: with a language when it is translatable."""
    asked = request.args.get("input", "")
    known = (field_name, *(f"{code}.{field_name}" for code in _codes(call)))
    return asked if asked in known else field_name


def _codes(call: AdminCall) -> tuple[str, ...]:
    return call.platform.settings.locale.available
