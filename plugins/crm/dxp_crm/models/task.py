"""Tasks of staff."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id

OPEN = "open"
DONE = "done"


class Task(Base):
    """Something that a member of staff is to do until `due_at`, perhaps about a record.

    `about` names an organisation or a ticket; a ticket's task also names its customer.
    """

    __tablename__ = "crm_task"
    __table_args__ = (
        Index(None, "owner_id", "state", "due_at", "id"),
        Index(None, "state", "due_at", "id"),
        Index(None, "subject_id", "due_at", "id"),
        Index(None, "organisation_id", "due_at", "id"),
        Index(None, "ticket_id", "due_at", "id"),
    )

    id: Mapped[Id]
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text, default="")
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default=OPEN)
    done_at: Mapped[datetime | None]
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_staff.id"))
    subject_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_customer.subject_id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_organisation.id"))
    ticket_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_ticket.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        return {
            "title": self.title,
            "text": self.text,
            "due_at": self.due_at.isoformat(),
            "state": self.state,
            "owner_id": str(self.owner_id),
        }
