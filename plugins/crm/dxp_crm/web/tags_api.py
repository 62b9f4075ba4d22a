"""The JSON API of tags."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import ApiBlueprint, Call, needs
from dxp_crm.models import ORGANISATION, PERSON, Tag
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


class TagOut(Schema):
    """A tag, and how many records carry it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    color = fields.String(required=True)
    customers = fields.Integer(required=True)
    organisations = fields.Integer(required=True)


def _crm(call: Call) -> Crm:
    return call.platform.services.get(Crm)


def _view(tag: Tag, counts: dict[uuid.UUID, dict[str, int]]) -> dict[str, Any]:
    own = counts.get(tag.id, {})
    return {
        "id": tag.id,
        "name": tag.name,
        "color": tag.color,
        "customers": own.get(PERSON, 0),
        "organisations": own.get(ORGANISATION, 0),
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
    counts = crm.tags.counts(call.session)
    return [_view(tag, counts) for tag in crm.tags.listed(call.session)]


@api.endpoint(
    "POST",
    "/tags",
    summary="Make a tag",
    access=needs(MANAGE_TAGS),
    body=TagIn,
    response=TagOut,
    status=201,
    problems=("tag_exists",),
)
def create_tag(call: Call, body: dict[str, Any]) -> Any:
    """A tag that a record is given is made by itself; this one waits for its first."""
    return _view(_crm(call).tags.create(call.session, call.actor, **body), {})


@api.endpoint(
    "PUT",
    "/tags/<uuid:tag_id>",
    summary="Rename or colour a tag",
    access=needs(MANAGE_TAGS),
    body=TagIn,
    response=TagOut,
    problems=("unknown_tag", "tag_exists"),
)
def change_tag(call: Call, body: dict[str, Any], tag_id: uuid.UUID) -> Any:
    """Everything that carries it shows the new name."""
    crm = _crm(call)
    tag = crm.tags.update(call.session, call.actor, tag_id=tag_id, **body)
    return _view(tag, crm.tags.counts(call.session))


@api.endpoint(
    "POST",
    "/tags/<uuid:tag_id>/merge",
    summary="Merge a tag into another",
    access=needs(MANAGE_TAGS),
    body=TagMerge,
    response=TagOut,
    problems=("unknown_tag", "tag_exists"),
)
def merge_tag(call: Call, body: dict[str, Any], tag_id: uuid.UUID) -> Any:
    """What carried this tag carries the other one; this one is gone."""
    crm = _crm(call)
    tag = crm.tags.merge(call.session, call.actor, tag_id=tag_id, into=body["into"])
    return _view(tag, crm.tags.counts(call.session))


@api.endpoint(
    "DELETE",
    "/tags/<uuid:tag_id>",
    summary="Delete a tag",
    access=needs(MANAGE_TAGS),
    status=204,
    problems=("unknown_tag",),
)
def delete_tag(call: Call, tag_id: uuid.UUID) -> None:
    """It is taken off everything that carried it."""
    _crm(call).tags.delete(call.session, call.actor, tag_id=tag_id)
