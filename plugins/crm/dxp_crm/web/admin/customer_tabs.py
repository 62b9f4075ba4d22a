"""The further pages of one customer: tasks, tickets, messages, organisations."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, needs, paginate
from dxp.api import gettext as _
from dxp.contracts import PURPOSE_MARKETING
from dxp_crm.models import MessageEntry, Task, Ticket
from dxp_crm.permissions import READ, READ_TICKETS, SEND_MESSAGES, WRITE_TASKS, WRITE_TICKETS
from dxp_crm.services.messages import SERVICE
from dxp_crm.services.people import staff_names
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.services.tickets import TicketFilter
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.admin.frame import customer_frame
from dxp_crm.web.tasks_api import TITLE
from dxp_crm.words import consent_name, message_status_name, priority_name, status_name


class MessageForm(Schema):
    """An e-mail to a customer."""

    purpose = fields.String(required=True, validate=validate.OneOf([SERVICE, PURPOSE_MARKETING]))
    title = fields.String(required=True, validate=TITLE)
    text = fields.String(required=True, validate=validate.Length(1, 50_000))


@admin.page("GET", "/customers/<uuid:subject_id>/tasks", access=needs(READ), paged=True)
def customer_tasks(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """What is to be done about a customer."""
    _found, frame = customer_frame(call, subject_id, active="tasks")
    query = crm_of(call).tasks.matching(TaskFilter(subject_id=subject_id))
    page = paginate(call, query, keys=[(Task.due_at, "desc"), (Task.id, "desc")])
    return call.render(
        "crm/customer_tasks.html",
        **frame,
        page=page,
        staff=staff_names(call.platform, call.session),
        now=call.now,
        may_task=call.actor.may(WRITE_TASKS),
    )


@admin.page("GET", "/customers/<uuid:subject_id>/tickets", access=needs(READ_TICKETS), paged=True)
def customer_tickets(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """What a customer asked for."""
    _found, frame = customer_frame(call, subject_id, active="tickets")
    query = crm_of(call).tickets.matching(TicketFilter(subject_id=subject_id))
    page = paginate(call, query, keys=[(Ticket.updated_at, "desc"), (Ticket.id, "desc")])
    return call.render(
        "crm/customer_tickets.html",
        **frame,
        page=page,
        staff=staff_names(call.platform, call.session),
        status_name=status_name,
        priority_name=priority_name,
        may_ticket=call.actor.may(WRITE_TICKETS),
    )


@admin.page("GET", "/customers/<uuid:subject_id>/messages", access=needs(READ), paged=True)
def customer_messages(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """What was sent to a customer, and what was held back."""
    return _messages(call, subject_id, {"purpose": SERVICE}, {})


@admin.page(
    "POST", "/customers/<uuid:subject_id>/messages", access=needs(SEND_MESSAGES), paged=True
)
def send_message(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Write an e-mail to a customer; the ledger is asked before."""
    values, errors = call.load(MessageForm())
    if not errors:
        try:
            entry = crm_of(call).messages.send_email(
                call.session, call.actor, subject_id=subject_id, **values
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            kind = "success" if entry.status == "sent" else "warning"
            call.toast(message_status_name(entry.status), kind=kind)
            return call.redirect("crm_admin.customer_messages", subject_id=subject_id)
    return _messages(call, subject_id, call.form, errors)


@admin.page("GET", "/customers/<uuid:subject_id>/organisations", access=needs(READ))
def customer_organisations(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """What a customer belongs to."""
    _found, frame = customer_frame(call, subject_id, active="organisations")
    rows = crm_of(call).organisations.of_customer(call.session, subject_id)
    return call.render("crm/customer_organisations.html", **frame, rows=rows)


def _messages(call: AdminCall, subject_id: uuid.UUID, values: Any, errors: Any) -> Any:
    _found, frame = customer_frame(call, subject_id, active="messages")
    query = crm_of(call).messages.of_customer(subject_id)
    keys = [(MessageEntry.created_at, "desc"), (MessageEntry.id, "desc")]
    return call.render(
        "crm/customer_messages.html",
        status=422 if errors else 200,
        **frame,
        page=paginate(call, query, keys=keys),
        values=values,
        errors=errors,
        purposes=[
            (SERVICE, _("An answer or service, which needs no consent")),
            (PURPOSE_MARKETING, _("Marketing messages")),
        ],
        status_name=message_status_name,
        consent_name=consent_name,
        may_send=call.actor.may(SEND_MESSAGES),
    )
