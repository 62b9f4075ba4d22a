"""Demo data of the desk: own fields, organisations, tasks and tickets of the four people."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import DemoContext
from dxp_crm.models import ORGANISATION, PERSON, Organisation
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft
from dxp_crm.services.people import staff_names

FIELDS = {
    "favourite_roast": FieldDraft(
        type="choice",
        labels={
            "en": "Favourite roast",
            "fr": "Torréfaction préférée",
            "ar": "التحميص المفضّل",
            "fa": "برشته‌کاری دلخواه",
        },
        choices=[
            {
                "value": "light",
                "labels": {"en": "Light", "fr": "Claire", "ar": "فاتح", "fa": "روشن"},
            },
            {
                "value": "dark",
                "labels": {"en": "Dark", "fr": "Foncée", "ar": "داكن", "fa": "تیره"},
            },
        ],
        shown_to_customer=True,
    ),
    "cups_a_day": FieldDraft(
        type="integer",
        labels={
            "en": "Cups a day",
            "fr": "Tasses par jour",
            "ar": "أكواب في اليوم",
            "fa": "فنجان در روز",
        },
    ),
}
VALUES = {
    "C-1001": {"favourite_roast": "dark", "cups_a_day": 4},
    "C-1002": {"favourite_roast": "light", "cups_a_day": 2},
}
# (number, name, country, people by role)
ORGANISATIONS = (
    ("O-1", "North Roasters", "US", {"C-1001": "buyer", "C-1002": "owner"}),
    ("O-2", "مقهى الياسمين", "AE", {"C-1003": "owner"}),
)
# (customer, subject, priority, days ago, status)
TICKETS = (
    ("C-1001", "The grinder arrived without its lid", "high", 3, "open"),
    ("C-1002", "Facture manquante", "normal", 9, "solved"),
)
# (customer, title, days until it is due)
TASKS = (
    ("C-1001", "Call about the missing lid", -1),
    ("C-1003", "Prepare an offer for the café", 2),
)


def define_fields(ctx: DemoContext) -> int:
    """The fields of our own; how many there are."""
    crm = ctx.platform.services.get(Crm)
    with ctx.platform.db.write() as session:
        known = {item.key for item in crm.definitions.listed(session, PERSON, archived=True)}
        for key, draft in FIELDS.items():
            if key not in known:
                crm.definitions.create(session, ctx.actor, record=PERSON, key=key, draft=draft)
        known = {item.key for item in crm.definitions.listed(session, ORGANISATION, archived=True)}
        if "since" not in known:
            draft = FieldDraft(
                type="date",
                labels={
                    "en": "Partner since",
                    "fr": "Partenaire depuis",
                    "ar": "شريك منذ",
                    "fa": "شریک از",
                },
            )
            crm.definitions.create(
                session, ctx.actor, record=ORGANISATION, key="since", draft=draft
            )
    return len(FIELDS) + 1


def load_desk(ctx: DemoContext) -> dict[str, int]:
    """Organisations, tickets and tasks, unless an earlier run made them."""
    crm = ctx.platform.services.get(Crm)
    with ctx.platform.db.write() as session:
        made = session.scalar(select(Organisation.id).where(Organisation.number == "O-1"))
        if made is None:
            people = {ref: _find(ctx, session, ref) for ref in ("C-1001", "C-1002", "C-1003")}
            for ref, values in VALUES.items():
                crm.customers.update(
                    session,
                    ctx.actor,
                    subject_id=people[ref],
                    version=None,
                    changes={"fields": values},
                )
            _organisations(ctx, session, people)
            _work(ctx, session, people)
    return {"organisations": len(ORGANISATIONS), "tickets": len(TICKETS)}


def _find(ctx: DemoContext, session: Session, ref: str) -> uuid.UUID:
    found = ctx.platform.subjects.find(session, "ref", ref)
    assert found is not None  # the people are loaded before
    return found


def _organisations(ctx: DemoContext, session: Session, people: dict[str, uuid.UUID]) -> None:
    organisations = ctx.platform.services.get(Crm).organisations
    for number, name, country, roles in ORGANISATIONS:
        data = {
            "number": number,
            "name": name,
            "country": country,
            "tags": ["b2b"],
            "fields": {"since": "2024-05-01"},
        }
        found = organisations.create(session, ctx.actor, data)
        for ref, role in roles.items():
            organisations.join(
                session,
                ctx.actor,
                organisation_id=found.id,
                subject_id=people[ref],
                role=role,
            )


def _work(ctx: DemoContext, session: Session, people: dict[str, uuid.UUID]) -> None:
    crm = ctx.platform.services.get(Crm)
    staff = list(staff_names(ctx.platform, session, include_disabled=False))
    for ref, subject, priority, days, status in TICKETS:
        with ctx.platform.clock.shifted(-timedelta(days=days)):
            data = {
                "subject_id": people[ref],
                "subject": subject,
                "priority": priority,
                "channel": "email",
                "assignee_id": staff[0] if staff else None,
            }
            ticket = crm.tickets.open(session, ctx.actor, data)
        if status != ticket.status:
            crm.tickets.update(
                session,
                ctx.actor,
                ticket_id=ticket.id,
                version=None,
                changes={"status": status},
            )
    if not staff:
        return  # nobody to give a task to
    now = ctx.platform.clock.now()
    for ref, title, days in TASKS:
        crm.tasks.add(
            session,
            ctx.actor,
            {
                "title": title,
                "due_at": now + timedelta(days=days),
                "owner_id": staff[0],
                "subject_id": people[ref],
            },
        )
