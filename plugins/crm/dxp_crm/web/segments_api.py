"""The JSON API of segments."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, ApiBlueprint, Call, Page, compile_condition, needs, paginate
from dxp_crm.models import Customer, Segment, SegmentMember
from dxp_crm.models.segment import ACTIVE, DRAFT, DYNAMIC, STATIC
from dxp_crm.permissions import MANAGE_SEGMENTS, READ
from dxp_crm.services import Crm
from dxp_crm.services.segments import Segments
from dxp_crm.web.problems import PROBLEMS

api = ApiBlueprint(
    "crm_segments",
    __name__,
    url_prefix="/api/v1",
    description="Segments: sets of customers by a condition, or lists made by hand.",
    codes=PROBLEMS,
)
KEY = validate.Regexp(
    r"^[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?\Z", error="Not a key such as loyal-customers."
)
LOCALE = validate.Regexp(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", error="Not a locale such as fr.")
NAMES = fields.Dict(
    keys=fields.String(validate=LOCALE),
    values=fields.String(validate=validate.Length(1, 200)),
    validate=validate.Length(1, 50),
    required=True,
    metadata={"example": {"en": "Loyal customers"}},
)
CONDITION = {"example": {"$event": {"type": "order.placed", "within": "30d"}}}


class SegmentIn(Schema):
    """A segment about to be made."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "loyal-customers"})
    names = NAMES
    kind = fields.String(load_default=DYNAMIC, validate=validate.OneOf((DYNAMIC, STATIC)))
    condition = fields.Dict(keys=fields.String(), load_default=dict, metadata=CONDITION)
    status = fields.String(load_default=DRAFT, validate=validate.OneOf((DRAFT, ACTIVE)))


class SegmentChanges(Schema):
    """What is to change; what is left out stays."""

    names = fields.Dict(
        keys=fields.String(validate=LOCALE),
        values=fields.String(validate=validate.Length(1, 200)),
        validate=validate.Length(1, 50),
    )
    condition = fields.Dict(keys=fields.String(), metadata=CONDITION)
    status = fields.String(validate=validate.OneOf((DRAFT, ACTIVE)))


class SegmentOut(Schema):
    """A segment. `built` of `to_build` customers were looked at when it is `building`."""

    key = fields.String(required=True)
    names = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    kind = fields.String(required=True)
    condition = fields.Dict(required=True)
    status = fields.String(required=True)
    version = fields.Integer(required=True)
    size = fields.Integer(required=True)
    built = fields.Integer(required=True)
    to_build = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class SegmentMemberOut(Schema):
    """A customer in a segment."""

    id = fields.UUID(required=True, attribute="subject_id")
    ref = fields.String(required=True, allow_none=True)
    since = fields.AwareDateTime(required=True)


class SegmentMembersIn(Schema):
    """Customers to put on a list or to take off it, by the shop's own numbers."""

    refs = fields.List(
        fields.String(validate=validate.Length(1, 100)),
        required=True,
        validate=validate.Length(1, 1000),
    )


class SegmentListChangeOut(Schema):
    """How many were put on or taken off; numbers that no customer has."""

    changed = fields.Integer(required=True)
    unknown_ = fields.List(fields.String(), required=True, attribute="unknown", data_key="unknown")


class SegmentMembershipOut(Schema):
    """A segment that a customer is in."""

    key = fields.String(required=True, attribute="segment.key")
    names = fields.Dict(required=True, attribute="segment.names")
    since = fields.AwareDateTime(required=True)


class ConditionFindingOut(Schema):
    """One comparison and how it went."""

    fact = fields.String(required=True)
    operator = fields.String(required=True)
    wanted = fields.Raw(required=True, allow_none=True)
    actual = fields.Raw(required=True, allow_none=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf(("value", "empty", "absent", "failed")),
        metadata={
            "description": "Why `actual` is null: `empty`: told, and there is nothing; `absent`: "
            "nobody told it; `failed`: what tells it failed, so it counts as missing for now."
        },
    )
    result = fields.Boolean(required=True)


class SegmentWhyOut(Schema):
    """Whether a customer is in a segment, and what the condition found."""

    member = fields.Boolean(required=True)
    findings = fields.List(fields.Nested(ConditionFindingOut), required=True)


class SegmentPreviewIn(Schema):
    """A condition to try."""

    condition = fields.Dict(keys=fields.String(), required=True, metadata=CONDITION)


class SegmentExampleOut(Schema):
    """One of those for whom the condition holds."""

    id = fields.UUID(required=True, attribute="subject_id")
    ref = fields.String(required=True, allow_none=True)


