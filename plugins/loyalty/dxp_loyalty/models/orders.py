"""Orders as the programme counts them, and which entry each rule made of what."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Points


class Order(Base):
    """An order that came to be counted: once, whatever the events were called that told it.

    Attributes:
        id: that of the first event that told it.
        source: the system that sent it; `number` is unique there, and None once the person is
            erased.
        subject_id: whose it was when it came.
        lines: one dict an item: `ref` (what a return names it by: the shop's own id of the line,
            else its position from 1), `sku`, `quantity`, `total` and `discount` as decimal strings.
    """

    __tablename__ = "loyalty_order"
    __table_args__ = (UniqueConstraint("source", "number"), Index(None, "number"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(100))
    number: Mapped[str | None] = mapped_column(String(100))
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), index=True)
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[str] = mapped_column(String(30))
    lines: Mapped[list[dict[str, Any]]]
    placed_at: Mapped[datetime]


class Earning(Base):
    """What an entry was earned with. A return takes back by it, line by line.

    Attributes:
        order_id: None when no order but another event earned.
        parts: points by the `ref` of the line that earned them; under `""` those that belong to
            the order as a whole. They add up to the entry's amount, until the
            person is erased.
        windows: periods of the rule's caps in which it is counted.
        campaign_id: whose budget paid for it.
    """

    __tablename__ = "loyalty_earning"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "entry_seq"], ["loyalty_entry.account_id", "loyalty_entry.seq"]
        ),
        Index(
            "ix_loyalty_earning_order",
            "order_id",
            postgresql_where=text("order_id IS NOT NULL"),
            sqlite_where=text("order_id IS NOT NULL"),
        ),
        Index(
            "ix_loyalty_earning_campaign",
            "campaign_id",
            postgresql_where=text("campaign_id IS NOT NULL"),
            sqlite_where=text("campaign_id IS NOT NULL"),
        ),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    entry_seq: Mapped[Points] = mapped_column(primary_key=True)
    order_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_order.id"))
    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_earning_rule.id"), index=True)
    points: Mapped[Points]
    parts: Mapped[dict[str, Any]]
    windows: Mapped[list[Any]] = mapped_column(default=list)
    campaign_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_campaign.id"))
