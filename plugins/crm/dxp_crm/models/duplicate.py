"""Pairs of customers who may be one, and the scan for them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base


class Duplicate(Base):
    """What the last scans found. `low_id` < `high_id`; `score` is 0 to 100; `reasons` are codes."""

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


class DuplicateScan(Base):
    """How far the scan for duplicates is: one row, locked by whoever takes the next step.

    Attributes:
        number: grows with every scan.
        stage: `reading` the traits of all customers, then `comparing` those who share one.
        position: where the next step begins: the id of a customer, or a trait.
        read, to_read: customers behind it, of how many.
    """

    __tablename__ = "crm_duplicate_scan"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    stage: Mapped[str] = mapped_column(String(10))
    position: Mapped[str] = mapped_column(String(40), default="")
    read: Mapped[int] = mapped_column(default=0)
    to_read: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class DuplicateTrait(Base):
    """Somebody has a trait: its hash, while a scan is under way. Empty in between."""

    __tablename__ = "crm_duplicate_trait"

    trait: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    subject_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