class SegmentPreviewOut(Schema):
    """How many a condition holds for; `exact` is false for an estimate.

    One is made only when the database cannot say a part of the condition, such as a fact in
    `uncounted`, and leaves more than 500 customers to be looked at.
    """

    count = fields.Integer(required=True)
    exact = fields.Boolean(required=True)
    uncounted = fields.List(fields.String(), required=True)
    examples = fields.List(fields.Nested(SegmentExampleOut), required=True)


class FactFieldOut(Schema):
    """A field that conditions may ask about."""

    name = fields.String(required=True)
    label = fields.String(required=True)
    kind = fields.String(required=True)
    choices = fields.List(fields.Dict(), required=True)
    in_segments = fields.Boolean(required=True)


class FactFieldsOut(Schema):
    """The fields, and the types of events, that conditions of segments may ask about."""

    fields_ = fields.List(fields.Nested(FactFieldOut), required=True, data_key="fields")
    events = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


def check_access(crm: Crm, session: Session, actor: Actor, condition: Mapping[str, Any]) -> None:
    """Refuse a condition about fields that the actor may not see: its answer would tell them.

    Raises:
        Forbidden: `field_restricted`.
        Unprocessable: the condition is none (`invalid_condition`).
    """
    asked = compile_condition(condition, events=True)
    crm.visibility.check_condition(session, actor, asked)


def _segments(call: Call) -> Segments:
    return call.platform.services.get(Crm).segments


@api.endpoint(
    "GET",
    "/segments",
    summary="List segments",
    access=needs(READ),
    response=SegmentOut,
    paged=True,
)
def list_segments(call: Call) -> Page:
    """Latest first. The size is that of the last count, at most five minutes old."""
    keys = [(Segment.created_at, "desc"), (Segment.id, "desc")]
    return paginate(call, select(Segment), keys=keys)


@api.endpoint(
    "POST",
    "/segments",
    summary="Make a segment",
    access=needs(MANAGE_SEGMENTS),
    body=SegmentIn,
    response=SegmentOut,
    status=201,
    problems=("segment_exists", "invalid_condition", "segment_cycle"),
)
def create_segment(call: Call, body: dict[str, Any]) -> Any:
    """With the status `active` it is filled right away, in a job."""
    definitions = _segments(call).definitions
    status = body.pop("status")
    made = definitions.create(call.session, call.actor, body)
    if status == ACTIVE and made.kind == DYNAMIC:
        made = definitions.activate(call.session, call.actor, key=made.key)
    return call.reply(made, etag=f"v{made.version}")


@api.endpoint(
    "POST",
    "/segments/preview",
    summary="Try a condition",
    access=needs(READ),
    body=SegmentPreviewIn,
    response=SegmentPreviewOut,
    transaction="read",
    problems=("invalid_condition", "field_restricted"),
)
def preview_segment(call: Call, body: dict[str, Any]) -> Any:
    """For how many customers it holds, with ten of them; nothing is saved."""
    crm = call.platform.services.get(Crm)
    check_access(crm, call.session, call.actor, body["condition"])
    found = crm.segments.looking.preview(call.session, body["condition"])
    sees_ref = crm.visibility.of(call.session, call.actor).sees("ref")
    return {
        "count": found.count,
        "exact": found.exact,
        "uncounted": found.uncounted,
        "examples": [
            {"subject_id": row.subject_id, "ref": row.ref if sees_ref else None}
            for row in found.examples
        ],
    }


@api.endpoint(
    "GET",
    "/segments/fields",
    summary="List what conditions may ask about",
    access=needs(READ),
    response=FactFieldsOut,
)
def list_fields(call: Call) -> Any:
    """The facts of all plugins, and the events that can be counted."""
    catalogue = _segments(call).catalogue
    found = catalogue.fields(call.session, locale=call.locale).values()
    return {
        "fields_": [
            {
                "name": field.name,
                "label": str(field.label),
                "kind": field.kind,
                "choices": [
                    {"value": value, "label": str(label)} for value, label in field.choices
                ],
                "in_segments": field.in_segments,
            }
            for field in found
        ],
        "events": catalogue.events(),
    }


@api.endpoint(
    "GET",
    "/segments/<key>",
    summary="Read a segment",
    access=needs(READ),
    response=SegmentOut,
    problems=("unknown_segment",),
)
def read_segment(call: Call, key: str) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    found = _segments(call).definitions.get(call.session, key)
    return call.reply(found, etag=f"v{found.version}")


