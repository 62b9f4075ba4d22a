"""What the plugin shows on pages of others: dashboard, palette, health."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from urllib.parse import quote

from sqlalchemy import func, select

from dxp.api import (
    AuditViewContext,
    Fragment,
    FragmentContext,
    HealthCheck,
    HealthContext,
    ProfileViewContext,
    SearchContext,
    SearchDocument,
)
from dxp.api import gettext as _
from dxp.api import lazy_gettext as _l
from dxp_crm.models import OPEN, ORGANISATION, PERSON, Customer, Organisation, Task, Ticket
from dxp_crm.permissions import READ, READ_TICKETS, WRITE_TASKS
from dxp_crm.services import Crm, OrganisationService
from dxp_crm.services.folding import fold
from dxp_crm.services.people import staff_id_of
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.services.texts import in_locale
from dxp_crm.services.visibility import FieldAccess, label_of, search_clause
from dxp_crm.words import status_name


def fragments(ctx: FragmentContext) -> Sequence[Fragment]:
    """The dashboard's panel, and the customer's own name in the API's summary."""
    if ctx.slot == "admin.dashboard":
        since = ctx.now - timedelta(days=7)
        total = ctx.session.scalar(select(func.count()).select_from(Customer)) or 0
        recent = (
            ctx.session.scalar(
                select(func.count()).select_from(Customer).where(Customer.created_at >= since)
            )
            or 0
        )
        return (
            Fragment(
                key="crm",
                title=_l("Customers"),
                template="crm/panel_dashboard.html",
                values={"total": total, "recent": recent},
                permission=READ,
                order=20,
            ),
            *_my_tasks(ctx),
        )
    if ctx.slot == "admin.customer" and ctx.subject_id is not None:
        return (_segments(ctx, ctx.subject_id),)
    if ctx.slot == "api.me" and ctx.subject_id is not None:
        row = ctx.session.execute(
            select(Customer.name, Customer.ref, Customer.locale).where(
                Customer.subject_id == ctx.subject_id
            )
        ).first()
        if row is not None:
            values = {"name": row.name, "ref": row.ref, "locale": row.locale}
            return (Fragment(key="profile", values=values),)
    return ()


def _segments(ctx: FragmentContext, subject_id: uuid.UUID) -> Fragment:
    """The segments that a customer is in."""
    found = ctx.platform.services.get(Crm).segments.looking.memberships(ctx.session, subject_id)
    rows = [
        {
            "key": item.segment.key,
            "name": in_locale(ctx.platform, item.segment.names, ctx.locale) or item.segment.key,
            "since": item.since,
        }
        for item in found
    ]
    return Fragment(
        key="segments",
        title=_l("Segments"),
        template="crm/panel_segments.html",
        values={"memberships": rows, "subject_id": subject_id},
        permission=READ,
        order=50,
    )


def _my_tasks(ctx: FragmentContext) -> Sequence[Fragment]:
    """What the one who looks at the dashboard is to do first."""
    mine = staff_id_of(ctx.actor)
    if mine is None:
        return ()
    crm = ctx.platform.services.get(Crm)
    wanted = TaskFilter(owner_id=mine, state=OPEN)
    first = crm.tasks.matching(wanted).order_by(Task.due_at, Task.id).limit(5)
    tasks = ctx.session.scalars(first).all()
    names = [task.subject_id for task in tasks if task.subject_id is not None]
    values = {
        "tasks": tasks,
        "count": crm.tasks.count(ctx.session, wanted),
        "customers": crm.customers.display_names(ctx.session, names),
        "staff": {mine: ctx.actor.label},
        "now": ctx.now,
        "may_task": ctx.actor.may(WRITE_TASKS),
    }
    return (
        Fragment(
            key="crm_tasks",
            title=_l("My tasks"),
            template="crm/panel_tasks.html",
            values=values,
            permission=READ,
            order=21,
        ),
    )


