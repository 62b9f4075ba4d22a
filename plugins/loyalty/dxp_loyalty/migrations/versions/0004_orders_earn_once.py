"""Orders are counted once by their number, and entries know what of an order earned them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision: str | None = "0003"

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_BATCH = 500


def upgrade() -> None:
    orders = op.create_table(
        "loyalty_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("number", sa.String(length=100), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", sa.String(length=30), nullable=False),
        sa.Column("lines", _JSON, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["dxp_subject.id"], name=op.f("fk_loyalty_order_subject_id_dxp_subject")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_order")),
        sa.UniqueConstraint("source", "number", name=op.f("uq_loyalty_order_source_number")),
    )
    with op.batch_alter_table("loyalty_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loyalty_order_number"), ["number"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_loyalty_order_subject_id"), ["subject_id"], unique=False
        )
    earnings = op.create_table(
        "loyalty_earning",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("parts", _JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_seq"],
            ["loyalty_entry.account_id", "loyalty_entry.seq"],
            name=op.f("fk_loyalty_earning_account_id_entry_seq_loyalty_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["loyalty_order.id"],
            name=op.f("fk_loyalty_earning_order_id_loyalty_order"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["loyalty_earning_rule.id"],
            name=op.f("fk_loyalty_earning_rule_id_loyalty_earning_rule"),
        ),
        sa.PrimaryKeyConstraint("account_id", "entry_seq", name=op.f("pk_loyalty_earning")),
    )
    with op.batch_alter_table("loyalty_earning", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loyalty_earning_rule_id"), ["rule_id"], unique=False)
        batch_op.create_index(
            "ix_loyalty_earning_order",
            ["order_id"],
            unique=False,
            postgresql_where=sa.text("order_id IS NOT NULL"),
            sqlite_where=sa.text("order_id IS NOT NULL"),
        )
    _take_over(op.get_bind(), orders, earnings)


def downgrade() -> None:
    op.drop_table("loyalty_earning")
    op.drop_table("loyalty_order")


def _take_over(bind: sa.Connection, orders: sa.Table, earnings: sa.Table) -> None:
    """Write down the orders that earned before, so that they earn no second time."""
    known: dict[tuple[str, str], uuid.UUID] = {}
    for batch in _entries(bind):
        told = _orders_told(bind, [event_id for event_id, _entry in batch])
        fresh: list[dict[str, Any]] = []
        made: list[dict[str, Any]] = []
        for event_id, entry in batch:
            order_id = None
            if event_id in told:
                order = told[event_id]
                key = (order["source"], order["number"])
                if key not in known:
                    known[key] = event_id
                    fresh.append(order)
                order_id = known[key]
            made.append(
                {
                    "account_id": entry.account_id,
                    "entry_seq": entry.seq,
                    "order_id": order_id,
                    "rule_id": entry.rule_id,
                    "points": entry.amount,
                    "parts": {"": entry.amount},
                }
            )
        if fresh:
            bind.execute(orders.insert(), fresh)
        bind.execute(earnings.insert(), made)


def _entries(bind: sa.Connection) -> Iterator[list[tuple[uuid.UUID, Any]]]:
    """Entries that rules made, with the ids of their events, as many at a time as fit in memory."""
    meta = sa.MetaData()
    entry = sa.Table(
        "loyalty_entry",
        meta,
        sa.Column("account_id", sa.Uuid()),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("kind", sa.String()),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("source", sa.String()),
        sa.Column("rule_version_id", sa.Uuid()),
    )
    version = sa.Table(
        "loyalty_earning_rule_version",
        meta,
        sa.Column("id", sa.Uuid()),
        sa.Column("rule_id", sa.Uuid()),
    )
    place: tuple[Any, int] | None = None
    while True:
        statement = (
            sa.select(entry, version.c.rule_id)
            .join(version, version.c.id == entry.c.rule_version_id)
            .where(entry.c.kind == "earn")
            .order_by(entry.c.account_id, entry.c.seq)
            .limit(_BATCH)
        )
        if place is not None:
            account_id, seq = place
            later = sa.or_(
                entry.c.account_id > account_id,
                sa.and_(entry.c.account_id == account_id, entry.c.seq > seq),
            )
            statement = statement.where(later)
        rows = bind.execute(statement).all()
        if not rows:
            return
        place = (rows[-1].account_id, rows[-1].seq)
        yield [(_event_of(row.source), row) for row in rows]


def _event_of(source: str) -> uuid.UUID:
    """Sources of such entries are `event:<id>:<rule>`."""
    try:
        return uuid.UUID(source.split(":")[1])
    except (IndexError, ValueError):
        return uuid.UUID(int=0)


def _orders_told(
    bind: sa.Connection, event_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[str, Any]]:
    event = sa.Table(
        "dxp_event",
        sa.MetaData(),
        sa.Column("id", sa.Uuid()),
        sa.Column("type", sa.String()),
        sa.Column("subject_id", sa.Uuid()),
        sa.Column("source", sa.String()),
        sa.Column("occurred_at", sa.DateTime(timezone=True)),
        sa.Column("data", _JSON),
    )
    rows = bind.execute(
        sa.select(event).where(
            event.c.id.in_(event_ids),
            event.c.type == "order.placed",
            event.c.subject_id.is_not(None),
        )
    )
    return {
        row.id: {
            "id": row.id,
            "source": row.source,
            "number": str(row.data["order_id"])[:100],
            "subject_id": row.subject_id,
            "currency": str(row.data.get("currency") or "")[:3],
            "total": str(row.data.get("total"))[:30],
            "lines": [
                {
                    "ref": str(number),
                    "sku": line.get("sku"),
                    "quantity": line.get("quantity", 1),
                    "total": str(line.get("total")),
                    "discount": "0",
                }
                for number, line in enumerate(row.data.get("lines") or (), 1)
            ],
            "placed_at": row.occurred_at,
        }
        for row in rows
        if (row.data or {}).get("order_id") is not None
    }
