"""Tickets: what customers ask for, and what is answered."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id

STATUSES = ("open", "pending", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")


class Ticket(Base):
    """A request of a customer. `version` grows with every change and is the ETag."""

    __tablename__ = "crm_ticket"
    __table_args__ = (
        Index(None, "updated_at", "id"),
        Index(None, "status", "updated_at", "id"),
        Index(None, "assignee_id", "status", "updated_at", "id"),
        Index(None, "subject_id", "updated_at", "id"),
    )

    id: Mapped[Id]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_customer.subject_id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    subject: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(String(20), default=STATUSES[0])
    priority: Mapped[str] = mapped_column(String(20), default=PRIORITIES[1])
    channel: Mapped[str] = mapped_column(String(50))
    assignee_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_staff.id"))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        return {
            "subject": self.subject,
            "description": self.description,
            "status": self.status,
            "priority": self.priority,
            "assignee_id": None if self.assignee_id is None else str(self.assignee_id),
        }


class TicketComment(Base):
    """What was written on a ticket.

    Attributes:
        public: the customer sees it; otherwise staff wrote it for one another.
        by_customer: the customer wrote it.
    """

    __tablename__ = "crm_ticket_comment"
    __table_args__ = (Index(None, "ticket_id", "id"), Index(None, "subject_id"))

    id: Mapped[Id]
    ticket_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_ticket.id"))
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_customer.subject_id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    public: Mapped[bool]
    by_customer: Mapped[bool] = mapped_column(default=False, server_default=false())
    text: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
