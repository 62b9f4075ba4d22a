"""The log of decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class Decision(Base):
    """What was decided for one slot, and how likely it was.

    `pseudonym` is a keyed digest of the person: enough to find what somebody was shown, and
    blanked when they are erased, so that the totals still reconcile. `origin` is that of the
    person or browser for whom it was decided, before a merge.
    """

    __tablename__ = "personalization_decision"
    __table_args__ = (
        Index(None, "slot", "decided_at"),
        Index(None, "pseudonym", "decided_at"),
        Index(None, "decided_at"),
    )

    id: Mapped[Id]
    slot: Mapped[str] = mapped_column(String(60))
    slot_version: Mapped[int]
    pseudonym: Mapped[str | None] = mapped_column(String(64))
    origin: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(30))
    propensity: Mapped[float]
    eligible: Mapped[list[str]]
    chosen: Mapped[list[str]]
    context: Mapped[dict[str, Any]]
