"""The JSON API of organisations."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import (
    ApiBlueprint,
    Call,
    EventRow,
    FilterFamily,
    Page,
    needs,
    paginate,
    record_of,
)
from dxp_crm.models import ORGANISATION, Membership, Organisation
from dxp_crm.permissions import READ, WRITE
from dxp_crm.services import Crm
from dxp_crm.services.checks import NAME, OrganisationFields, OrganisationIn
from dxp_crm.services.listing import RecordFilter
from dxp_crm.services.timeline import TimelineFilter, describe, narrowed
from dxp_crm.services.visibility import organisation_view
from dxp_crm.web.problems import PROBLEMS
from dxp_crm.web.schemas import TimelineItemOut, TimelineQuery

api = ApiBlueprint(
    "crm_organisations",
    __name__,
    url_prefix="/api/v1",
    description="Organisations, and the customers who belong to them.",
    codes=PROBLEMS,
)


class OrganisationChanges(OrganisationFields):
    """Fields to change; those left out stay as they are."""

    name = fields.String(validate=NAME)


class OrganisationOut(Schema):
    """An organisation."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    number = fields.String(required=True, allow_none=True)
    country = fields.String(required=True, allow_none=True)
    tags = fields.List(fields.String(), required=True)
    custom = fields.Dict(required=True, data_key="fields", attribute="fields")
    hidden = fields.List(fields.String(), required=True)
    version = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class OrganisationQuery(Schema):
    """Filters of the organisations."""

    number = fields.String(data_key="filter[number]", validate=validate.Length(1, 100))
    text = fields.String(
        data_key="filter[q]",
        validate=validate.Length(1, 200),
        metadata={"description": "Part of the name or number."},
    )
    tag = fields.String(data_key="filter[tag]", validate=validate.Length(1, 50))
    values = FilterFamily(
        "field", description="One for each field: filter[field.size]=42 is equal to, or contains."
    )


class MembershipIn(Schema):
    """In which role a customer belongs."""

    role = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 100),
        metadata={"example": "buyer"},
    )


class MembershipOut(Schema):
    """A customer who belongs to an organisation."""

    customer_id = fields.UUID(required=True, attribute="subject_id")
    role = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)


def _crm(call: Call) -> Crm:
    return call.platform.services.get(Crm)


def _view(call: Call, found: Organisation) -> dict[str, Any]:
    crm = _crm(call)
    access = crm.visibility.of(call.session, call.actor)
    return organisation_view(found, access, crm.definitions.listed(call.session, ORGANISATION))


@api.endpoint(
    "GET",
    "/organisations",
    summary="List organisations",
    access=needs(READ),
    query=OrganisationQuery,
    response=OrganisationOut,
    paged=True,
    problems=("field_restricted", "unknown_filter"),
)
def list_organisations(call: Call, query: dict[str, Any]) -> Page:
    """Latest first."""
    crm = _crm(call)
    access = crm.visibility.of(call.session, call.actor)
    statement = crm.organisations.matching(call.session, RecordFilter(**query), access)
    keys = [(Organisation.created_at, "desc"), (Organisation.id, "desc")]
    definitions = crm.definitions.listed(call.session, ORGANISATION)
    page = paginate(call, statement, keys=keys)
    return page.map(lambda found: organisation_view(found, access, definitions))


@api.endpoint(
    "POST",
    "/organisations",
    summary="Make an organisation",
    access=needs(WRITE),
    body=OrganisationIn,
    response=OrganisationOut,
    status=201,
    problems=("organisation_exists", "invalid_fields", "field_restricted"),
)
def create_organisation(call: Call, body: dict[str, Any]) -> Any:
    """Customers join it afterwards."""
    found = _crm(call).organisations.create(call.session, call.actor, body)
    location = f"/api/v1/organisations/{found.id}"
    return call.reply(_view(call, found), etag=f"v{found.version}", headers={"Location": location})


