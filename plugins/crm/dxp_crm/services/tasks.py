"""Tasks: who is to do what until when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, NotFound, Platform, Unprocessable
from dxp.contracts import EventPayload
from dxp_crm.events import TaskAdded, TaskDone, TaskReopened
from dxp_crm.models import DONE, OPEN, Task
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.organisations import OrganisationService
from dxp_crm.services.people import check_staff
from dxp_crm.services.tickets import TicketService


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """Which tasks to list; what is None does not restrict."""

    owner_id: uuid.UUID | None = None
    state: str | None = None
    subject_id: uuid.UUID | None = None
    organisation_id: uuid.UUID | None = None
    ticket_id: uuid.UUID | None = None
    due_before: datetime | None = None


class TaskService:
    """The only writer of tasks."""

    def __init__(
        self,
        platform: Platform,
        *,
        customers: CustomerService,
        organisations: OrganisationService,
        tickets: TicketService,
    ) -> None:
        self._platform = platform
        self._customers = customers
        self._organisations = organisations
        self._tickets = tickets

    def add(self, session: Session, actor: Actor, data: Mapping[str, Any]) -> Task:
        """Give somebody something to do.

        Args:
            data: `title`, `due_at`, `owner_id`, and optionally `text` and one of `subject_id`,
                `organisation_id` and `ticket_id`. A ticket's task is about its customer, too.

        Raises:
            NotFound: the record does not exist.
            Unprocessable: the owner is no active member of staff (`unknown_assignee`), or
                several records are named (`task_about_several`).
        """
        about = {
            name: data[name]
            for name in ("subject_id", "organisation_id", "ticket_id")
            if data.get(name)
        }
        if len(about) > 1:
            raise Unprocessable(
                "A task is about one record, and several are named; name one, or make several "
                "tasks",
                code="task_about_several",
            )
        if "subject_id" in about:
            whose = self._customers.whose(session, about["subject_id"])
            about |= {"subject_id": whose.subject_id, "origin_id": whose.origin_id}
        if "organisation_id" in about:
            self._organisations.get(session, about["organisation_id"])
        if "ticket_id" in about:
            ticket = self._tickets.get(session, about["ticket_id"])
            about |= {"subject_id": ticket.subject_id, "origin_id": ticket.origin_id}
        check_staff(self._platform, session, data["owner_id"], pointer="/owner_id")
        now = self._platform.clock.now()
        task = Task(
            title=data["title"],
            text=data.get("text") or "",
            due_at=data["due_at"].astimezone(UTC),
            owner_id=data["owner_id"],
            state=OPEN,
            created_at=now,
            updated_at=now,
            **about,
        )
        session.add(task)
        session.flush()
        event = TaskAdded(task_id=str(task.id), title=task.title, due_at=task.due_at.isoformat())
        self._tell(session, task, event)
        self._record(session, actor, task, "added", after=task.snapshot())
        return task

    def update(
        self, session: Session, actor: Actor, *, task_id: uuid.UUID, changes: Mapping[str, Any]
    ) -> Task:
        """Change title, text, due moment, owner or state; what is not named stays.

        Raises:
            Unprocessable: the owner is no active member of staff (`unknown_assignee`).
        """
        task = self.get(session, task_id, lock=True)
        before = task.snapshot()
        if changes.get("owner_id") not in (None, task.owner_id):
            check_staff(self._platform, session, changes["owner_id"], pointer="/owner_id")
        for name in ("title", "text", "due_at", "owner_id"):
            if name in changes:
                setattr(task, name, changes[name])
        task.due_at = task.due_at.astimezone(UTC)
        state = changes.get("state", task.state)
        now = self._platform.clock.now()
        if state != task.state:
            task.state = state
            task.done_at = now if state == DONE else None
            kind = TaskDone if state == DONE else TaskReopened
            self._tell(session, task, kind(task_id=str(task.id), title=task.title))
        task.updated_at = now
        session.flush()
        self._record(session, actor, task, "updated", before=before, after=task.snapshot())
        return task

    def delete(self, session: Session, actor: Actor, *, task_id: uuid.UUID) -> None:
        """Forget a task that was a mistake."""
        task = self.get(session, task_id, lock=True)
        self._record(session, actor, task, "deleted", before=task.snapshot())
        session.delete(task)
        session.flush()

    def get(self, session: Session, task_id: uuid.UUID, *, lock: bool = False) -> Task:
        """One task.

        Raises:
            NotFound: there is none with this id (`unknown_task`).
        """
        query = select(Task).where(Task.id == task_id)
        task = session.scalar(query.with_for_update() if lock else query)
        if task is None:
            raise NotFound(
                "There is no task with this id; it may have been deleted", code="unknown_task"
            )
        return task

    def matching(self, wanted: TaskFilter) -> Select[Task]:
        """The tasks that a filter lets through; page them by (due_at, id)."""
        query = select(Task)
        for name in ("owner_id", "state", "subject_id", "organisation_id", "ticket_id"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(getattr(Task, name) == value)
        if wanted.due_before is not None:
            query = query.where(Task.due_at < wanted.due_before)
        return query

    def count(self, session: Session, wanted: TaskFilter) -> int:
        """How many tasks a filter lets through."""
        found = self.matching(wanted).with_only_columns(func.count())
        return session.scalar(found) or 0

    def _tell(self, session: Session, task: Task, event: EventPayload) -> None:
        if task.subject_id is not None:
            self._platform.events.publish(
                session, event, subject_id=task.subject_id, origin_id=task.origin_id
            )

    def _record(self, session: Session, actor: Actor, task: Task, what: str, **sides: Any) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.task.{what}",
            object_type="crm.task",
            object_id=task.id,
            subject_id=task.subject_id,
            **sides,
        )
