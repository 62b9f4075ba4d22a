"""Slots, and the candidates that may fill them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class Slot(Base):
    """A place in a storefront that is filled for each person, such as `home.hero`.

    `size` is the most items that it shows. `version` grows with every change of the slot or of
    one of its candidates.
    """

    __tablename__ = "personalization_slot"
    __table_args__ = (CheckConstraint("size BETWEEN 1 AND 50", name="size"),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Candidate(Base):
    """Content that may appear in a slot.

    Attributes:
        content_id: of a published entry. No foreign key: content belongs to another plugin.
        condition: for whom, in the condition language; `{}` is everybody.
        priority: high first.
        fallback: shown when nothing else is eligible; its condition is not asked.
        tags: by which plugins can propose it, such as `birthday-gift`.
    """

    __tablename__ = "personalization_candidate"
    __table_args__ = (UniqueConstraint("slot_id", "key"),)

    id: Mapped[Id]
    slot_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("personalization_slot.id", ondelete="CASCADE")
    )
    key: Mapped[str] = mapped_column(String(60))
    content_id: Mapped[uuid.UUID]
    condition: Mapped[dict[str, Any]] = mapped_column(default=dict)
    priority: Mapped[int] = mapped_column(default=0)
    fallback: Mapped[bool] = mapped_column(default=False)
    tags: Mapped[list[str]] = mapped_column(default=list)
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        return {
            "key": self.key,
            "content_id": str(self.content_id),
            "condition": self.condition,
            "priority": self.priority,
            "fallback": self.fallback,
            "tags": list(self.tags),
            "starts_at": self.starts_at.isoformat() if self.starts_at else None,
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
        }
