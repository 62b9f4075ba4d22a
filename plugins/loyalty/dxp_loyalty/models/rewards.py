"""Rewards, and the holds by which members redeem them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id, Points


class Reward(Base):
    """Something that points buy: how many there are, and which version of it is offered.

    Attributes:
        stock: pieces in all; None: without end.
        reserved: pieces of open holds; `issued`: pieces of captured ones.
        wallet: whose points pay for it; None: the programme's main one. It never changes, so
            that a member's pieces are counted in one account.
        version: number of the current `RewardVersion`; grows with each edit.
    """

    __tablename__ = "loyalty_reward"
    __table_args__ = (
        CheckConstraint("reserved >= 0 AND issued >= 0", name="counts"),
        CheckConstraint("reserved + issued <= stock", name="stock"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(60), unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    stock: Mapped[Points | None]
    reserved: Mapped[Points] = mapped_column(default=0)
    issued: Mapped[Points] = mapped_column(default=0)
    wallet: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class RewardVersion(Base):
    """How a reward is described and priced. Never changed: a redemption names the one it had.

    Attributes:
        kind: as a plugin declares it by the hook `loyalty_reward_kinds`.
        cost: points; 0 only for kinds that are given for nothing.
        per_member: pieces one member may have in each `limit_window`; None: any number.
        limit_window: `lifetime`, or a calendar `year`, `month`, `week` (from Monday) or `day` in
            the programme's zone.
        texts: `name`, `description`, `image` (an address) and `image_alt` by locale.
        details: settings of the kind.
        gate: the condition that a member must meet; `{}`: none.
    """

    __tablename__ = "loyalty_reward_version"
    __table_args__ = (
        UniqueConstraint("reward_id", "number"),
        CheckConstraint("cost >= 0", name="cost"),
        CheckConstraint("per_member > 0", name="per_member"),
        CheckConstraint(
            "limit_window IN ('lifetime', 'year', 'month', 'week', 'day')", name="limit_window"
        ),
    )

    id: Mapped[Id]
    reward_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_reward.id"))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    cost: Mapped[Points]
    per_member: Mapped[int | None]
    limit_window: Mapped[str] = mapped_column(String(8), default="lifetime")
    texts: Mapped[dict[str, Any]]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    gate: Mapped[dict[str, Any]] = mapped_column(default=dict)
    active_from: Mapped[datetime | None]
    active_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))


class RewardCounter(Base):
    """How many pieces one account has, open and captured, in one window."""

    __tablename__ = "loyalty_reward_counter"
    __table_args__ = (CheckConstraint("used >= 0", name="used"),)

    reward_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_reward.id"), primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("loyalty_account.id"), primary_key=True
    )
    window_key: Mapped[str] = mapped_column(String(20), primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class Hold(Base):
    """A redemption: points set aside (`open`), taken (`captured`), given back before (`voided`) or
    after (`reversed`) they were taken.

    A gift is a hold without points: it still takes a piece from the stock.

    Attributes:
        cart_ref: the storefront's own name of the cart.
        entry_seq: the entry that took the points.
        grant_id: the gift that paid for it; such a hold costs nothing.
        origin_id: under whose id it was made, when that one was merged into the account's member.
        reversed: points given back after the capture; the piece stays until all are.
        fulfilment: what the kind gave at capture; members beginning with `_` are its own.
    """

    __tablename__ = "loyalty_hold"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "entry_seq"], ["loyalty_entry.account_id", "loyalty_entry.seq"]
        ),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("0 <= reversed AND reversed <= amount", name="reversed"),
        CheckConstraint("state IN ('open', 'captured', 'voided', 'reversed')", name="state"),
        Index(None, "account_id", "created_at"),
        Index(None, "reward_id", "state"),
        Index(
            "ix_loyalty_hold_open",
            "expires_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    id: Mapped[Id]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_account.id"))
    reward_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_reward.id"))
    reward_version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_reward_version.id"))
    amount: Mapped[Points]
    state: Mapped[str] = mapped_column(String(10), default="open")
    window_key: Mapped[str] = mapped_column(String(20))
    cart_ref: Mapped[str | None] = mapped_column(String(100))
    entry_seq: Mapped[Points | None]
    grant_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("loyalty_occasion_grant.id"), unique=True
    )
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    reversed: Mapped[Points] = mapped_column(default=0)
    fulfilment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class HoldLot(Base):
    """Which lots a hold sets aside."""

    __tablename__ = "loyalty_hold_lot"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)

    hold_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_hold.id"), primary_key=True)
    lot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_lot.id"), primary_key=True)
    amount: Mapped[Points]
