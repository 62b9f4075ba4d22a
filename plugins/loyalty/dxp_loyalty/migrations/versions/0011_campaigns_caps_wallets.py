"""Campaigns with budgets, caps of rules, wallets, and versions that go live later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision: str | None = "0010"

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "loyalty_campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("texts", _JSON, nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=True),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=True),
        sa.Column("ends_at", _MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_loyalty_campaign_spent")),
        sa.CheckConstraint("spent <= budget", name=op.f("ck_loyalty_campaign_budget")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_loyalty_campaign_times")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_campaign")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_campaign_key")),
    )
    op.create_table(
        "loyalty_wallet",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("texts", _JSON, nullable=False),
        sa.Column("rounding", sa.String(length=8), nullable=False),
        sa.Column("pending_days", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "rounding IN ('down', 'nearest', 'up')", name=op.f("ck_loyalty_wallet_rounding")
        ),
        sa.CheckConstraint("pending_days >= 0", name=op.f("ck_loyalty_wallet_pending_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_wallet")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_wallet_key")),
    )
    op.create_table(
        "loyalty_cap_counter",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("window_key", sa.String(length=20), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "points >= 0 AND times >= 0", name=op.f("ck_loyalty_cap_counter_counts")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_cap_counter_account_id_loyalty_account"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["loyalty_earning_rule.id"],
            name=op.f("fk_loyalty_cap_counter_rule_id_loyalty_earning_rule"),
        ),
        sa.PrimaryKeyConstraint(
            "rule_id", "account_id", "window_key", name=op.f("pk_loyalty_cap_counter")
        ),
    )
    op.create_table(
        "loyalty_simulation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("rule_version_id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("result", _JSON, nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed')",
            name=op.f("ck_loyalty_simulation_state"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["loyalty_earning_rule.id"],
            name=op.f("fk_loyalty_simulation_rule_id_loyalty_earning_rule"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_version_id"],
            ["loyalty_earning_rule_version.id"],
            name=op.f("fk_loyalty_simulation_rule_version_id_loyalty_earning_rule_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_simulation")),
    )
    with op.batch_alter_table("loyalty_simulation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_simulation_rule_id_id"), ["rule_id", "id"], unique=False
        )
    with op.batch_alter_table("loyalty_earning_rule_version", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("draft", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("live_from", _MOMENT, nullable=True))
        batch_op.add_column(sa.Column("live_until", _MOMENT, nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_loyalty_earning_rule_version_live"), "live_until > live_from"
        )
    with op.batch_alter_table("loyalty_earning_rule_version", schema=None) as batch_op:
        batch_op.alter_column("draft", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("loyalty_earning", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("windows", _JSON, server_default=sa.text("'[]'"), nullable=False)
        )
        batch_op.add_column(sa.Column("campaign_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_loyalty_earning_campaign_id_loyalty_campaign"),
            "loyalty_campaign",
            ["campaign_id"],
            ["id"],
        )
    with op.batch_alter_table("loyalty_earning", schema=None) as batch_op:
        batch_op.alter_column("windows", existing_type=_JSON, server_default=None)
        batch_op.create_index(
            "ix_loyalty_earning_campaign",
            ["campaign_id"],
            unique=False,
            postgresql_where=sa.text("campaign_id IS NOT NULL"),
            sqlite_where=sa.text("campaign_id IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("loyalty_earning", schema=None) as batch_op:
        batch_op.drop_index("ix_loyalty_earning_campaign")
        batch_op.drop_constraint(
            batch_op.f("fk_loyalty_earning_campaign_id_loyalty_campaign"), type_="foreignkey"
        )
        batch_op.drop_column("campaign_id")
        batch_op.drop_column("windows")
    with op.batch_alter_table("loyalty_earning_rule_version", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_loyalty_earning_rule_version_live"), type_="check")
        batch_op.drop_column("live_until")
        batch_op.drop_column("live_from")
        batch_op.drop_column("draft")
    op.drop_table("loyalty_simulation")
    op.drop_table("loyalty_cap_counter")
    op.drop_table("loyalty_wallet")
    op.drop_table("loyalty_campaign")
