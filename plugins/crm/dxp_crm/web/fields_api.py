"""The JSON API of the fields that staff define, and of tags."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import ApiBlueprint, Call, needs
from dxp_crm.models import PERSON, RECORDS, FieldDefinition
from dxp_crm.permissions import MANAGE_FIELDS, READ
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft
from dxp_crm.services.fields import TYPES
from dxp_crm.web.problems import PROBLEMS

api = ApiBlueprint(
    "crm_fields",
    __name__,
    url_prefix="/api/v1",
    description="Fields that staff define for customers and organisations.",
    codes=PROBLEMS,
)


def _texts(longest: int, **options: Any) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Length(2, 20)),
        values=fields.String(validate=validate.Length(0, longest)),
        validate=validate.Length(max=30),
        metadata={"example": {"en": "Size", "fr": "Taille"}},
        **options,
    )


class ChoiceSchema(Schema):
    """One of the values that a field of choices takes."""

    value = fields.String(required=True, validate=validate.Length(1, 200))
    labels = _texts(200, load_default=dict)


class FieldChanges(Schema):
    """A definition, whole: what is left out is empty."""

    type = fields.String(required=True, validate=validate.OneOf(list(TYPES)))
    labels = _texts(200, required=True)
    help = _texts(500, load_default=dict)
    choices = fields.List(
        fields.Nested(ChoiceSchema), load_default=list, validate=validate.Length(max=200)
    )
    required = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    shown_to_customer = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class FieldIn(FieldChanges):
    """A field about to be made."""

    record = fields.String(load_default=PERSON, validate=validate.OneOf(RECORDS))
    key = fields.String(
        required=True, validate=validate.Length(1, 50), metadata={"example": "shoe_size"}
    )


class FieldOut(Schema):
    """A field that staff defined."""

    id = fields.UUID(required=True)
    record = fields.String(required=True)
    key = fields.String(required=True)
    type = fields.String(required=True)
    labels = fields.Dict(required=True)
    help = fields.Dict(required=True)
    choices = fields.List(fields.Nested(ChoiceSchema), required=True)
    required = fields.Boolean(required=True)
    shown_to_customer = fields.Boolean(required=True)
    position = fields.Integer(required=True)
    archived = fields.Function(
        lambda found: found.archived_at is not None, required=True, metadata={"type": "boolean"}
    )


class FieldQuery(Schema):
    """Filters of the fields."""

    record = fields.String(
        data_key="filter[record]", load_default=PERSON, validate=validate.OneOf(RECORDS)
    )


def _crm(call: Call) -> Crm:
    return call.platform.services.get(Crm)


def _draft(body: dict[str, Any]) -> FieldDraft:
    return FieldDraft(**{k: v for k, v in body.items() if k not in ("record", "key")})


@api.endpoint(
    "GET",
    "/fields",
    summary="List the fields that staff defined",
    access=needs(READ),
    query=FieldQuery,
    response=FieldOut(many=True),
)
def list_fields(call: Call, query: dict[str, Any]) -> Any:
    """In the order of the form, archived ones last; without those that you may not see."""
    crm = _crm(call)
    access = crm.visibility.of(call.session, call.actor)
    record = query["record"]
    return [
        item
        for item in crm.definitions.listed(call.session, record, archived=True)
        if access.sees(f"fields.{item.key}", record=record)
    ]


@api.endpoint(
    "POST",
    "/fields",
    summary="Define a field",
    access=needs(MANAGE_FIELDS),
    body=FieldIn,
    response=FieldOut,
    status=201,
    problems=("field_exists", "invalid_definition"),
)
def create_field(call: Call, body: dict[str, Any]) -> FieldDefinition:
    """It comes last on the form."""
    return _crm(call).definitions.create(
        call.session, call.actor, record=body["record"], key=body["key"], draft=_draft(body)
    )


@api.endpoint(
    "PUT",
    "/fields/<uuid:field_id>",
    summary="Change a field",
    access=needs(MANAGE_FIELDS),
    body=FieldChanges,
    response=FieldOut,
    problems=("unknown_field", "field_in_use", "invalid_definition"),
)
def change_field(call: Call, body: dict[str, Any], field_id: uuid.UUID) -> FieldDefinition:
    """A type, or a choice, that values depend on stays: 409."""
    return _crm(call).definitions.update(
        call.session, call.actor, field_id=field_id, draft=_draft(body)
    )


@api.endpoint(
    "PUT",
    "/fields/<uuid:field_id>/archived",
    summary="Archive a field",
    access=needs(MANAGE_FIELDS),
    status=204,
    problems=("unknown_field",),
)
def archive_field(call: Call, field_id: uuid.UUID) -> None:
    """It is no longer shown or written; its values are kept."""
    _crm(call).definitions.archive(call.session, call.actor, field_id=field_id)


@api.endpoint(
    "DELETE",
    "/fields/<uuid:field_id>/archived",
    summary="Restore an archived field",
    access=needs(MANAGE_FIELDS),
    status=204,
    problems=("unknown_field",),
)
def restore_field(call: Call, field_id: uuid.UUID) -> None:
    """With the values that it had."""
    _crm(call).definitions.restore(call.session, call.actor, field_id=field_id)


@api.endpoint(
    "DELETE",
    "/fields/<uuid:field_id>",
    summary="Delete a field without values",
    access=needs(MANAGE_FIELDS),
    status=204,
    problems=("unknown_field", "field_in_use"),
)
def delete_field(call: Call, field_id: uuid.UUID) -> None:
    """One with values is refused: archive it instead."""
    _crm(call).definitions.delete(call.session, call.actor, field_id=field_id)
