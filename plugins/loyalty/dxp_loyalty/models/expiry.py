"""When points end, by wallet, and who was warned of it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Points


class ExpiryPolicy(Base):
    """When points end that bring no end of their own. It holds for points to come.

    Attributes:
        kind: `never`; `days` after they were issued; `end_of_month` some months later; or
            `inactivity`: months without earning or spending, for all of an account's points.
        length: days or months.
        warn_days: days ahead at which members are told.
    """

    __tablename__ = "loyalty_expiry_policy"
    __table_args__ = (
        CheckConstraint("kind IN ('never', 'days', 'end_of_month', 'inactivity')", name="kind"),
        CheckConstraint("length >= 0", name="length"),
    )

    wallet: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    length: Mapped[int] = mapped_column(default=0)
    warn_days: Mapped[list[Any]]
    version: Mapped[int] = mapped_column(default=1)
    edited_at: Mapped[datetime]


class ExpiryWarning(Base):
    """A member was told that points end: once for each moment and each number of days ahead."""

    __tablename__ = "loyalty_expiry_warning"

    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("loyalty_account.id"), primary_key=True
    )
    expires_at: Mapped[datetime] = mapped_column(primary_key=True)
    days: Mapped[int] = mapped_column(primary_key=True)
    points: Mapped[Points]
    told_at: Mapped[datetime]
