"""Coupon codes: batches of them, the codes as hashes, and their uses."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, BigId, Id


class CouponBatch(Base):
    """Codes that were made, or brought in from a file, together.

    Attributes:
        origin: `generated` or `imported`.
        purpose: `download`: the codes are handed to whoever made the batch, once, and anybody who
            has one may use it; `rewards`: the platform hands them out one by one.
        prefix, length, alphabet: how generated codes look.
        wanted: so many codes are to be made; `made` are there.
        next_number: of the code that is made next; codes are derived from their numbers.
        state: `making`, `ready` or `withdrawn`.
        benefit: what a code is worth, for the storefront.
        max_uses: how often each code can be used.
        delivered_at: when the codes were downloaded; it happens once.
    """

    __tablename__ = "loyalty_coupon_batch"
    __table_args__ = (
        CheckConstraint("origin IN ('generated', 'imported')", name="origin"),
        CheckConstraint("purpose IN ('download', 'rewards')", name="purpose"),
        CheckConstraint("state IN ('making', 'ready', 'withdrawn')", name="state"),
        CheckConstraint("made >= 0 AND wanted >= made", name="made"),
        CheckConstraint("max_uses > 0", name="max_uses"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    origin: Mapped[str] = mapped_column(String(10))
    purpose: Mapped[str] = mapped_column(String(10))
    prefix: Mapped[str] = mapped_column(String(20), default="")
    length: Mapped[int] = mapped_column(default=0)
    alphabet: Mapped[str] = mapped_column(String(20), default="")
    wanted: Mapped[int] = mapped_column(BigInteger, default=0)
    made: Mapped[int] = mapped_column(BigInteger, default=0)
    next_number: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(10))
    benefit: Mapped[dict[str, Any]] = mapped_column(default=dict)
    max_uses: Mapped[int] = mapped_column(default=1)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    delivered_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))


class CouponCode(Base):
    """One code. Only its keyed hash is kept.

    Attributes:
        batch_id: None for a code that was made for one redemption.
        number: of a generated code in its batch.
        state: `free` (in stock, nobody has it), `issued` or `void`.
        subject_id: the only member who may use it; None: whoever has it.
        redemption_id: the redemption that gave it.
        uses: how often it was used and not rolled back.
        valid_until: an end of its own, besides that of its batch.
    """

    __tablename__ = "loyalty_coupon_code"
    __table_args__ = (
        CheckConstraint("state IN ('free', 'issued', 'void')", name="state"),
        CheckConstraint("0 <= uses AND uses <= max_uses", name="uses"),
        Index(None, "batch_id"),
        Index(
            "ix_loyalty_coupon_code_free",
            "batch_id",
            "number",
            postgresql_where=text("state = 'free'"),
            sqlite_where=text("state = 'free'"),
        ),
        Index(
            "ix_loyalty_coupon_code_member",
            "subject_id",
            postgresql_where=text("subject_id IS NOT NULL"),
            sqlite_where=text("subject_id IS NOT NULL"),
        ),
    )

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    batch_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_coupon_batch.id"))
    number: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10), default="issued")
    subject_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    redemption_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("loyalty_hold.id"), unique=True
    )
    uses: Mapped[int] = mapped_column(default=0)
    max_uses: Mapped[int] = mapped_column(default=1)
    valid_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class CouponUse(Base):
    """A code was used, and perhaps rolled back.

    Attributes:
        subject_id: who used it, if that was told.
        ref: the storefront's own number of the order or cart.
    """

    __tablename__ = "loyalty_coupon_use"
    __table_args__ = (
        Index(
            "uq_loyalty_coupon_use_ref",
            "code_hash",
            "ref",
            unique=True,
            postgresql_where=text("rolled_back_at IS NULL"),
            sqlite_where=text("rolled_back_at IS NULL"),
        ),
        Index(None, "subject_id"),
    )

    id: Mapped[BigId]
    code_hash: Mapped[str] = mapped_column(ForeignKey("loyalty_coupon_code.code_hash"))
    subject_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    ref: Mapped[str | None] = mapped_column(String(100))
    used_at: Mapped[datetime]
    rolled_back_at: Mapped[datetime | None]
    actor: Mapped[str] = mapped_column(String(80))
