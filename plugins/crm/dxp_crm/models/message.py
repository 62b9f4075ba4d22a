"""What was sent to customers."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class MessageEntry(Base):
    """One message to a customer, sent or held back.

    Attributes:
        channel: `email`, or how another system sent it, such as `sms`.
        purpose: what it was for; one that needs no consent is `service`.
        consent: what the ledger said: `granted`, `missing` or `not_needed`.
        status: `sent`; `no_consent` or `no_address` when it was held back.
        sender: who or what sent it.
    """

    __tablename__ = "crm_message"
    __table_args__ = (
        Index(None, "subject_id", "created_at", "id"),
        Index(None, "ticket_id"),
    )

    id: Mapped[Id]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_customer.subject_id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    ticket_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_ticket.id"))
    channel: Mapped[str] = mapped_column(String(50))
    purpose: Mapped[str] = mapped_column(String(50))
    consent: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
