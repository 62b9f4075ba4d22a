"""Tiers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    op.create_table(
        "loyalty_tier",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column(
            "texts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.CheckConstraint("threshold >= 0", name=op.f("ck_loyalty_tier_threshold")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_tier")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_tier_key")),
        sa.UniqueConstraint("threshold", name=op.f("uq_loyalty_tier_threshold")),
    )
    with op.batch_alter_table("loyalty_tier", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loyalty_tier_rank"), ["rank"], unique=False)

    op.create_table(
        "loyalty_tier_plan",
        sa.Column("key", sa.String(length=20), nullable=False),
        sa.Column("basis", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("keep_next", sa.Boolean(), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "basis IN ('points', 'spend', 'orders')", name=op.f("ck_loyalty_tier_plan_basis")
        ),
        sa.CheckConstraint(
            "period IN ('calendar_year', 'rolling')", name=op.f("ck_loyalty_tier_plan_period")
        ),
        sa.CheckConstraint(
            "months > 0 AND grace_days >= 0", name=op.f("ck_loyalty_tier_plan_lengths")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_loyalty_tier_plan")),
    )
    op.create_table(
        "loyalty_tier_change",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("from_key", sa.String(length=40), nullable=True),
        sa.Column("to_key", sa.String(length=40), nullable=True),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_tier_change_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_tier_change")),
    )
    with op.batch_alter_table("loyalty_tier_change", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_tier_change_subject_id_id"), ["subject_id", "id"], unique=False
        )

    op.create_table(
        "loyalty_tier_counter",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_tier_counter_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("subject_id", "day", name=op.f("pk_loyalty_tier_counter")),
    )
    op.create_table(
        "loyalty_tier_standing",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("tier_id", sa.Uuid(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("earned_id", sa.Uuid(), nullable=True),
        sa.Column("earned_until", sa.Date(), nullable=True),
        sa.Column("manual_id", sa.Uuid(), nullable=True),
        sa.Column("manual_until", sa.Date(), nullable=True),
        sa.Column("manual_reason", sa.Text(), nullable=False),
        sa.Column("manual_by", sa.String(length=80), nullable=False),
        sa.Column("base_id", sa.Uuid(), nullable=True),
        sa.Column("base_until", sa.Date(), nullable=True),
        sa.Column("base_day", sa.Date(), nullable=True),
        sa.Column("check_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["base_id"],
            ["loyalty_tier.id"],
            name=op.f("fk_loyalty_tier_standing_base_id_loyalty_tier"),
        ),
        sa.ForeignKeyConstraint(
            ["earned_id"],
            ["loyalty_tier.id"],
            name=op.f("fk_loyalty_tier_standing_earned_id_loyalty_tier"),
        ),
        sa.ForeignKeyConstraint(
            ["manual_id"],
            ["loyalty_tier.id"],
            name=op.f("fk_loyalty_tier_standing_manual_id_loyalty_tier"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_tier_standing_subject_id_dxp_subject"),
        ),
        sa.ForeignKeyConstraint(
            ["tier_id"],
            ["loyalty_tier.id"],
            name=op.f("fk_loyalty_tier_standing_tier_id_loyalty_tier"),
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_loyalty_tier_standing")),
    )
    with op.batch_alter_table("loyalty_tier_standing", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_tier_standing_check_on"), ["check_on"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_loyalty_tier_standing_tier_id"), ["tier_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("loyalty_tier_standing", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_tier_standing_tier_id"))
        batch_op.drop_index(batch_op.f("ix_loyalty_tier_standing_check_on"))

    op.drop_table("loyalty_tier_standing")
    op.drop_table("loyalty_tier_counter")
    with op.batch_alter_table("loyalty_tier_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_tier_change_subject_id_id"))

    op.drop_table("loyalty_tier_change")
    op.drop_table("loyalty_tier_plan")
    with op.batch_alter_table("loyalty_tier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_tier_rank"))

    op.drop_table("loyalty_tier")
