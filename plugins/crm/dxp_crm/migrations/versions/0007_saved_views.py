"""saved views"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    op.create_table(
        "crm_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner_key", sa.String(length=100), nullable=False),
        sa.Column("owner_label", sa.String(length=200), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column(
            "condition", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "columns", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("newest_first", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_view")),
    )
    with op.batch_alter_table("crm_view", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_view_owner_key"), ["owner_key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("crm_view", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_view_owner_key"))

    op.drop_table("crm_view")
