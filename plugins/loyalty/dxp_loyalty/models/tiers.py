"""Tiers: how they are reached, who stands in which, and how that changed."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, BigId, Id, Points


class TierPlan(Base):
    """What tiers are counted by, over which period: one row, once there are tiers.

    Attributes:
        basis: `points` issued, `spend` in `currency`, or `orders`.
        period: `calendar_year`, or the `rolling` last `months`.
        keep_next: a tier earned in a calendar year lasts to the end of the next one.
        grace_days: after the end of validity, before a step down.
        version: grows with each edit of the plan or of a tier.
    """

    __tablename__ = "loyalty_tier_plan"
    __table_args__ = (
        CheckConstraint("basis IN ('points', 'spend', 'orders')", name="basis"),
        CheckConstraint("period IN ('calendar_year', 'rolling')", name="period"),
        CheckConstraint("months > 0 AND grace_days >= 0", name="lengths"),
    )

    key: Mapped[str] = mapped_column(String(20), primary_key=True)
    basis: Mapped[str] = mapped_column(String(10))
    currency: Mapped[str | None] = mapped_column(String(3))
    period: Mapped[str] = mapped_column(String(20))
    months: Mapped[int] = mapped_column(default=12)
    keep_next: Mapped[bool] = mapped_column(default=True)
    grace_days: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    edited_at: Mapped[datetime]


class Tier(Base):
    """One step of the ladder.

    Attributes:
        rank: 1 is the lowest; follows from the thresholds.
        threshold: in the units of `TierCounter.amount`; 0: everybody stands there at least.
        texts: `name` and `description` by locale.
    """

    __tablename__ = "loyalty_tier"
    __table_args__ = (CheckConstraint("threshold >= 0", name="threshold"),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    rank: Mapped[int] = mapped_column(index=True)
    threshold: Mapped[Points] = mapped_column(unique=True)
    texts: Mapped[dict[str, Any]]


class TierCounter(Base):
    """What one member collected on one day of the programme's zone, less what was taken back.

    Attributes:
        amount: points, orders, or money in ten-thousandths of the plan's currency.
    """

    __tablename__ = "loyalty_tier_counter"

    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Points] = mapped_column(default=0)


class TierStanding(Base):
    """Where a member stands. All but the manual tier and the base follows from the counters.

    Attributes:
        tier_id: the tier that counts: the higher of the earned and the manual one.
        since: day on which it began to count.
        earned_id, earned_until: what the counters give, and its last day; no end for a tier that
            everybody has.
        manual_id, manual_until: a tier that staff gave, and its last day.
        base_id, base_until, base_day: what was held when the ladder was changed; nobody loses a
            tier by an edit.
        check_on: the first day on which time alone may change something.
    """

    __tablename__ = "loyalty_tier_standing"
    __table_args__ = (Index(None, "check_on"), Index(None, "tier_id"))

    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    tier_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_tier.id"))
    since: Mapped[date | None]
    earned_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_tier.id"))
    earned_until: Mapped[date | None]
    manual_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_tier.id"))
    manual_until: Mapped[date | None]
    manual_reason: Mapped[str] = mapped_column(Text, default="")
    manual_by: Mapped[str] = mapped_column(String(80), default="")
    base_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_tier.id"))
    base_until: Mapped[date | None]
    base_day: Mapped[date | None]
    check_on: Mapped[date | None]


class TierChange(Base):
    """One step of a member's history. Never changed.

    Attributes:
        from_key, to_key: of the tiers; None: below the lowest.
        cause: `earned`, `returned`, `ended`, `manual`, `manual_ended`, `ladder` or `merged`.
    """

    __tablename__ = "loyalty_tier_change"
    __table_args__ = (Index(None, "subject_id", "id"),)

    id: Mapped[BigId]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    from_key: Mapped[str | None] = mapped_column(String(40))
    to_key: Mapped[str | None] = mapped_column(String(40))
    cause: Mapped[str] = mapped_column(String(20))
    until: Mapped[date | None]
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
