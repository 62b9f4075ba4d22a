"""Adjustments that take two."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    op.create_table(
        "loyalty_adjustment_reason",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column(
            "texts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_loyalty_adjustment_reason")),
    )
    op.create_table(
        "loyalty_adjustment_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reason_code", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("once", sa.String(length=100), nullable=True),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("asked_by_name", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_by_name", sa.String(length=200), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state <> 'approved' OR decided_by <> asked_by",
            name=op.f("ck_loyalty_adjustment_request_four_eyes"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'rejected', 'withdrawn')",
            name=op.f("ck_loyalty_adjustment_request_state"),
        ),
        sa.CheckConstraint("points <> 0", name=op.f("ck_loyalty_adjustment_request_points")),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_adjustment_request_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_adjustment_request")),
        sa.UniqueConstraint("once", name=op.f("uq_loyalty_adjustment_request_once")),
    )
    with op.batch_alter_table("loyalty_adjustment_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_adjustment_request_state_id"), ["state", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_loyalty_adjustment_request_subject_id"), ["subject_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("loyalty_adjustment_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_adjustment_request_subject_id"))
        batch_op.drop_index(batch_op.f("ix_loyalty_adjustment_request_state_id"))

    op.drop_table("loyalty_adjustment_request")
    op.drop_table("loyalty_adjustment_reason")
