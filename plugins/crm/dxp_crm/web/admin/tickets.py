"""Tickets: the list, one of them, and the form."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import request, url_for
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, AuditEntry, Problem, needs, paginate
from dxp.api import gettext as _
from dxp_crm.models import PRIORITIES, STATUSES, Task, Ticket
from dxp_crm.permissions import READ_TICKETS, WRITE_TASKS, WRITE_TICKETS
from dxp_crm.services.people import staff_id_of, staff_names
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.services.tickets import TicketFilter
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.tasks_api import TITLE
from dxp_crm.words import priority_name, status_name

STATUS_KINDS = {"open": "info", "pending": "warning", "solved": "success", "closed": "neutral"}
PRIORITY_KINDS = {"low": "neutral", "normal": "neutral", "high": "warning", "urgent": "danger"}


class TicketForm(Schema):
    """A request of a customer."""

    subject_id = fields.UUID(required=True)
    subject = fields.String(required=True, validate=TITLE)
    description = fields.String(
        load_default="", allow_none=True, validate=validate.Length(max=10_000)
    )
    priority = fields.String(load_default=PRIORITIES[1], validate=validate.OneOf(PRIORITIES))
    channel = fields.String(
        load_default="phone", validate=validate.OneOf(["phone", "email", "web", "store"])
    )
    assignee_id = fields.UUID(load_default=None, allow_none=True)


class TicketStateForm(Schema):
    """Where a ticket stands."""

    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    priority = fields.String(required=True, validate=validate.OneOf(PRIORITIES))
    assignee_id = fields.UUID(load_default=None, allow_none=True)
    version = fields.Integer(load_default=None, allow_none=True)


class CommentForm(Schema):
    """A comment."""

    text = fields.String(required=True, validate=validate.Length(1, 10_000))
    public = fields.Boolean(load_default=False)


@admin.page("GET", "/tickets", access=needs(READ_TICKETS), paged=True)
def list_tickets(call: AdminCall) -> Any:
    """Tickets by status, priority and assignee; those that changed last come first."""
    crm = crm_of(call)
    asked = {name: request.args.get(name, "") for name in ("status", "priority", "assignee")}
    staff = staff_names(call.platform, call.session)
    mine = staff_id_of(call.actor)
    assignees = {str(staff_id): staff_id for staff_id in staff} | {"me": mine}
    wanted = TicketFilter(
        status=asked["status"] if asked["status"] in STATUSES else None,
        priority=asked["priority"] if asked["priority"] in PRIORITIES else None,
        assignee_id=assignees.get(asked["assignee"]),
    )
    keys = [(Ticket.updated_at, "desc"), (Ticket.id, "desc")]
    page = paginate(call, crm.tickets.matching(wanted), keys=keys)
    names = crm.customers.display_names(call.session, [row.subject_id for row in page.items])
    return call.render(
        "crm/tickets.html",
        page=page,
        asked=asked,
        customers=names,
        staff=staff,
        assignees=[("me", _("Me")), *((str(key), name) for key, name in staff.items())],
        **_words(),
    )


@admin.page("GET", "/tickets/new", access=needs(WRITE_TICKETS))
def new_ticket(call: AdminCall) -> Any:
    """An empty form for the customer that the address names."""
    values = {"subject_id": request.args.get("subject_id", ""), "priority": PRIORITIES[1]}
    return _form(call, values, {})


@admin.page("POST", "/tickets/new", access=needs(WRITE_TICKETS))
def open_ticket(call: AdminCall) -> Any:
    """Open a ticket for a customer."""
    values, errors = call.load(TicketForm())
    if not errors:
        try:
            ticket = crm_of(call).tickets.open(call.session, call.actor, values)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The ticket is opened."))
            return call.redirect("crm_admin.show_ticket", ticket_id=ticket.id)
    return _form(call, call.form, errors)


@admin.page("GET", "/tickets/<uuid:ticket_id>", access=needs(READ_TICKETS))
def show_ticket(call: AdminCall, ticket_id: uuid.UUID) -> Any:
    """One ticket: what was asked, what was written, its tasks and its history."""
    return _page(call, ticket_id)


@admin.page("POST", "/tickets/<uuid:ticket_id>", access=needs(WRITE_TICKETS))
def save_ticket(call: AdminCall, ticket_id: uuid.UUID) -> Any:
    """Change status, priority or assignee."""
    values, errors = call.load(TicketStateForm())
    if not errors:
        version = values.pop("version")
        try:
            crm_of(call).tickets.update(
                call.session, call.actor, ticket_id=ticket_id, version=version, changes=values
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("crm_admin.show_ticket", ticket_id=ticket_id)
    return _page(call, ticket_id, state=call.form, errors=errors)


@admin.page("POST", "/tickets/<uuid:ticket_id>/comments", access=needs(WRITE_TICKETS))
def add_comment(call: AdminCall, ticket_id: uuid.UUID) -> Any:
    """Write on a ticket; a public comment is mailed to the customer."""
    values, errors = call.load(CommentForm())
    if errors:
        return _page(call, ticket_id, comment=call.form, errors=errors)
    crm_of(call).tickets.comment(call.session, call.actor, ticket_id=ticket_id, **values)
    sent = _("The answer is written; the message log tells whether it was sent.")
    call.toast(sent if values["public"] else _("The comment is added."))
    return call.redirect("crm_admin.show_ticket", ticket_id=ticket_id)


def _page(
    call: AdminCall,
    ticket_id: uuid.UUID,
    *,
    comment: Mapping[str, Any] = MappingProxyType({}),
    state: Mapping[str, Any] = MappingProxyType({}),
    errors: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    crm = crm_of(call)
    ticket = crm.tickets.get(call.session, ticket_id)
    staff = staff_names(call.platform, call.session)
    tasks = crm.tasks.matching(TaskFilter(ticket_id=ticket_id)).order_by(Task.due_at, Task.id)
    return call.render(
        "crm/ticket.html",
        status=422 if errors else 200,
        ticket=ticket,
        customer=crm.customers.display_name(call.session, ticket.subject_id),
        comments=crm.tickets.comments(call.session, ticket_id),
        history=_history(crm.tickets.history(call.session, ticket_id), staff),
        tasks=call.session.scalars(tasks.limit(50)).all(),
        staff=staff,
        active=list(staff_names(call.platform, call.session, include_disabled=False).items()),
        comment=comment,
        state=state,
        errors=errors,
        now=call.now,
        may_ticket=call.actor.may(WRITE_TICKETS),
        may_task=call.actor.may(WRITE_TASKS),
        **_words(),
    )


def _history(entries: Sequence[AuditEntry], staff: Mapping[uuid.UUID, str]) -> list[dict[str, Any]]:
    """Who changed what, in words."""
    titles = {
        "crm.ticket.opened": _("Opened"),
        "crm.ticket.updated": _("Changed"),
        "crm.ticket.commented": _("Commented"),
    }
    names = {str(key): name for key, name in staff.items()}
    told = []
    for entry in entries:
        after = entry.after or {}
        parts = []
        if "status" in after:
            parts.append(status_name(str(after["status"])))
        if "priority" in after:
            parts.append(priority_name(str(after["priority"])))
        if "assignee_id" in after and entry.action.endswith("updated"):
            parts.append(names.get(str(after["assignee_id"]), _("Nobody")))
        told.append(
            {
                "title": titles.get(entry.action, entry.action),
                "when": entry.at,
                "icon": "clock-history",
                "kind": "neutral",
                "text": " · ".join(parts),
                "meta": entry.actor_label,
            }
        )
    return told


def _form(call: AdminCall, values: Any, errors: Mapping[str, Any]) -> Any:
    crm = crm_of(call)
    try:
        subject_id = uuid.UUID(str(values.get("subject_id") or ""))
    except ValueError:
        call.toast(_("Open a ticket from the page of a customer."), kind="info")
        return call.redirect("crm_admin.list_customers")
    crm.customers.get(call.session, subject_id)
    names = staff_names(call.platform, call.session, include_disabled=False)
    return call.render(
        "crm/ticket_form.html",
        status=422 if errors else 200,
        subject_id=subject_id,
        customer=crm.customers.display_name(call.session, subject_id) or _("Customer"),
        values=values,
        errors=errors,
        back=url_for("crm_admin.customer_tickets", subject_id=subject_id),
        staff=list(names.items()),
        channels=[
            ("phone", _("Phone")),
            ("email", _("E-mail")),
            ("web", _("Web")),
            ("store", _("Store")),
        ],
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "statuses": [(status, status_name(status)) for status in STATUSES],
        "priorities": [(priority, priority_name(priority)) for priority in PRIORITIES],
        "status_name": status_name,
        "priority_name": priority_name,
        "status_kinds": STATUS_KINDS,
        "priority_kinds": PRIORITY_KINDS,
    }
