"""Accounts, their entries, and the lots that hold the points."""

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
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, BigId, Id, Points, uuid7

GENESIS = "0" * 64
"""The hash that an account's first entry follows."""


class Account(Base):
    """One member's wallet.

    Attributes:
        posted: sum of all entries; below zero while the member owes points.
        held: set aside by open holds.
        debt: owed after a return of points that were already spent.
        earned: points issued less those clawed back, over the account's life.
        seq: number of the last entry; `head_hash` is its hash.
    """

    __tablename__ = "loyalty_account"
    __table_args__ = (
        UniqueConstraint("subject_id", "wallet"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("debt >= 0", name="debt"),
        CheckConstraint("posted - held + debt >= 0", name="covered"),
    )

    id: Mapped[Id]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    wallet: Mapped[str] = mapped_column(String(40))
    posted: Mapped[Points] = mapped_column(default=0)
    held: Mapped[Points] = mapped_column(default=0)
    debt: Mapped[Points] = mapped_column(default=0)
    earned: Mapped[Points] = mapped_column(default=0)
    seq: Mapped[Points] = mapped_column(default=0)
    head_hash: Mapped[str] = mapped_column(String(64), default=GENESIS)
    opened_at: Mapped[datetime]


class Entry(Base):
    """One immutable line of an account; its other leg is `contra`.

    Attributes:
        tx_id: shared by the entries of one operation, such as the two of a transfer.
        kind: `earn`, `spend`, `expire`, `adjust`, `reverse` or `transfer`.
        contra: `issued`, `spent`, `expired`, `adjusted` or `transfer`.
        source: what caused it; with `kind` unique in the account, so that nothing counts twice.
        reverses: number of the entry that this one takes back, wholly or in part.
        effective_at: when it happened in the shop, never after `recorded_at`.
        origin_id: the member whose it is, when a merge brought it into another's account; the
            chain leaves it out, because undoing a merge may change whose account it is in.
        note_digest: salted digest of the `EntryNote`, which may be erased without harm.
    """

    __tablename__ = "loyalty_entry"
    __table_args__ = (
        UniqueConstraint("account_id", "kind", "source"),
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("effective_at <= recorded_at", name="effective"),
        CheckConstraint(
            "kind IN ('earn', 'spend', 'expire', 'adjust', 'reverse', 'transfer')", name="kind"
        ),
        CheckConstraint(
            "contra IN ('issued', 'spent', 'expired', 'adjusted', 'transfer')", name="contra"
        ),
        Index(None, "recorded_at"),
        Index(None, "account_id", "reverses"),
        Index(
            "ix_loyalty_entry_origin",
            "origin_id",
            postgresql_where=text("origin_id IS NOT NULL"),
            sqlite_where=text("origin_id IS NOT NULL"),
        ),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("loyalty_account.id"), primary_key=True
    )
    seq: Mapped[Points] = mapped_column(primary_key=True)
    tx_id: Mapped[uuid.UUID]
    kind: Mapped[str] = mapped_column(String(12))
    contra: Mapped[str] = mapped_column(String(12))
    amount: Mapped[Points]
    balance_after: Mapped[Points]
    source: Mapped[str] = mapped_column(String(120))
    rule_version_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("loyalty_earning_rule_version.id")
    )
    reverses: Mapped[Points | None]
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    effective_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    note_digest: Mapped[str | None] = mapped_column(String(64))
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class EntryNote(Base):
    """What an entry says about a person or an order: kept apart, so that it can be erased.

    Attributes:
        salt: random, so that the digest in the chain tells nothing once this row is gone.
        note: what staff wrote.
        inputs: the values from which a rule made the points.
    """

    __tablename__ = "loyalty_entry_note"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "seq"], ["loyalty_entry.account_id", "loyalty_entry.seq"]
        ),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[Points] = mapped_column(primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    note: Mapped[str] = mapped_column(Text, default="")
    inputs: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Lot(Base):
    """Points that came in together and go out before those that expire later.

    Attributes:
        remaining: not yet consumed; `held` of it is set aside.
        reversed: so many of `amount` were clawed back.
        available_at: pending until then.
        expires_at: worthless from then on, even before the expiry job has come by.
        follows_activity: whenever the member earns or spends, its end moves along.
    """

    __tablename__ = "loyalty_lot"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "entry_seq"], ["loyalty_entry.account_id", "loyalty_entry.seq"]
        ),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("0 <= held AND held <= remaining AND remaining <= amount", name="parts"),
        CheckConstraint("0 <= reversed AND reversed <= amount", name="reversed"),
        Index(None, "account_id", "entry_seq"),
        Index(
            "ix_loyalty_lot_open",
            "account_id",
            postgresql_where=text("remaining > 0"),
            sqlite_where=text("remaining > 0"),
        ),
        Index(
            "ix_loyalty_lot_expiring",
            "expires_at",
            postgresql_where=text("remaining > held AND expires_at IS NOT NULL"),
            sqlite_where=text("remaining > held AND expires_at IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_account.id"))
    entry_seq: Mapped[Points]
    amount: Mapped[Points]
    remaining: Mapped[Points]
    held: Mapped[Points] = mapped_column(default=0)
    reversed: Mapped[Points] = mapped_column(default=0)
    available_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    follows_activity: Mapped[bool] = mapped_column(default=False)


class LotMove(Base):
    """How an entry drew on a lot (positive) or gave back to it (negative). Never changed."""

    __tablename__ = "loyalty_lot_move"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "entry_seq"], ["loyalty_entry.account_id", "loyalty_entry.seq"]
        ),
        CheckConstraint("amount <> 0", name="amount"),
        Index(None, "account_id", "entry_seq"),
        Index(None, "lot_id"),
    )

    id: Mapped[BigId]
    lot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_lot.id"))
    account_id: Mapped[uuid.UUID]
    entry_seq: Mapped[Points]
    amount: Mapped[Points]
