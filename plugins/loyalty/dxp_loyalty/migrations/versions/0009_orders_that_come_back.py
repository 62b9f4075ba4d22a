"""Orders that come back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    op.create_table(
        "loyalty_order_return",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("return_id", sa.String(length=100), nullable=False),
        sa.Column(
            "lines", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "taken", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "given", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("points_taken", sa.BigInteger(), nullable=False),
        sa.Column("points_given", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["loyalty_order.id"],
            name=op.f("fk_loyalty_order_return_order_id_loyalty_order"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_order_return")),
        sa.UniqueConstraint(
            "order_id", "return_id", name=op.f("uq_loyalty_order_return_order_id_return_id")
        ),
    )


def downgrade() -> None:
    op.drop_table("loyalty_order_return")
