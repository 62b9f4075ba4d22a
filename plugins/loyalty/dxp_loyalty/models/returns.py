"""What of orders came back."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id, Points


class OrderReturn(Base):
    """One return of an order, told once under its id.

    Attributes:
        lines: pieces by the `ref` of the line; under `""` 1 for an order without lines.
        taken: points clawed back, by `account:seq` of the entry that had earned them.
        given: points given back, by the id of the redemption that had spent them.
        points_taken, points_given: their sums.
    """

    __tablename__ = "loyalty_order_return"
    __table_args__ = (UniqueConstraint("order_id", "return_id"),)

    id: Mapped[Id]
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_order.id"))
    return_id: Mapped[str] = mapped_column(String(100))
    lines: Mapped[dict[str, Any]]
    taken: Mapped[dict[str, Any]]
    given: Mapped[dict[str, Any]]
    points_taken: Mapped[Points]
    points_given: Mapped[Points]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))
