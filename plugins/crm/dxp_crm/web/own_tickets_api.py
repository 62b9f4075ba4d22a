"""The JSON API by which customers open tickets of their own and follow them."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import ApiBlueprint, Call, CustomerActor, Page, customer, paginate
from dxp_crm.models import STATUSES, Ticket, TicketComment
from dxp_crm.services import Crm
from dxp_crm.services.tickets import TicketFilter, TicketService
from dxp_crm.web.problems import PROBLEMS
from dxp_crm.web.tasks_api import TITLE

api = ApiBlueprint(
    "crm_own_tickets",
    __name__,
    url_prefix="/api/v1/me",
    description="A customer's own tickets.",
    codes=PROBLEMS,
)


class OwnTicketIn(Schema):
    """What a customer asks for."""

    subject = fields.String(required=True, validate=TITLE, metadata={"example": "Broken cup"})
    description = fields.String(load_default="", validate=validate.Length(max=10_000))


class OwnTicketOut(Schema):
    """A ticket as its customer sees it: whom it is assigned to and how urgent it is stay inside."""

    id = fields.UUID(required=True)
    subject = fields.String(required=True)
    description = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class OwnTicketQuery(Schema):
    """Filters of one's own tickets."""

    status = fields.String(data_key="filter[status]", validate=validate.OneOf(STATUSES))


class OwnMessageIn(Schema):
    """What a customer writes on a ticket."""

    text = fields.String(required=True, validate=validate.Length(1, 10_000))


class OwnMessageOut(Schema):
    """What was written on a ticket, by the customer or to them."""

    id = fields.UUID(required=True)
    sender = fields.Function(
        lambda row: "customer" if row.by_customer else "shop",
        data_key="from",
        required=True,
        metadata={"type": "string", "enum": ["customer", "shop"]},
    )
    text = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


def _tickets(call: Call) -> TicketService:
    return call.platform.services.get(Crm).tickets


def _me(call: Call) -> uuid.UUID:
    assert isinstance(call.actor, CustomerActor)
    return call.actor.subject_id


@api.endpoint(
    "GET",
    "/tickets",
    summary="List one's own tickets",
    access=customer(),
    query=OwnTicketQuery,
    response=OwnTicketOut,
    paged=True,
)
def list_own_tickets(call: Call, query: dict[str, Any]) -> Page:
    """Those that changed last come first."""
    wanted = TicketFilter(subject_id=_me(call), status=query.get("status"))
    keys = [(Ticket.updated_at, "desc"), (Ticket.id, "desc")]
    return paginate(call, _tickets(call).matching(wanted), keys=keys)


@api.endpoint(
    "POST",
    "/tickets",
    summary="Open a ticket of one's own",
    access=customer(),
    body=OwnTicketIn,
    response=OwnTicketOut,
    status=201,
    problems=("unknown_customer", "too_many_tickets"),
)
def open_own_ticket(call: Call, body: dict[str, Any]) -> Ticket:
    """At most twenty may be open or pending at a time."""
    return _tickets(call).open_own(call.session, call.actor, subject_id=_me(call), data=body)


@api.endpoint(
    "GET",
    "/tickets/<uuid:ticket_id>",
    summary="Read a ticket of one's own",
    access=customer(),
    response=OwnTicketOut,
    problems=("unknown_ticket",),
)
def read_own_ticket(call: Call, ticket_id: uuid.UUID) -> Ticket:
    """Where it stands."""
    return _tickets(call).get(call.session, ticket_id, subject_id=_me(call))


@api.endpoint(
    "GET",
    "/tickets/<uuid:ticket_id>/messages",
    summary="List what was written on a ticket of one's own",
    access=customer(),
    response=OwnMessageOut(many=True),
    problems=("unknown_ticket",),
)
def list_own_messages(call: Call, ticket_id: uuid.UUID) -> list[TicketComment]:
    """First to last; the last 200. What staff write for one another is left out."""
    tickets = _tickets(call)
    tickets.get(call.session, ticket_id, subject_id=_me(call))
    return tickets.comments(call.session, ticket_id, public_only=True)


@api.endpoint(
    "POST",
    "/tickets/<uuid:ticket_id>/messages",
    summary="Write on a ticket of one's own",
    access=customer(),
    body=OwnMessageIn,
    response=OwnMessageOut,
    status=201,
    problems=("unknown_ticket", "ticket_closed"),
)
def write_own_message(call: Call, body: dict[str, Any], ticket_id: uuid.UUID) -> TicketComment:
    """A ticket that waited for the customer, or was solved, is open again."""
    return _tickets(call).write_own(
        call.session, call.actor, ticket_id=ticket_id, subject_id=_me(call), text=body["text"]
    )
