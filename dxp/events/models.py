"""The event log."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, Id


class EventRow(Base):
    """One thing that happened, as it was told. Rows are never changed, only erased of a person.

    `external_id` is the sender's own id; with `source` it makes a replay harmless. Events that
    dxp itself raises carry none. `origin_id` is the person whose name or id the sender used, when
    a merge leads on from there to `subject_id`: undoing the merge splits events by it.
    """

    __tablename__ = "dxp_event"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(None, "subject_id", "occurred_at", "id"),
        Index(None, "subject_id", "type", "occurred_at", "id"),
        Index(None, "type", "occurred_at"),
    )

    id: Mapped[Id]
    type: Mapped[str] = mapped_column(String(100))
    subject_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    source: Mapped[str] = mapped_column(String(100))
    external_id: Mapped[str | None] = mapped_column(String(200))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
