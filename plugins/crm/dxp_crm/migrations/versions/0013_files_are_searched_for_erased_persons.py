"""files are searched for erased persons, and exports are made by a job"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    op.create_table(
        "crm_forgotten",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_crm_forgotten")),
    )
    op.create_table(
        "crm_export",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "wanted", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "columns", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("actor_key", sa.String(length=100), nullable=False),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_export")),
    )
    with op.batch_alter_table("crm_export", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_export_actor_key_id"), ["actor_key", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_crm_export_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("crm_export", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_export_expires_at"))
        batch_op.drop_index(batch_op.f("ix_crm_export_actor_key_id"))
    op.drop_table("crm_export")
    op.drop_table("crm_forgotten")
