"""Tags: the list, renaming, merging."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_crm.models import ORGANISATION, PERSON, Tag, TagChange
from dxp_crm.permissions import MANAGE_TAGS
from dxp_crm.services.tags import COLORS
from dxp_crm.web.admin.blueprint import admin, crm_of, tell
from dxp_crm.web.tags_api import NAME


class TagForm(Schema):
    """A tag; an unknown colour is refused."""

    name = fields.String(required=True, validate=NAME)
    color = fields.String(load_default=COLORS[0], validate=validate.OneOf(COLORS))


class TagMergeForm(Schema):
    """The tag that takes the place of another."""

    into = fields.UUID(required=True)


@admin.page("GET", "/tags", access=needs(MANAGE_TAGS))
def list_tags(call: AdminCall) -> Any:
    """All tags, with how many records carry each."""
    return _list_page(call)


def _list_page(call: AdminCall, *, errors: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """The list, with the form of a new tag as it was sent."""
    tags = crm_of(call).tags
    counts = tags.counts(call.session)
    changes = _changes(call)
    rows = [
        {
            "tag": tag,
            "change": changes.get(tag.id),
            "customers": counts.get(tag.id, {}).get(PERSON, 0),
            "organisations": counts.get(tag.id, {}).get(ORGANISATION, 0),
        }
        for tag in tags.listed(call.session)
    ]
    return call.render(
        "crm/tags.html",
        status=422 if errors else 200,
        rows=rows,
        colors=color_names(),
        sent=call.form,
        errors=errors,
    )


@admin.page("POST", "/tags/new", access=needs(MANAGE_TAGS))
def create_tag(call: AdminCall) -> Any:
    """Make a tag before anything carries it."""
    values, errors = call.load(TagForm())
    if not errors:
        try:
            crm_of(call).tags.create(call.session, call.actor, **values)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The tag is made."))
            return call.redirect("crm_admin.list_tags")
    return _list_page(call, errors=errors)


@admin.page("GET", "/tags/<uuid:tag_id>", access=needs(MANAGE_TAGS))
def show_tag(call: AdminCall, tag_id: uuid.UUID) -> Any:
    """One tag: its name and colour, and what to merge it into."""
    tag = crm_of(call).tags.get(call.session, tag_id)
    return _tag_page(call, tag, {"name": tag.name, "color": tag.color}, {})


@admin.page("POST", "/tags/<uuid:tag_id>", access=needs(MANAGE_TAGS))
def save_tag(call: AdminCall, tag_id: uuid.UUID) -> Any:
    """Rename or colour a tag."""
    tags = crm_of(call).tags
    tag = tags.get(call.session, tag_id)
    values, errors = call.load(TagForm())
    if not errors:
        try:
            tags.update(call.session, call.actor, tag_id=tag_id, **values)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return _go_on(call, tag_id)
    return _tag_page(call, tag, call.form, errors)


@admin.page("POST", "/tags/<uuid:tag_id>/merge", access=needs(MANAGE_TAGS))
def merge_tag(call: AdminCall, tag_id: uuid.UUID) -> Any:
    """Let what carries this tag carry another one."""
    tags = crm_of(call).tags
    tag = tags.get(call.session, tag_id)
    values, errors = call.load(TagMergeForm())
    if not errors:
        try:
            tags.merge(call.session, call.actor, tag_id=tag_id, into=values["into"])
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            if tag_id not in _changes(call):
                call.toast(_("The tags are merged."))
            return _go_on(call, tag_id)
    return _tag_page(call, tag, {"name": tag.name, "color": tag.color}, errors)


@admin.page("POST", "/tags/<uuid:tag_id>/delete", access=needs(MANAGE_TAGS))
def delete_tag(call: AdminCall, tag_id: uuid.UUID) -> Any:
    """Take a tag off everything."""
    try:
        crm_of(call).tags.delete(call.session, call.actor, tag_id=tag_id)
    except Problem as problem:
        tell(call, call.errors_of(problem))
        return call.redirect("crm_admin.show_tag", tag_id=tag_id)
    if tag_id not in _changes(call):
        call.toast(_("The tag is deleted."))
    return _go_on(call, tag_id)


@admin.page("GET", "/tags/<uuid:tag_id>/progress", access=needs(MANAGE_TAGS))
def tag_progress(call: AdminCall, tag_id: uuid.UUID) -> Any:
    """How far a change is; the page asks for this every second until it is done."""
    change = _changes(call).get(tag_id)
    if change is None:
        return call.redirect("crm_admin.list_tags")
    return call.render("crm/_tag_progress.html", tag_id=tag_id, change=change)


def _go_on(call: AdminCall, tag_id: uuid.UUID) -> Any:
    """To the list, or to the tag's own page while it is being changed."""
    if tag_id in _changes(call):
        return call.redirect("crm_admin.show_tag", tag_id=tag_id)
    return call.redirect("crm_admin.list_tags")


def _changes(call: AdminCall) -> dict[uuid.UUID, dict[str, Any]]:
    """What tags are becoming, in words, and how far that is."""
    tags = crm_of(call).tags
    found = tags.changes.under_way(call.session)
    names = {tag.id: tag.name for tag in tags.listed(call.session)} if found else {}
    return {
        tag_id: {
            "work": _becoming(change, names),
            "percent": min(100 * change.done // max(change.total, 1), 100),
            "done": change.done,
            "total": change.total,
        }
        for tag_id, change in found.items()
    }


def _becoming(change: TagChange, names: Mapping[uuid.UUID, str]) -> str:
    if change.into_id is None:
        return _("It is being taken off everything that carries it.")
    if change.into_id == change.tag_id:
        return _("What carries it still says “%(name)s” in part.", name=change.old_name)
    return _("What carries it gets “%(name)s” instead.", name=names[change.into_id])


def _tag_page(
    call: AdminCall, tag: Tag, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    listed = crm_of(call).tags.listed(call.session)
    return call.render(
        "crm/tag.html",
        status=422 if errors else 200,
        tag=tag,
        tag_id=tag.id,
        change=_changes(call).get(tag.id),
        values=values,
        errors=errors,
        colors=color_names(),
        others=[(other.id, other.name) for other in listed if other.id != tag.id],
    )


def color_names() -> list[tuple[str, str]]:
    """Colours for a chooser."""
    names = {
        "neutral": _("Grey"),
        "accent": _("Accent"),
        "success": _("Green"),
        "info": _("Blue"),
        "warning": _("Amber"),
        "danger": _("Red"),
    }
    return [(color, names[color]) for color in COLORS]
