"""Tags: the list, renaming, merging."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_crm.models import ORGANISATION, PERSON, Tag
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
    tags = crm_of(call).tags
    counts = tags.counts(call.session)
    rows = [
        {
            "tag": tag,
            "customers": counts.get(tag.id, {}).get(PERSON, 0),
            "organisations": counts.get(tag.id, {}).get(ORGANISATION, 0),
        }
        for tag in tags.listed(call.session)
    ]
    return call.render("crm/tags.html", rows=rows, colors=color_names())


@admin.page("POST", "/tags/new", access=needs(MANAGE_TAGS))
def create_tag(call: AdminCall) -> Any:
    """Make a tag before anything carries it."""
    values, errors = call.load(TagForm())
    if not errors:
        try:
            crm_of(call).tags.create(call.session, call.actor, **values)
            call.toast(_("The tag is made."))
        except Problem as problem:
            errors = call.errors_of(problem)
    tell(call, errors)
    return call.redirect("crm_admin.list_tags")


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
            return call.redirect("crm_admin.list_tags")
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
            call.toast(_("The tags are merged."))
            return call.redirect("crm_admin.list_tags")
    return _tag_page(call, tag, {"name": tag.name, "color": tag.color}, errors)


@admin.page("POST", "/tags/<uuid:tag_id>/delete", access=needs(MANAGE_TAGS))
def delete_tag(call: AdminCall, tag_id: uuid.UUID) -> Any:
    """Take a tag off everything."""
    crm_of(call).tags.delete(call.session, call.actor, tag_id=tag_id)
    call.toast(_("The tag is deleted."))
    return call.redirect("crm_admin.list_tags")


def _tag_page(
    call: AdminCall, tag: Tag, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    listed = crm_of(call).tags.listed(call.session)
    return call.render(
        "crm/tag.html",
        status=422 if errors else 200,
        tag=tag,
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
