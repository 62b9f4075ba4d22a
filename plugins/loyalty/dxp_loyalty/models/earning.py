"""Earning rules with their versions, the campaigns that pay for them, and the wallets they fill."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id, Points


class EarningRule(Base):
    """A rule under its lasting name. `version` is the number of the newest one, drafts included."""

    __tablename__ = "loyalty_earning_rule"
    __table_args__ = (Index(None, "event_type", "active"),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    event_type: Mapped[str] = mapped_column(String(100))
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class EarningRuleVersion(Base):
    """What a rule said for a time. Never changed: each entry names the version that made it, and
    an event that is told late earns by the version of the time when it happened.

    `definition` is described by `dxp_loyalty.services.rule_schema`.

    Attributes:
        draft: it was never in force; a later version may put it there.
        live_from: in force from then on, until a later one is; None: from `created_at`, and for
            what happened before the rule was made.
        live_until: nothing is earned by it from then on; None: without end.
    """

    __tablename__ = "loyalty_earning_rule_version"
    __table_args__ = (
        UniqueConstraint("rule_id", "number"),
        CheckConstraint("live_until > live_from", name="live"),
    )

    id: Mapped[Id]
    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_earning_rule.id"))
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    event_type: Mapped[str] = mapped_column(String(100))
    active: Mapped[bool] = mapped_column(default=True)
    definition: Mapped[dict[str, Any]]
    draft: Mapped[bool] = mapped_column(default=False)
    live_from: Mapped[datetime | None]
    live_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))


class Campaign(Base):
    """What pays for rules: a budget of points for all members together.

    Attributes:
        texts: `name` by locale.
        budget: points in all; None: without end.
        spent: given so far, less what was taken back.
        starts_at, ends_at: its rules give from the first to before the second.
        version: grows with each edit.
    """

    __tablename__ = "loyalty_campaign"
    __table_args__ = (
        CheckConstraint("spent >= 0", name="spent"),
        CheckConstraint("spent <= budget", name="budget"),
        CheckConstraint("ends_at > starts_at", name="times"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    texts: Mapped[dict[str, Any]]
    budget: Mapped[Points | None]
    spent: Mapped[Points] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class CapCounter(Base):
    """What one account had of a rule in one period of its caps."""

    __tablename__ = "loyalty_cap_counter"
    __table_args__ = (CheckConstraint("points >= 0 AND times >= 0", name="counts"),)

    rule_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("loyalty_earning_rule.id"), primary_key=True
    )
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("loyalty_account.id"), primary_key=True
    )
    window_key: Mapped[str] = mapped_column(String(20), primary_key=True)
    points: Mapped[Points] = mapped_column(default=0)
    times: Mapped[int] = mapped_column(default=0)


class WalletDefinition(Base):
    """A wallet that every member has: what its points are called, and what holds for them.

    Attributes:
        key: as accounts name it; it never changes.
        texts: `name` and `description` by locale.
        rounding, pending_days: as in `dxp_loyalty.services.wallet_terms`.
        active: members see it even while it is empty, and rules may fill it.
        version: grows with each edit.
    """

    __tablename__ = "loyalty_wallet"
    __table_args__ = (
        CheckConstraint("rounding IN ('down', 'nearest', 'up')", name="rounding"),
        CheckConstraint("pending_days >= 0", name="pending_days"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    texts: Mapped[dict[str, Any]]
    rounding: Mapped[str] = mapped_column(String(8), default="down")
    pending_days: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
