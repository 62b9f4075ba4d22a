"""ledger, rewards, occasions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "loyalty_earning_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("event_type", sa.String(length=100), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_earning_rule")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_earning_rule_key")),
    )
    with op.batch_alter_table("loyalty_earning_rule", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_earning_rule_event_type_active"),
            ["event_type", "active"],
            unique=False,
        )

    op.create_table(
        "loyalty_reward",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reserved + issued <= stock", name=op.f("ck_loyalty_reward_stock")),
        sa.CheckConstraint("reserved >= 0 AND issued >= 0", name=op.f("ck_loyalty_reward_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_reward")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_reward_key")),
    )
    op.create_table(
        "loyalty_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(length=40), nullable=False),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("earned", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("debt >= 0", name=op.f("ck_loyalty_account_debt")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_loyalty_account_held")),
        sa.CheckConstraint("posted - held + debt >= 0", name=op.f("ck_loyalty_account_covered")),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_account_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_account")),
        sa.UniqueConstraint(
            "subject_id", "wallet", name=op.f("uq_loyalty_account_subject_id_wallet")
        ),
    )
    op.create_table(
        "loyalty_earning_rule_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column(
            "definition", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["loyalty_earning_rule.id"],
            name=op.f("fk_loyalty_earning_rule_version_rule_id_loyalty_earning_rule"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_earning_rule_version")),
        sa.UniqueConstraint(
            "rule_id", "number", name=op.f("uq_loyalty_earning_rule_version_rule_id_number")
        ),
    )
    op.create_table(
        "loyalty_occasion_date",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("calendar", sa.String(length=16), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("plan_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "calendar IN ('gregorian', 'jalali', 'hijri_umalqura')",
            name=op.f("ck_loyalty_occasion_date_calendar"),
        ),
        sa.CheckConstraint("day BETWEEN 1 AND 31", name=op.f("ck_loyalty_occasion_date_day")),
        sa.CheckConstraint("month BETWEEN 1 AND 12", name=op.f("ck_loyalty_occasion_date_month")),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_occasion_date_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_loyalty_occasion_date")),
    )
    with op.batch_alter_table("loyalty_occasion_date", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_occasion_date_plan_at"), ["plan_at"], unique=False
        )

    op.create_table(
        "loyalty_occasion_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column(
            "texts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=True),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("days_after", sa.Integer(), nullable=False),
        sa.Column("minimum_days", sa.Integer(), nullable=False),
        sa.Column("late_policy", sa.String(length=10), nullable=False),
        sa.Column("leap_day", sa.String(length=12), nullable=False),
        sa.Column("minimum_age", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "late_policy IN ('delay', 'skip', 'immediate')",
            name=op.f("ck_loyalty_occasion_rule_late_policy"),
        ),
        sa.CheckConstraint(
            "leap_day IN ('february_28', 'march_1')", name=op.f("ck_loyalty_occasion_rule_leap_day")
        ),
        sa.CheckConstraint(
            "days_before >= 0 AND days_after >= 0 AND minimum_days >= 0",
            name=op.f("ck_loyalty_occasion_rule_days"),
        ),
        sa.CheckConstraint(
            "points > 0 OR reward_id IS NOT NULL", name=op.f("ck_loyalty_occasion_rule_gift")
        ),
        sa.CheckConstraint("points >= 0", name=op.f("ck_loyalty_occasion_rule_points")),
        sa.ForeignKeyConstraint(
            ["reward_id"],
            ["loyalty_reward.id"],
            name=op.f("fk_loyalty_occasion_rule_reward_id_loyalty_reward"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_occasion_rule")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_occasion_rule_key")),
    )
    op.create_table(
        "loyalty_reward_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("per_member", sa.Integer(), nullable=True),
        sa.Column("limit_window", sa.String(length=8), nullable=False),
        sa.Column(
            "texts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "details", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "kind IN ('product', 'discount_code')", name=op.f("ck_loyalty_reward_version_kind")
        ),
        sa.CheckConstraint(
            "limit_window IN ('ever', 'year', 'month', 'day')",
            name=op.f("ck_loyalty_reward_version_limit_window"),
        ),
        sa.CheckConstraint("cost > 0", name=op.f("ck_loyalty_reward_version_cost")),
        sa.CheckConstraint("per_member > 0", name=op.f("ck_loyalty_reward_version_per_member")),
        sa.ForeignKeyConstraint(
            ["reward_id"],
            ["loyalty_reward.id"],
            name=op.f("fk_loyalty_reward_version_reward_id_loyalty_reward"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_reward_version")),
        sa.UniqueConstraint(
            "reward_id", "number", name=op.f("uq_loyalty_reward_version_reward_id_number")
        ),
    )
    op.create_table(
        "loyalty_entry",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("tx_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("contra", sa.String(length=12), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("rule_version_id", sa.Uuid(), nullable=True),
        sa.Column("reverses", sa.BigInteger(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("note_digest", sa.String(length=64), nullable=True),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "contra IN ('issued', 'spent', 'expired', 'adjusted', 'transfer')",
            name=op.f("ck_loyalty_entry_contra"),
        ),
        sa.CheckConstraint(
            "kind IN ('earn', 'spend', 'expire', 'adjust', 'reverse', 'transfer')",
            name=op.f("ck_loyalty_entry_kind"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_loyalty_entry_amount")),
        sa.CheckConstraint("effective_at <= recorded_at", name=op.f("ck_loyalty_entry_effective")),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_loyalty_entry_seq")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_entry_account_id_loyalty_account"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_version_id"],
            ["loyalty_earning_rule_version.id"],
            name=op.f("fk_loyalty_entry_rule_version_id_loyalty_earning_rule_version"),
        ),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_loyalty_entry")),
        sa.UniqueConstraint(
            "account_id", "kind", "source", name=op.f("uq_loyalty_entry_account_id_kind_source")
        ),
    )
    with op.batch_alter_table("loyalty_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_entry_account_id_reverses"),
            ["account_id", "reverses"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_loyalty_entry_recorded_at"), ["recorded_at"], unique=False
        )

    op.create_table(
        "loyalty_occasion_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("calendar", sa.String(length=16), nullable=False),
        sa.Column("occurrence_year", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("occurs_on", sa.Date(), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'issued', 'claimed', 'missed', 'skipped', 'cancelled', 'revoked', 'lapsed')",
            name=op.f("ck_loyalty_occasion_grant_state"),
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"],
            ["loyalty_reward.id"],
            name=op.f("fk_loyalty_occasion_grant_reward_id_loyalty_reward"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["loyalty_occasion_rule.id"],
            name=op.f("fk_loyalty_occasion_grant_rule_id_loyalty_occasion_rule"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_occasion_grant_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_occasion_grant")),
        sa.UniqueConstraint(
            "rule_id",
            "subject_id",
            "calendar",
            "occurrence_year",
            name=op.f("uq_loyalty_occasion_grant_rule_id_subject_id_calendar_occurrence_year"),
        ),
    )
    with op.batch_alter_table("loyalty_occasion_grant", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_occasion_grant_state_due_at"), ["state", "due_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_loyalty_occasion_grant_subject_id_state"),
            ["subject_id", "state"],
            unique=False,
        )

    op.create_table(
        "loyalty_reward_counter",
        sa.Column("reward_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("window_key", sa.String(length=20), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_loyalty_reward_counter_used")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_reward_counter_account_id_loyalty_account"),
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"],
            ["loyalty_reward.id"],
            name=op.f("fk_loyalty_reward_counter_reward_id_loyalty_reward"),
        ),
        sa.PrimaryKeyConstraint(
            "reward_id", "account_id", "window_key", name=op.f("pk_loyalty_reward_counter")
        ),
    )
    op.create_table(
        "loyalty_entry_note",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "inputs", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "seq"],
            ["loyalty_entry.account_id", "loyalty_entry.seq"],
            name=op.f("fk_loyalty_entry_note_account_id_seq_loyalty_entry"),
        ),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_loyalty_entry_note")),
    )
    op.create_table(
        "loyalty_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=False),
        sa.Column("reward_version_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("window_key", sa.String(length=20), nullable=False),
        sa.Column("cart_ref", sa.String(length=100), nullable=True),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'captured', 'voided')", name=op.f("ck_loyalty_hold_state")
        ),
        sa.CheckConstraint(
            "amount > 0 OR (amount = 0 AND grant_id IS NOT NULL)",
            name=op.f("ck_loyalty_hold_amount"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_seq"],
            ["loyalty_entry.account_id", "loyalty_entry.seq"],
            name=op.f("fk_loyalty_hold_account_id_entry_seq_loyalty_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_hold_account_id_loyalty_account"),
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["loyalty_occasion_grant.id"],
            name=op.f("fk_loyalty_hold_grant_id_loyalty_occasion_grant"),
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"],
            ["loyalty_reward.id"],
            name=op.f("fk_loyalty_hold_reward_id_loyalty_reward"),
        ),
        sa.ForeignKeyConstraint(
            ["reward_version_id"],
            ["loyalty_reward_version.id"],
            name=op.f("fk_loyalty_hold_reward_version_id_loyalty_reward_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_hold")),
        sa.UniqueConstraint("grant_id", name=op.f("uq_loyalty_hold_grant_id")),
    )
    with op.batch_alter_table("loyalty_hold", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_hold_account_id_created_at"),
            ["account_id", "created_at"],
            unique=False,
        )
        batch_op.create_index(
            "ix_loyalty_hold_open",
            ["expires_at"],
            unique=False,
            postgresql_where=sa.text("state = 'open'"),
            sqlite_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            batch_op.f("ix_loyalty_hold_reward_id_state"), ["reward_id", "state"], unique=False
        )

    op.create_table(
        "loyalty_lot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "0 <= held AND held <= remaining AND remaining <= amount",
            name=op.f("ck_loyalty_lot_parts"),
        ),
        sa.CheckConstraint(
            "0 <= reversed AND reversed <= amount", name=op.f("ck_loyalty_lot_reversed")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_loyalty_lot_amount")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_seq"],
            ["loyalty_entry.account_id", "loyalty_entry.seq"],
            name=op.f("fk_loyalty_lot_account_id_entry_seq_loyalty_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_lot_account_id_loyalty_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_lot")),
    )
    with op.batch_alter_table("loyalty_lot", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_lot_account_id_entry_seq"),
            ["account_id", "entry_seq"],
            unique=False,
        )
        batch_op.create_index(
            "ix_loyalty_lot_expiring",
            ["expires_at"],
            unique=False,
            postgresql_where=sa.text("remaining > held AND expires_at IS NOT NULL"),
            sqlite_where=sa.text("remaining > held AND expires_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_loyalty_lot_open",
            ["account_id"],
            unique=False,
            postgresql_where=sa.text("remaining > 0"),
            sqlite_where=sa.text("remaining > 0"),
        )

    op.create_table(
        "loyalty_coupon_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("redemption_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('issued', 'used', 'void')", name=op.f("ck_loyalty_coupon_code_state")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_coupon_code_account_id_loyalty_account"),
        ),
        sa.ForeignKeyConstraint(
            ["redemption_id"],
            ["loyalty_hold.id"],
            name=op.f("fk_loyalty_coupon_code_redemption_id_loyalty_hold"),
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_loyalty_coupon_code")),
        sa.UniqueConstraint("redemption_id", name=op.f("uq_loyalty_coupon_code_redemption_id")),
    )
    with op.batch_alter_table("loyalty_coupon_code", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_coupon_code_account_id"), ["account_id"], unique=False
        )

    op.create_table(
        "loyalty_hold_lot",
        sa.Column("hold_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_loyalty_hold_lot_amount")),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["loyalty_hold.id"], name=op.f("fk_loyalty_hold_lot_hold_id_loyalty_hold")
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["loyalty_lot.id"], name=op.f("fk_loyalty_hold_lot_lot_id_loyalty_lot")
        ),
        sa.PrimaryKeyConstraint("hold_id", "lot_id", name=op.f("pk_loyalty_hold_lot")),
    )
    op.create_table(
        "loyalty_lot_move",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_loyalty_lot_move_amount")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_seq"],
            ["loyalty_entry.account_id", "loyalty_entry.seq"],
            name=op.f("fk_loyalty_lot_move_account_id_entry_seq_loyalty_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["loyalty_lot.id"], name=op.f("fk_loyalty_lot_move_lot_id_loyalty_lot")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_lot_move")),
    )
    with op.batch_alter_table("loyalty_lot_move", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loyalty_lot_move_account_id_entry_seq"),
            ["account_id", "entry_seq"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_loyalty_lot_move_lot_id"), ["lot_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("loyalty_lot_move", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_lot_move_lot_id"))
        batch_op.drop_index(batch_op.f("ix_loyalty_lot_move_account_id_entry_seq"))
    op.drop_table("loyalty_lot_move")
    op.drop_table("loyalty_hold_lot")
    with op.batch_alter_table("loyalty_coupon_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_coupon_code_account_id"))
    op.drop_table("loyalty_coupon_code")
    with op.batch_alter_table("loyalty_lot", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_loyalty_lot_open",
            postgresql_where=sa.text("remaining > 0"),
            sqlite_where=sa.text("remaining > 0"),
        )
        batch_op.drop_index(
            "ix_loyalty_lot_expiring",
            postgresql_where=sa.text("remaining > held AND expires_at IS NOT NULL"),
            sqlite_where=sa.text("remaining > held AND expires_at IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_loyalty_lot_account_id_entry_seq"))
    op.drop_table("loyalty_lot")
    with op.batch_alter_table("loyalty_hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_hold_reward_id_state"))
        batch_op.drop_index(
            "ix_loyalty_hold_open",
            postgresql_where=sa.text("state = 'open'"),
            sqlite_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index(batch_op.f("ix_loyalty_hold_account_id_created_at"))
    op.drop_table("loyalty_hold")
    op.drop_table("loyalty_entry_note")
    op.drop_table("loyalty_reward_counter")
    with op.batch_alter_table("loyalty_occasion_grant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_occasion_grant_subject_id_state"))
        batch_op.drop_index(batch_op.f("ix_loyalty_occasion_grant_state_due_at"))
    op.drop_table("loyalty_occasion_grant")
    with op.batch_alter_table("loyalty_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_entry_recorded_at"))
        batch_op.drop_index(batch_op.f("ix_loyalty_entry_account_id_reverses"))
    op.drop_table("loyalty_entry")
    op.drop_table("loyalty_reward_version")
    op.drop_table("loyalty_occasion_rule")
    with op.batch_alter_table("loyalty_occasion_date", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_occasion_date_plan_at"))
    op.drop_table("loyalty_occasion_date")
    op.drop_table("loyalty_earning_rule_version")
    op.drop_table("loyalty_account")
    op.drop_table("loyalty_reward")
    with op.batch_alter_table("loyalty_earning_rule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loyalty_earning_rule_event_type_active"))
    op.drop_table("loyalty_earning_rule")
