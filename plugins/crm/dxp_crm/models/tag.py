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


class TagChange(Base):
    """A tag that is renamed, merged or deleted while its records are rewritten, some at a time.

    Attributes:
        old_name: what records are rewritten from; whoever writes it meanwhile means `into_id`.
        into_id: the tag that they carry afterwards: the same one when it is renamed; None: none.
        record, record_id: the last one that is done; both are None before the first.
        done, total: records.
    """

    __tablename__ = "crm_tag_change"

    tag_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_tag.id"), primary_key=True)
    old_name: Mapped[str] = mapped_column(String(50), unique=True)
    into_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_tag.id"), index=True)
    record: Mapped[str | None] = mapped_column(String(20))
    record_id: Mapped[uuid.UUID | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
