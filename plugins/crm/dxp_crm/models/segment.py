"""Segments, who is in them, and when that will change by time alone."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id

DYNAMIC = "dynamic"
STATIC = "static"
DRAFT = "draft"
BUILDING = "building"
ACTIVE = "active"
LIVE = (BUILDING, ACTIVE)


class Segment(Base):
    """A set of customers: those for whom a condition holds, or those on a list made by hand.

    Attributes:
        names: by locale.
        condition: of a dynamic one.
        version: grows with every change of the condition.
        status: `draft` until it is switched on, `building` while everybody is looked at for the
            first time, then `active`. Membership is kept up to date in the last two.
        built, to_build: how many customers were looked at, of how many.
        size: members when they were last counted.
    """

    __tablename__ = "crm_segment"
    __table_args__ = (Index(None, "created_at", "id"),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(60), unique=True)
    names: Mapped[dict[str, Any]]
    kind: Mapped[str] = mapped_column(String(10))
    condition: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
    status: Mapped[str] = mapped_column(String(10), default=DRAFT)
    built: Mapped[int] = mapped_column(default=0)
    to_build: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        return {
            "key": self.key,
            "names": dict(self.names),
            "kind": self.kind,
            "condition": dict(self.condition),
            "status": self.status,
        }


class SegmentMember(Base):
    """Somebody is in a segment, since a moment."""

    __tablename__ = "crm_segment_member"
    __table_args__ = (Index(None, "subject_id"),)

    segment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_segment.id"), primary_key=True)
    subject_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("crm_customer.subject_id", ondelete="CASCADE"), primary_key=True
    )
    since: Mapped[datetime]


class SegmentDue(Base):
    """When somebody has to be looked at again, because a window ends or a day comes."""

    __tablename__ = "crm_segment_due"
    __table_args__ = (Index(None, "due_at"), Index(None, "subject_id"))

    segment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_segment.id"), primary_key=True)
    subject_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("crm_customer.subject_id", ondelete="CASCADE"), primary_key=True
    )
    due_at: Mapped[datetime]


class SegmentSize(Base):
    """How many were in a segment at the last count of a day (UTC)."""

    __tablename__ = "crm_segment_size"

    segment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_segment.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    size: Mapped[int]
