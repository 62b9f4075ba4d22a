"""Tags, and what carries them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class Tag(Base):
    """A word for records of a kind. `color` is one of the admin's colours by meaning."""

    __tablename__ = "crm_tag"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(50), unique=True)
    color: Mapped[str] = mapped_column(String(20), default="neutral")
    created_at: Mapped[datetime]


class TagLink(Base):
    """One record carries one tag: the index over the `tags` of customers and organisations."""

    __tablename__ = "crm_tag_link"
    __table_args__ = (Index(None, "record_id"),)

    tag_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_tag.id"), primary_key=True)
    record: Mapped[str] = mapped_column(String(20), primary_key=True)
    record_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
