"""Pairs of customers who may be one."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base


class Duplicate(Base):
    """What the last scan found. `low_id` < `high_id`; `score` is 0 to 100; `reasons` are codes."""

    __tablename__ = "crm_duplicate"
    __table_args__ = (
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        Index(None, "score", "low_id", "high_id"),
        Index(None, "high_id"),
    )

    low_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    high_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    score: Mapped[int]
    reasons: Mapped[list[str]]
    found_at: Mapped[datetime]
