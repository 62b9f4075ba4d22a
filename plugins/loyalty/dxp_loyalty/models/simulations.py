"""Rehearsals of rules."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class Simulation(Base):
    """One replay of past events with a version of a rule in the place of what was in force.

    Attributes:
        days: how far back it looks from `until`.
        state: `queued`, `running`, `done` or `failed`.
        done, total: events looked at so far, and in all.
        result: numbers alone, nothing about single members; described by
            `dxp_loyalty.services.replay`.
        failure: why it failed.
    """

    __tablename__ = "loyalty_simulation"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
        Index(None, "rule_id", "id"),
    )

    id: Mapped[Id]
    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_earning_rule.id"))
    rule_version_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("loyalty_earning_rule_version.id")
    )
    days: Mapped[int]
    until: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="queued")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None]
    failure: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))
    finished_at: Mapped[datetime | None]
