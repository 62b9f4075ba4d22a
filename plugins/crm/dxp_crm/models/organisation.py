"""Organisations, and the customers who belong to them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id
from dxp_crm.models.field import values_index


class Organisation(Base):
    """A company, club or household. `version`, `search`, `tags`, `fields`: as of a customer."""

    __tablename__ = "crm_organisation"
    __table_args__ = (
        Index(None, "created_at", "id"),
        values_index("crm_organisation"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    number: Mapped[str | None] = mapped_column(String(100), unique=True)
    country: Mapped[str | None] = mapped_column(String(2))
    tags: Mapped[list[str]] = mapped_column(default=list)
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    search: Mapped[str] = mapped_column(String(400), default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        return {
            "name": self.name,
            "number": self.number,
            "country": self.country,
            "tags": list(self.tags),
        } | {f"fields.{key}": value for key, value in self.fields.items()}


class Membership(Base):
    """A customer belongs to an organisation. `role` is free text, such as "buyer"."""

    __tablename__ = "crm_membership"
    __table_args__ = (
        Index(None, "organisation_id", "subject_id"),
        Index(None, "subject_id", "organisation_id"),
    )

    id: Mapped[Id]
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_organisation.id"))
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_customer.subject_id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    role: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime]
