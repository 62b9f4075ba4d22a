"""When points end, and who was warned of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    op.create_table(
        "loyalty_expiry_policy",
        sa.Column("wallet", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column(
            "warn_days", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('never', 'days', 'end_of_month', 'inactivity')",
            name=op.f("ck_loyalty_expiry_policy_kind"),
        ),
        sa.CheckConstraint("length >= 0", name=op.f("ck_loyalty_expiry_policy_length")),
        sa.PrimaryKeyConstraint("wallet", name=op.f("pk_loyalty_expiry_policy")),
    )
    op.create_table(
        "loyalty_expiry_warning",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_expiry_warning_account_id_loyalty_account"),
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "expires_at", "days", name=op.f("pk_loyalty_expiry_warning")
        ),
    )
    with op.batch_alter_table("loyalty_lot", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("follows_activity", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("loyalty_lot", schema=None) as batch_op:
        batch_op.alter_column("follows_activity", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("loyalty_lot", schema=None) as batch_op:
        batch_op.drop_column("follows_activity")

    op.drop_table("loyalty_expiry_warning")
    op.drop_table("loyalty_expiry_policy")
