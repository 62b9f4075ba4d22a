"""The JSON API of tags."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import ApiBlueprint, Call, needs
from dxp_crm.models import ORGANISATION, PERSON, Tag, TagChange
from dxp_crm.permissions import MANAGE_TAGS, READ
from dxp_crm.services import Crm
from dxp_crm.services.tags import COLORS
from dxp_crm.web.problems import PROBLEMS

api = ApiBlueprint(
    "crm_tags",
    __name__,
    url_prefix="/api/v1",
    description="Tags of customers and organisations.",
    codes=PROBLEMS,
)
NAME = validate.And(
    validate.Length(1, 50),
    validate.Regexp(r"^[^\s,](.*[^\s,])?\Z", error="No commas or blanks around it."),
)


class TagIn(Schema):
    """A tag."""

    name = fields.String(required=True, validate=NAME, metadata={"example": "vip"})
    color = fields.String(load_default=COLORS[0], validate=validate.OneOf(COLORS))


class TagMerge(Schema):
    """Which tag takes the place of another."""

    into = fields.UUID(required=True)


class TagChangeOut(Schema):
    """What a tag is becoming, while what carries it is rewritten in the background."""

    old_name = fields.String(required=True)
    into = fields.UUID(
        required=True,
        allow_none=True,
        attribute="into_id",
        metadata={"description": "The tag that is carried afterwards; null: it is deleted."},
    )
    done = fields.Integer(required=True)
    total = fields.Integer(required=True)


class TagOut(Schema):
    """A tag, how many records carry it, and whether they are being rewritten."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    color = fields.String(required=True)
    customers = fields.Integer(required=True)
    organisations = fields.Integer(required=True)
    change = fields.Nested(TagChangeOut, required=True, allow_none=True)


def _crm(call: Call) -> Crm:
    return call.platform.services.get(Crm)


def _views(call: Call, tags: Sequence[Tag]) -> list[dict[str, Any]]:
    service = _crm(call).tags
    counts, changes = service.counts(call.session), service.changes.under_way(call.session)
    return [_view(tag, counts.get(tag.id, {}), changes.get(tag.id)) for tag in tags]


def _view(tag: Tag, own: Mapping[str, int], change: TagChange | None) -> dict[str, Any]:
    return {
        "id": tag.id,
        "name": tag.name,
        "color": tag.color,
        "customers": own.get(PERSON, 0),
        "organisations": own.get(ORGANISATION, 0),
        "change": change,
    }


@api.endpoint(
    "GET",
    "/tags",
    summary="List tags",
    access=needs(READ),
    response=TagOut(many=True),
    problems=("field_restricted",),
)
def list_tags(call: Call) -> Any:
    """By name, with how many records carry each."""
    crm = _crm(call)
    crm.visibility.of(call.session, call.actor).check_filter("tags")
    return _views(call, crm.tags.listed(call.session))


@api.endpoint(
    "POST",
    "/tags",
    summary="Make a tag",
    access=needs(MANAGE_TAGS),
    body=TagIn,
    response=TagOut,
    status=201,
    problems=("tag_exists", "tag_busy"),
)
def create_tag(call: Call, body: dict[str, Any]) -> Any:
    """A tag that a record is given is made by itself; this one waits for its first."""
    return _view(_crm(call).tags.create(call.session, call.actor, **body), {}, None)


@api.endpoint(
    "PUT",
    "/tags/<uuid:tag_id>",
    summary="Rename or colour a tag",
    access=needs(MANAGE_TAGS),
    body=TagIn,
    response=TagOut,
    problems=("unknown_tag", "tag_exists", "tag_busy"),
)
def change_tag(call: Call, body: dict[str, Any], tag_id: uuid.UUID) -> Any:
    """Everything that carries it shows the new name; more than 500 records follow in the
    background, as `change` shows."""
    tag = _crm(call).tags.update(call.session, call.actor, tag_id=tag_id, **body)
    (view,) = _views(call, [tag])
    return view


@api.endpoint(
    "POST",
    "/tags/<uuid:tag_id>/merge",
    summary="Merge a tag into another",
    access=needs(MANAGE_TAGS),
    body=TagMerge,
    response=TagOut,
    problems=("unknown_tag", "tag_exists", "tag_busy"),
)
def merge_tag(call: Call, body: dict[str, Any], tag_id: uuid.UUID) -> Any:
    """What carried this tag carries the other one, and this one is gone; more than 500 records
    follow in the background, and this one stays until then."""
    tag = _crm(call).tags.merge(call.session, call.actor, tag_id=tag_id, into=body["into"])
    (view,) = _views(call, [tag])
    return view


@api.endpoint(
    "DELETE",
    "/tags/<uuid:tag_id>",
    summary="Delete a tag",
    access=needs(MANAGE_TAGS),
    status=204,
    problems=("unknown_tag", "tag_busy"),
)
def delete_tag(call: Call, tag_id: uuid.UUID) -> None:
    """It is taken off everything that carried it; off more than 500 records in the background, and
    it stays on the list until then."""
    _crm(call).tags.delete(call.session, call.actor, tag_id=tag_id)
