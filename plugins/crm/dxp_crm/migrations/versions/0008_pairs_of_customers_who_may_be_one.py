"""Pairs of customers who may be one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    op.create_table(
        "crm_duplicate",
        sa.Column("low_id", sa.Uuid(), nullable=False),
        sa.Column("high_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column(
            "reasons", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_crm_duplicate_score")),
        sa.ForeignKeyConstraint(
            ["high_id"], ["dxp_subject.id"], name=op.f("fk_crm_duplicate_high_id_dxp_subject")
        ),
        sa.ForeignKeyConstraint(
            ["low_id"], ["dxp_subject.id"], name=op.f("fk_crm_duplicate_low_id_dxp_subject")
        ),
        sa.PrimaryKeyConstraint("low_id", "high_id", name=op.f("pk_crm_duplicate")),
    )
    with op.batch_alter_table("crm_duplicate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_duplicate_high_id"), ["high_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_crm_duplicate_score_low_id_high_id"),
            ["score", "low_id", "high_id"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("crm_duplicate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_duplicate_score_low_id_high_id"))
        batch_op.drop_index(batch_op.f("ix_crm_duplicate_high_id"))

    op.drop_table("crm_duplicate")
