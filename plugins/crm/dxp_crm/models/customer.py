"""Customers, the ledger of their consents, and notes about them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, BigId, Id
from dxp_crm.models.field import values_index


class Customer(Base):
    """What is known of one subject. `version` grows with every change and is the ETag.

    `search` is the name, number and e-mail address, folded as people search: without regard to
    case, marks and the variants of Arabic and Persian letters. `fields` has the values of the
    fields that staff defined, by key; an empty one is left out. `tags` are written together with
    their links, by `dxp_crm.services.tags.write_tags` alone.
    """

    __tablename__ = "crm_customer"
    __table_args__ = (
        Index(None, "created_at", "subject_id"),
        values_index("crm_customer"),
        CheckConstraint("birthday_month BETWEEN 1 AND 12", name="birthday_month"),
        CheckConstraint("birthday_day BETWEEN 1 AND 31", name="birthday_day"),
    )

    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    ref: Mapped[str | None] = mapped_column(String(100), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(40))
    locale: Mapped[str | None] = mapped_column(String(20))
    timezone: Mapped[str | None] = mapped_column(String(64))
    country: Mapped[str | None] = mapped_column(String(2))
    tags: Mapped[list[str]] = mapped_column(default=list)
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    birthday_month: Mapped[int | None]
    birthday_day: Mapped[int | None]
    birthday_year: Mapped[int | None]
    birthday_calendar: Mapped[str | None] = mapped_column(String(20))
    birthday_set_at: Mapped[datetime | None]
    birthday_edits: Mapped[int] = mapped_column(default=0)
    search: Mapped[str] = mapped_column(String(600), default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        return {
            "ref": self.ref,
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "locale": self.locale,
            "timezone": self.timezone,
            "country": self.country,
            "tags": list(self.tags),
            "birthday": self.birthday,
        } | {f"fields.{key}": value for key, value in self.fields.items()}

    @property
    def birthday(self) -> dict[str, Any] | None:
        """As `dxp.contracts.Birthday` has it."""
        if self.birthday_month is None or self.birthday_set_at is None:
            return None
        return {
            "month": self.birthday_month,
            "day": self.birthday_day,
            "year": self.birthday_year,
            "calendar": self.birthday_calendar,
            "set_at": self.birthday_set_at.isoformat(),
        }


class Consent(Base):
    """One word of a customer on one purpose. Rows are only added; the last one counts.

    `origin_id` is whose word it was before a merge, as in every table of personal rows.
    """

    __tablename__ = "crm_consent"
    __table_args__ = (Index(None, "subject_id", "purpose", "id"),)

    id: Mapped[BigId]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_customer.subject_id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    purpose: Mapped[str] = mapped_column(String(50))
    granted: Mapped[bool]
    channel: Mapped[str] = mapped_column(String(50))
    text_version: Mapped[str] = mapped_column(String(50))
    proof: Mapped[str | None] = mapped_column(String(500))
    recorded_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))


class Note(Base):
    """What staff wrote about a customer."""

    __tablename__ = "crm_note"
    __table_args__ = (Index(None, "subject_id", "id"),)

    id: Mapped[Id]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_customer.subject_id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    text: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
