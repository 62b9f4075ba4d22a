"""The JSON API of tickets, and of the message log."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import ApiBlueprint, Call, Page, needs, paginate
from dxp_crm.models import PRIORITIES, STATUSES, MessageEntry, Ticket, TicketComment
from dxp_crm.permissions import READ, READ_TICKETS, SEND_MESSAGES, WRITE_TICKETS
from dxp_crm.services import Crm
from dxp_crm.services.checks import PURPOSE
from dxp_crm.services.messages import EMAIL
from dxp_crm.services.tickets import TicketFilter
from dxp_crm.web.problems import PROBLEMS
from dxp_crm.web.tasks_api import TITLE

api = ApiBlueprint(
    "crm_tickets",
    __name__,
    url_prefix="/api/v1",
    description="What customers ask for, and what was sent to them.",
    codes=PROBLEMS,
)
CHANNEL = validate.Regexp(r"^[a-z][a-z0-9_]{0,49}\Z", error="Not a channel such as email.")


class TicketChanges(Schema):
    """Fields to change; those left out stay as they are."""

    subject = fields.String(validate=TITLE)
    description = fields.String(validate=validate.Length(max=10_000))
    status = fields.String(validate=validate.OneOf(STATUSES))
    priority = fields.String(validate=validate.OneOf(PRIORITIES))
    assignee_id = fields.UUID(allow_none=True)


class TicketIn(Schema):
    """A request of a customer."""

    subject_id = fields.UUID(required=True, data_key="customer_id")
    subject = fields.String(required=True, validate=TITLE, metadata={"example": "Broken cup"})
    description = fields.String(load_default="", validate=validate.Length(max=10_000))
    priority = fields.String(load_default=PRIORITIES[1], validate=validate.OneOf(PRIORITIES))
    channel = fields.String(load_default="api", validate=CHANNEL)
    assignee_id = fields.UUID(load_default=None, allow_none=True)


class TicketOut(Schema):
    """A ticket."""

    id = fields.UUID(required=True)
    customer_id = fields.UUID(required=True, attribute="subject_id")
    subject = fields.String(required=True)
    description = fields.String(required=True)
    status = fields.String(required=True)
    priority = fields.String(required=True)
    channel = fields.String(required=True)
    assignee_id = fields.UUID(required=True, allow_none=True)
    version = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class TicketQuery(Schema):
    """Filters of the tickets."""

    status = fields.String(data_key="filter[status]", validate=validate.OneOf(STATUSES))
    priority = fields.String(data_key="filter[priority]", validate=validate.OneOf(PRIORITIES))
    assignee_id = fields.UUID(data_key="filter[assignee]")
    subject_id = fields.UUID(data_key="filter[customer]")


class CommentIn(Schema):
    """A comment."""

    text = fields.String(required=True, validate=validate.Length(1, 10_000))
    public = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "True sends it to the customer by e-mail."},
    )


class CommentOut(Schema):
    """A comment."""

    id = fields.UUID(required=True)
    public = fields.Boolean(required=True)
    by_customer = fields.Boolean(
        required=True, metadata={"description": "The customer wrote it, by their own token."}
    )
    text = fields.String(required=True)
    author = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class MessageIn(Schema):
    """A message to a customer."""

    channel = fields.String(load_default=EMAIL, validate=CHANNEL)
    purpose = fields.String(required=True, validate=PURPOSE, metadata={"example": "marketing"})
    title = fields.String(required=True, validate=TITLE)
    text = fields.String(load_default="", validate=validate.Length(max=50_000))
    sent_at = fields.AwareDateTime(
        load_default=None,
        allow_none=True,
        metadata={"description": "When another system sent it; without it the e-mail is sent."},
    )


class MessageOut(Schema):
    """An entry of the message log."""

    id = fields.UUID(required=True)
    channel = fields.String(required=True)
    purpose = fields.String(required=True)
    consent = fields.String(required=True)
    status = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    sender = fields.String(required=True)
    ticket_id = fields.UUID(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)


def _crm(call: Call) -> Crm:
    return call.platform.services.get(Crm)


@api.endpoint(
    "GET",
    "/tickets",
    summary="List tickets",
    access=needs(READ_TICKETS),
    query=TicketQuery,
    response=TicketOut,
    paged=True,
)
def list_tickets(call: Call, query: dict[str, Any]) -> Page:
    """Those that changed last come first."""
    statement = _crm(call).tickets.matching(TicketFilter(**query))
    return paginate(call, statement, keys=[(Ticket.updated_at, "desc"), (Ticket.id, "desc")])


@api.endpoint(
    "POST",
    "/tickets",
    summary="Open a ticket",
    access=needs(WRITE_TICKETS),
    body=TicketIn,
    response=TicketOut,
    status=201,
    problems=("unknown_customer", "unknown_assignee"),
)
def open_ticket(call: Call, body: dict[str, Any]) -> Any:
    """It raises the event crm.ticket_opened."""
    ticket = _crm(call).tickets.open(call.session, call.actor, body)
    location = f"/api/v1/tickets/{ticket.id}"
    return call.reply(ticket, etag=f"v{ticket.version}", headers={"Location": location})


@api.endpoint(
    "GET",
    "/tickets/<uuid:ticket_id>",
    summary="Read a ticket",
    access=needs(READ_TICKETS),
    response=TicketOut,
    problems=("unknown_ticket",),
)
def read_ticket(call: Call, ticket_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    ticket = _crm(call).tickets.get(call.session, ticket_id)
    return call.reply(ticket, etag=f"v{ticket.version}")


@api.endpoint(
    "PATCH",
    "/tickets/<uuid:ticket_id>",
    summary="Change a ticket",
    access=needs(WRITE_TICKETS),
    body=TicketChanges,
    response=TicketOut,
    etag=True,
    problems=("unknown_ticket", "unknown_assignee"),
)
def change_ticket(call: Call, body: dict[str, Any], ticket_id: uuid.UUID) -> Any:
    """A new status, priority or assignee raises the event crm.ticket_changed."""
    tickets = _crm(call).tickets
    present = tickets.get(call.session, ticket_id, lock=True)
    call.check_match(f"v{present.version}")
    changed = tickets.update(
        call.session, call.actor, ticket_id=ticket_id, version=None, changes=body
    )
    return call.reply(changed, etag=f"v{changed.version}")


@api.endpoint(
    "GET",
    "/tickets/<uuid:ticket_id>/comments",
    summary="List what was written on a ticket",
    access=needs(READ_TICKETS),
    response=CommentOut(many=True),
    problems=("unknown_ticket",),
)
def list_comments(call: Call, ticket_id: uuid.UUID) -> list[TicketComment]:
    """First to last; the last 200."""
    tickets = _crm(call).tickets
    tickets.get(call.session, ticket_id)
    return tickets.comments(call.session, ticket_id)


@api.endpoint(
    "POST",
    "/tickets/<uuid:ticket_id>/comments",
    summary="Write on a ticket",
    access=needs(WRITE_TICKETS),
    body=CommentIn,
    response=CommentOut,
    status=201,
    problems=("unknown_ticket",),
)
def add_comment(call: Call, body: dict[str, Any], ticket_id: uuid.UUID) -> TicketComment:
    """A public one is sent to the customer by e-mail and logged."""
    return _crm(call).tickets.comment(call.session, call.actor, ticket_id=ticket_id, **body)


@api.endpoint(
    "GET",
    "/customers/<uuid:subject_id>/messages",
    summary="List what was sent to a customer",
    access=needs(READ),
    response=MessageOut,
    paged=True,
    problems=("unknown_customer",),
)
def list_messages(call: Call, subject_id: uuid.UUID) -> Page:
    """Latest first, with those that were held back for lack of consent."""
    crm = _crm(call)
    crm.customers.get(call.session, subject_id)
    keys = [(MessageEntry.created_at, "desc"), (MessageEntry.id, "desc")]
    return paginate(call, crm.messages.of_customer(subject_id), keys=keys)


@api.endpoint(
    "POST",
    "/customers/<uuid:subject_id>/messages",
    summary="Send an e-mail to a customer, or log a message",
    access=needs(SEND_MESSAGES),
    body=MessageIn,
    response=MessageOut,
    status=201,
    problems=("unknown_customer",),
)
def add_message(call: Call, body: dict[str, Any], subject_id: uuid.UUID) -> MessageEntry:
    """An e-mail without `sent_at` is sent, if the ledger has consent to its purpose.

    Anything else was sent by another system, and is only logged. `status` and `consent` of the
    answer tell what became of it. The purpose `service`, for what a customer asked for, needs
    no consent.
    """
    messages = _crm(call).messages
    if body["channel"] == EMAIL and body["sent_at"] is None:
        return messages.send_email(
            call.session,
            call.actor,
            subject_id=subject_id,
            purpose=body["purpose"],
            title=body["title"],
            text=body["text"],
        )
    return messages.record(call.session, call.actor, subject_id=subject_id, **body)
