"""Tickets: opened, assigned, answered, closed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, AuditEntry, AuditFilter, Conflict, NotFound, Platform, PreconditionFailed
from dxp_crm.events import TicketChanged, TicketOpened
from dxp_crm.models import PRIORITIES, STATUSES, Ticket, TicketComment
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.messages import SERVICE, MessageService
from dxp_crm.services.people import author_of, check_staff

OBJECT = "crm.ticket"
MOST_OWN = 20
"""Tickets of one customer that may wait at a time, when they open them by themselves."""

_UNSOLVED = ("open", "pending")
_TOLD = ("status", "priority", "assignee_id")


@dataclass(frozen=True, kw_only=True)
class TicketFilter:
    """Which tickets to list; what is None does not restrict."""

    status: str | None = None
    priority: str | None = None
    assignee_id: uuid.UUID | None = None
    subject_id: uuid.UUID | None = None


class TicketService:
    """The only writer of tickets and of their comments."""

    def __init__(
        self, platform: Platform, *, customers: CustomerService, messages: MessageService
    ) -> None:
        self._platform = platform
        self._customers = customers
        self._messages = messages

    def open(self, session: Session, actor: Actor, data: Mapping[str, Any]) -> Ticket:
        """A new request of a customer.

        Args:
            data: `subject_id`, `subject`, and optionally `description`, `priority`, `channel`
                and `assignee_id`.

        Raises:
            NotFound: there is no such customer (`unknown_customer`).
            Unprocessable: the assignee is no active member of staff (`unknown_assignee`).
        """
        whose = self._customers.whose(session, data["subject_id"])
        if data.get("assignee_id"):
            check_staff(self._platform, session, data["assignee_id"], pointer="/assignee_id")
        now = self._platform.clock.now()
        ticket = Ticket(
            subject_id=whose.subject_id,
            origin_id=whose.origin_id,
            subject=data["subject"],
            description=data.get("description") or "",
            status=STATUSES[0],
            priority=data.get("priority") or PRIORITIES[1],
            channel=data.get("channel") or "api",
            assignee_id=data.get("assignee_id"),
            created_at=now,
            updated_at=now,
        )
        session.add(ticket)
        session.flush()
        self._platform.events.publish(
            session,
            TicketOpened(
                ticket_id=str(ticket.id),
                title=ticket.subject,
                priority=ticket.priority,
                channel=ticket.channel,
            ),
            subject_id=ticket.subject_id,
            origin_id=ticket.origin_id,
        )
        self._record(session, actor, ticket, "opened", after=ticket.snapshot())
        return ticket

    def update(
        self,
        session: Session,
        actor: Actor,
        *,
        ticket_id: uuid.UUID,
        version: int | None,
        changes: Mapping[str, Any],
    ) -> Ticket:
        """Change subject, description, status, priority or assignee; the rest stays.

        Args:
            version: that the change was made upon; None when the caller does not care.

        Raises:
            PreconditionFailed: somebody else changed the ticket meanwhile.
            Unprocessable: the assignee is no active member of staff (`unknown_assignee`).
        """
        ticket = self.get(session, ticket_id, lock=True)
        if version is not None and version != ticket.version:
            raise PreconditionFailed(
                "The ticket was changed by somebody else since you read it, and saving would "
                "undo that; read it again, then repeat your change"
            )
        before = ticket.snapshot()
        assignee = changes.get("assignee_id")
        if assignee is not None and assignee != ticket.assignee_id:
            check_staff(self._platform, session, assignee, pointer="/assignee_id")
        for name in ("subject", "description", "status", "priority", "assignee_id"):
            if name in changes:
                setattr(ticket, name, changes[name])
        self._touch(session, ticket)
        after = ticket.snapshot()
        changed = [name for name in _TOLD if before[name] != after[name]]
        if changed:
            self._platform.events.publish(
                session,
                TicketChanged(
                    ticket_id=str(ticket.id),
                    title=ticket.subject,
                    status=ticket.status,
                    priority=ticket.priority,
                    changed=[name.removesuffix("_id") for name in changed],
                ),
                subject_id=ticket.subject_id,
                origin_id=ticket.origin_id,
            )
        self._record(session, actor, ticket, "updated", before=before, after=after)
        return ticket

    def comment(
        self, session: Session, actor: Actor, *, ticket_id: uuid.UUID, text: str, public: bool
    ) -> TicketComment:
        """Write on a ticket.

        Args:
            public: it goes to the customer by e-mail, and into the message log; otherwise only
                staff see it.
        """
        ticket = self.get(session, ticket_id, lock=True)
        comment = TicketComment(
            ticket_id=ticket.id,
            subject_id=ticket.subject_id,
            origin_id=ticket.origin_id,
            public=public,
            text=text,
            author=author_of(actor),
            created_at=self._platform.clock.now(),
        )
        session.add(comment)
        self._touch(session, ticket)
        self._record(session, actor, ticket, "commented", after={"public": public})
        if public:
            self._messages.send_email(
                session,
                actor,
                # What belongs to a ticket goes where it goes.
                subject_id=ticket.origin_id or ticket.subject_id,
                purpose=SERVICE,
                title=ticket.subject,
                text=text,
                ticket_id=ticket.id,
            )
        return comment

    def open_own(
        self, session: Session, actor: Actor, *, subject_id: uuid.UUID, data: Mapping[str, Any]
    ) -> Ticket:
        """A request that a customer makes by themselves.

        Raises:
            Conflict: they have too many that are not closed (`too_many_tickets`).
            NotFound: there is no such customer (`unknown_customer`).
        """
        self._customers.get(session, subject_id, lock=True)
        unclosed = select(func.count()).where(
            Ticket.subject_id == subject_id, Ticket.status.in_(_UNSOLVED)
        )
        if (session.scalar(unclosed) or 0) >= MOST_OWN:
            raise Conflict(
                f"The ticket was not opened, because {MOST_OWN} of yours are still open; write on "
                "one of them",
                code="too_many_tickets",
            )
        wanted = {name: data.get(name) for name in ("subject", "description")}
        made = {"subject_id": subject_id, "channel": "web", **wanted}
        return self.open(session, actor, made)

    def write_own(
        self,
        session: Session,
        actor: Actor,
        *,
        ticket_id: uuid.UUID,
        subject_id: uuid.UUID,
        text: str,
    ) -> TicketComment:
        """What a customer writes on their ticket; unless it was open, it is open again.

        Raises:
            Conflict: the ticket is closed for good (`ticket_closed`).
            NotFound: they have no such ticket (`unknown_ticket`).
        """
        ticket = self.get(session, ticket_id, lock=True, subject_id=subject_id)
        if ticket.status == STATUSES[-1]:
            raise Conflict(
                "Nothing was written, because the ticket is closed; open another one",
                code="ticket_closed",
            )
        comment = TicketComment(
            ticket_id=ticket.id,
            subject_id=subject_id,
            public=True,
            by_customer=True,
            text=text,
            author=author_of(actor),
            created_at=self._platform.clock.now(),
        )
        session.add(comment)
        self._record(session, actor, ticket, "commented", after={"public": True})
        again = {"status": STATUSES[0]}
        if ticket.status != STATUSES[0]:
            self.update(session, actor, ticket_id=ticket_id, version=None, changes=again)
        else:
            self._touch(session, ticket)
        return comment

    def get(
        self,
        session: Session,
        ticket_id: uuid.UUID,
        *,
        lock: bool = False,
        subject_id: uuid.UUID | None = None,
    ) -> Ticket:
        """One ticket.

        Args:
            subject_id: it must be of this customer.

        Raises:
            NotFound: there is none with this id (`unknown_ticket`).
        """
        query = self.matching(TicketFilter(subject_id=subject_id)).where(Ticket.id == ticket_id)
        ticket = session.scalar(query.with_for_update() if lock else query)
        if ticket is None:
            raise NotFound(
                "There is no ticket with this id; look it up in the list", code="unknown_ticket"
            )
        return ticket

    def matching(self, wanted: TicketFilter) -> Select[Ticket]:
        """The tickets that a filter lets through; page them by (updated_at, id)."""
        query = select(Ticket)
        for name in ("status", "priority", "assignee_id", "subject_id"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(getattr(Ticket, name) == value)
        return query

    def comments(
        self, session: Session, ticket_id: uuid.UUID, *, public_only: bool = False
    ) -> list[TicketComment]:
        """What was written on a ticket, first to last; the last 200.

        Args:
            public_only: without what staff wrote for one another.
        """
        query = select(TicketComment).where(TicketComment.ticket_id == ticket_id)
        if public_only:
            query = query.where(TicketComment.public)
        found = session.scalars(query.order_by(TicketComment.id.desc()).limit(200)).all()
        return list(reversed(found))

    def history(self, session: Session, ticket_id: uuid.UUID) -> list[AuditEntry]:
        """Who changed what, latest first; the last 50 changes, out of the audit log."""
        wanted = AuditFilter(object_type=OBJECT, object_id=str(ticket_id))
        return list(self._platform.audit.entries(session, wanted=wanted, limit=50))

    def _touch(self, session: Session, ticket: Ticket) -> None:
        ticket.version += 1
        ticket.updated_at = self._platform.clock.now()
        session.flush()

    def _record(
        self, session: Session, actor: Actor, ticket: Ticket, what: str, **sides: Any
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"{OBJECT}.{what}",
            object_type=OBJECT,
            object_id=ticket.id,
            subject_id=ticket.subject_id,
            **sides,
        )
