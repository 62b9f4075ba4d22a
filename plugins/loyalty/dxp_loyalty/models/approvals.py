"""Adjustments by hand: their reasons, and those that wait for a second person."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id, Points


class AdjustmentReason(Base):
    """A reason that staff added, or one of the built-in ones that they renamed or switched off.

    Attributes:
        texts: `name` by locale; empty for a built-in one that keeps its name.
    """

    __tablename__ = "loyalty_adjustment_reason"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    texts: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=True)
    edited_at: Mapped[datetime]


class AdjustmentRequest(Base):
    """An adjustment that is too large for one person. The ledger has nothing of it before.

    Attributes:
        state: `pending`, `approved`, `rejected` or `withdrawn`.
        asked_by, decided_by: keys of the actors, never the same for an approval.
        once: names the intent, so that a form that is sent twice asks once.
    """

    __tablename__ = "loyalty_adjustment_request"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'approved', 'rejected', 'withdrawn')", name="state"),
        CheckConstraint("points <> 0", name="points"),
        CheckConstraint("state <> 'approved' OR decided_by <> asked_by", name="four_eyes"),
        Index(None, "state", "id"),
        Index(None, "subject_id"),
    )

    id: Mapped[Id]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    points: Mapped[Points]
    reason_code: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(10), default="pending")
    once: Mapped[str | None] = mapped_column(String(100), unique=True)
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_by_name: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_by_name: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str] = mapped_column(Text, default="")