def hidden_profile_fields(ctx: ProfileViewContext) -> Collection[str]:
    """The fields of a person that rules keep from the reader; custom ones are `fields.<key>`."""
    access = ctx.platform.services.get(Crm).visibility.of(ctx.session, ctx.actor)
    return access.hidden.get(PERSON, frozenset())


def hidden_audit_values(ctx: AuditViewContext) -> Collection[str]:
    """Values of fields that the reader's roles may not see."""
    records = {"customer": PERSON, "crm.organisation": ORGANISATION}
    record = records.get(ctx.object_type)
    if record is None:
        return ()
    access = ctx.platform.services.get(Crm).visibility.of(ctx.session, ctx.actor)
    return [name for name in ctx.names if not access.sees(name, record=record)]


def search_documents(ctx: SearchContext) -> Sequence[SearchDocument]:
    """Customers, organisations, tickets and tasks that hold the text and may be seen."""
    text = ctx.text.strip()
    if not text or not fold(text):
        return ()
    hits: list[SearchDocument] = []
    if ctx.actor.may(READ):
        access = ctx.platform.services.get(Crm).visibility.of(ctx.session, ctx.actor)
        hits += _customer_hits(ctx, text, access)
        hits += _organisation_hits(ctx, text, access)
        hits += _task_hits(ctx, text)
    if ctx.actor.may(READ_TICKETS):
        hits += _ticket_hits(ctx, text)
    return hits


def _customer_hits(ctx: SearchContext, text: str, access: FieldAccess) -> Iterator[SearchDocument]:
    found = ctx.session.scalars(
        select(Customer)
        .where(search_clause(text, access))
        .order_by(Customer.created_at.desc())
        .limit(ctx.limit)
    )
    for customer in found:
        yield SearchDocument(
            title=label_of(customer, access) or str(customer.subject_id),
            subtitle=" · ".join(
                value
                for name in ("ref", "email")
                if access.sees(name) and (value := getattr(customer, name))
            ),
            url=f"/admin/crm/customers/{quote(str(customer.subject_id))}",
            kind=_("Customer"),
            icon="person",
        )


def _organisation_hits(
    ctx: SearchContext, text: str, access: FieldAccess
) -> Iterator[SearchDocument]:
    found = ctx.session.scalars(
        select(Organisation)
        .where(OrganisationService.search_clause(text, access))
        .order_by(Organisation.created_at.desc())
        .limit(ctx.limit)
    )
    for organisation in found:
        seen = access.sees("number", record=ORGANISATION)
        yield SearchDocument(
            title=organisation.name,
            subtitle=(organisation.number or "") if seen else "",
            url=f"/admin/crm/organisations/{organisation.id}",
            kind=_("Organisation"),
            icon="building",
        )


def _task_hits(ctx: SearchContext, text: str) -> Iterator[SearchDocument]:
    found = ctx.session.scalars(
        select(Task)
        .where(Task.state == OPEN, Task.title.icontains(text, autoescape=True))
        .order_by(Task.due_at)
        .limit(ctx.limit)
    )
    for task in found:
        yield SearchDocument(
            title=task.title,
            url=f"/admin/crm/tasks/{task.id}",
            kind=_("Task"),
            icon="check2-square",
        )


def _ticket_hits(ctx: SearchContext, text: str) -> Iterator[SearchDocument]:
    found = ctx.session.scalars(
        select(Ticket)
        .where(Ticket.subject.icontains(text, autoescape=True))
        .order_by(Ticket.updated_at.desc())
        .limit(ctx.limit)
    )
    for ticket in found:
        yield SearchDocument(
            title=ticket.subject,
            subtitle=status_name(ticket.status),
            url=f"/admin/crm/tickets/{ticket.id}",
            kind=_("Ticket"),
            icon="life-preserver",
        )


def health(ctx: HealthContext) -> Sequence[HealthCheck]:
    """Whether the customers can be read."""
    ctx.session.execute(select(Customer.subject_id).limit(1)).first()
    return (HealthCheck(name="crm.customers", ok=True, detail="customers can be read"),)
