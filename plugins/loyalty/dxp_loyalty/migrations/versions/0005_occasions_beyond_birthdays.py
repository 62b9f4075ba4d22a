"""The sign-up's anniversary and days of the calendar: members, kept days, rules of more kinds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    op.create_table(
        "loyalty_occasion_day",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column(
            "texts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "patterns", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_occasion_day")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_occasion_day_key")),
    )
    op.create_table(
        "loyalty_member",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("plan_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_member_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_loyalty_member")),
    )
    with op.batch_alter_table("loyalty_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loyalty_member_plan_at"), ["plan_at"], unique=False)
    op.execute(
        "INSERT INTO loyalty_member (subject_id, joined_at, paused) "
        "SELECT subject_id, min(occurred_at), false FROM dxp_event "
        "WHERE type = 'customer.registered' AND subject_id IS NOT NULL GROUP BY subject_id"
    )
    op.execute(
        "INSERT INTO loyalty_member (subject_id, joined_at, paused) "
        "SELECT subject_id, set_at, false FROM loyalty_occasion_date WHERE paused "
        "AND subject_id NOT IN (SELECT subject_id FROM loyalty_member)"
    )
    op.execute(
        "UPDATE loyalty_member SET paused = true WHERE subject_id IN "
        "(SELECT subject_id FROM loyalty_occasion_date WHERE paused)"
    )
    with op.batch_alter_table("loyalty_occasion_date", schema=None) as batch_op:
        batch_op.drop_column("paused")
    with op.batch_alter_table("loyalty_occasion_rule", schema=None) as batch_op:
        batch_op.add_column(sa.Column("day_id", sa.Uuid(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "condition", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
            )
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_loyalty_occasion_rule_day_id_loyalty_occasion_day"),
            "loyalty_occasion_day",
            ["day_id"],
            ["id"],
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_loyalty_occasion_rule_kind"),
            "kind IN ('birthday', 'signup', 'calendar')",
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_loyalty_occasion_rule_day"),
            "(kind = 'calendar') = (day_id IS NOT NULL)",
        )


def downgrade() -> None:
    op.execute(
        "DELETE FROM loyalty_occasion_grant WHERE rule_id IN (SELECT id FROM "
        "loyalty_occasion_rule WHERE kind <> 'birthday')"
    )
    op.execute("DELETE FROM loyalty_occasion_rule WHERE kind <> 'birthday'")
    with op.batch_alter_table("loyalty_occasion_rule", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_loyalty_occasion_rule_day"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_loyalty_occasion_rule_kind"), type_="check")
        batch_op.drop_constraint(
            batch_op.f("fk_loyalty_occasion_rule_day_id_loyalty_occasion_day"), type_="foreignkey"
        )
        batch_op.drop_column("condition")
        batch_op.drop_column("day_id")
    with op.batch_alter_table("loyalty_occasion_date", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.execute(
        "UPDATE loyalty_occasion_date SET paused = true WHERE subject_id IN "
        "(SELECT subject_id FROM loyalty_member WHERE paused)"
    )
    with op.batch_alter_table("loyalty_occasion_date", schema=None) as batch_op:
        batch_op.alter_column("paused", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("loyalty_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_member_plan_at"))
    op.drop_table("loyalty_member")
    op.drop_table("loyalty_occasion_day")