@api.endpoint(
    "GET",
    "/organisations/<uuid:organisation_id>",
    summary="Read an organisation",
    access=needs(READ),
    response=OrganisationOut,
    problems=("unknown_organisation",),
)
def read_organisation(call: Call, organisation_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    found = _crm(call).organisations.get(call.session, organisation_id)
    return call.reply(_view(call, found), etag=f"v{found.version}")


@api.endpoint(
    "PATCH",
    "/organisations/<uuid:organisation_id>",
    summary="Change an organisation",
    access=needs(WRITE),
    body=OrganisationChanges,
    response=OrganisationOut,
    etag=True,
    problems=(
        "unknown_organisation",
        "organisation_exists",
        "invalid_fields",
        "field_restricted",
    ),
)
def change_organisation(call: Call, body: dict[str, Any], organisation_id: uuid.UUID) -> Any:
    """Fields that are left out stay; null empties a field."""
    organisations = _crm(call).organisations
    present = organisations.get(call.session, organisation_id, lock=True)
    call.check_match(f"v{present.version}")
    changed = organisations.update(
        call.session, call.actor, organisation_id=organisation_id, version=None, changes=body
    )
    return call.reply(_view(call, changed), etag=f"v{changed.version}")


@api.endpoint(
    "DELETE",
    "/organisations/<uuid:organisation_id>",
    summary="Delete an organisation",
    access=needs(WRITE),
    status=204,
    problems=("unknown_organisation",),
)
def delete_organisation(call: Call, organisation_id: uuid.UUID) -> None:
    """Its people stay; its tasks go."""
    _crm(call).organisations.delete(call.session, call.actor, organisation_id=organisation_id)


@api.endpoint(
    "GET",
    "/organisations/<uuid:organisation_id>/members",
    summary="List who belongs to an organisation",
    access=needs(READ),
    response=MembershipOut,
    paged=True,
    problems=("unknown_organisation",),
)
def list_members(call: Call, organisation_id: uuid.UUID) -> Page:
    """Latest first."""
    organisations = _crm(call).organisations
    organisations.get(call.session, organisation_id)
    keys = [(Membership.id, "desc")]
    return paginate(call, organisations.members(organisation_id), keys=keys)


@api.endpoint(
    "PUT",
    "/organisations/<uuid:organisation_id>/members/<uuid:subject_id>",
    summary="Let a customer belong to an organisation",
    access=needs(WRITE),
    body=MembershipIn,
    response=MembershipOut,
    problems=("unknown_organisation", "unknown_customer"),
)
def put_member(
    call: Call, body: dict[str, Any], organisation_id: uuid.UUID, subject_id: uuid.UUID
) -> Membership:
    """Who belongs already gets the new role."""
    return _crm(call).organisations.join(
        call.session,
        call.actor,
        organisation_id=organisation_id,
        subject_id=subject_id,
        role=body["role"],
    )


@api.endpoint(
    "DELETE",
    "/organisations/<uuid:organisation_id>/members/<uuid:subject_id>",
    summary="Take a customer out of an organisation",
    access=needs(WRITE),
    status=204,
    problems=("unknown_organisation",),
)
def delete_member(call: Call, organisation_id: uuid.UUID, subject_id: uuid.UUID) -> None:
    """Nothing happens when the customer does not belong to it."""
    _crm(call).organisations.leave(
        call.session, call.actor, organisation_id=organisation_id, subject_id=subject_id
    )


@api.endpoint(
    "GET",
    "/organisations/<uuid:organisation_id>/timeline",
    summary="Read the timeline of all who belong to an organisation",
    access=needs(READ),
    query=TimelineQuery,
    response=TimelineItemOut,
    paged=True,
    problems=("unknown_organisation",),
)
def read_organisation_timeline(
    call: Call, query: dict[str, Any], organisation_id: uuid.UUID
) -> Page:
    """Everything that happened to its people, latest first."""
    crm = _crm(call)
    crm.organisations.get(call.session, organisation_id)
    access = crm.visibility.of(call.session, call.actor)
    wanted = TimelineFilter(**query, without=crm.visibility.concealed(access))
    statement = narrowed(crm.organisations.timeline(organisation_id), wanted)
    keys = [(EventRow.occurred_at, "desc"), (EventRow.id, "desc")]
    page = paginate(call, statement, keys=keys)
    return page.map(lambda row: describe(call.platform, record_of(row), access))