@api.endpoint(
    "PATCH",
    "/segments/<key>",
    summary="Change a segment",
    access=needs(MANAGE_SEGMENTS),
    body=SegmentChanges,
    response=SegmentOut,
    etag=True,
    problems=("unknown_segment", "invalid_condition", "segment_cycle", "segment_in_use"),
)
def change_segment(call: Call, body: dict[str, Any], key: str) -> Any:
    """A live segment whose condition changes is filled anew, in a job."""
    definitions = _segments(call).definitions
    present = definitions.get(call.session, key, lock=True)
    call.check_match(f"v{present.version}")
    changed = definitions.update(call.session, call.actor, key=key, changes=body)
    return call.reply(changed, etag=f"v{changed.version}")


@api.endpoint(
    "DELETE",
    "/segments/<key>",
    summary="Delete a segment",
    access=needs(MANAGE_SEGMENTS),
    status=204,
    problems=("unknown_segment", "segment_in_use"),
)
def delete_segment(call: Call, key: str) -> None:
    """One that other segments ask about cannot be deleted."""
    _segments(call).definitions.delete(call.session, call.actor, key=key)


@api.endpoint(
    "GET",
    "/segments/<key>/members",
    summary="List the members of a segment",
    access=needs(READ),
    response=SegmentMemberOut,
    paged=True,
    problems=("unknown_segment",),
)
def list_members(call: Call, key: str) -> Page:
    """In the order in which they became customers."""
    crm = call.platform.services.get(Crm)
    found = crm.segments.definitions.get(call.session, key)
    sees_ref = crm.visibility.of(call.session, call.actor).sees("ref")
    statement = (
        select(SegmentMember.subject_id, Customer.ref, SegmentMember.since)
        .join(Customer, Customer.subject_id == SegmentMember.subject_id)
        .where(SegmentMember.segment_id == found.id)
    )
    page = paginate(call, statement, keys=[(SegmentMember.subject_id, "asc")])
    return page.map(
        lambda row: {
            "subject_id": row[0],
            "ref": row[1] if sees_ref else None,
            "since": row[2],
        }
    )


@api.endpoint(
    "POST",
    "/segments/<key>/members",
    summary="Put customers on a list",
    access=needs(MANAGE_SEGMENTS),
    body=SegmentMembersIn,
    response=SegmentListChangeOut,
    problems=("unknown_segment", "segment_not_static"),
)
def add_members(call: Call, body: dict[str, Any], key: str) -> Any:
    """Numbers that no customer has are named, and the rest goes on."""
    definitions = _segments(call).definitions
    return definitions.add_to_list(call.session, call.actor, key=key, refs=body["refs"])


@api.endpoint(
    "POST",
    "/segments/<key>/members/remove",
    summary="Take customers off a list",
    access=needs(MANAGE_SEGMENTS),
    body=SegmentMembersIn,
    response=SegmentListChangeOut,
    problems=("unknown_segment", "segment_not_static"),
)
def remove_members(call: Call, body: dict[str, Any], key: str) -> Any:
    """Those who are not on it are passed over."""
    definitions = _segments(call).definitions
    return definitions.remove_from_list(call.session, call.actor, key=key, refs=body["refs"])


@api.endpoint(
    "GET",
    "/customers/<uuid:subject_id>/segments",
    summary="List a customer's segments",
    access=needs(READ),
    response=SegmentMembershipOut(many=True),
    problems=("unknown_customer",),
)
def list_customer_segments(call: Call, subject_id: uuid.UUID) -> Any:
    """By key, with the moment since which the customer is in it."""
    crm = call.platform.services.get(Crm)
    crm.customers.get(call.session, subject_id)
    return crm.segments.looking.memberships(call.session, subject_id)


@api.endpoint(
    "GET",
    "/customers/<uuid:subject_id>/segments/<key>",
    summary="Ask why a customer is in a segment or not",
    access=needs(READ),
    response=SegmentWhyOut,
    problems=("unknown_customer", "unknown_segment", "field_restricted"),
)
def explain_membership(call: Call, subject_id: uuid.UUID, key: str) -> Any:
    """Each comparison of the condition with the customer's actual value."""
    crm = call.platform.services.get(Crm)
    crm.customers.get(call.session, subject_id)
    segment = crm.segments.definitions.get(call.session, key)
    check_access(crm, call.session, call.actor, segment.condition)
    findings = crm.segments.looking.explain(call.session, segment, subject_id)
    inside = crm.segments.looking.keys_of(call.session, [subject_id])[subject_id]
    return {"member": key in inside, "findings": findings}
