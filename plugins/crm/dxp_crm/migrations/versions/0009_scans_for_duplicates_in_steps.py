"""Scans for duplicates in steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    op.create_table(
        "crm_duplicate_scan",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("position", sa.String(length=40), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("to_read", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_duplicate_scan")),
    )
    op.create_table(
        "crm_duplicate_trait",
        sa.Column("trait", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("trait", "subject_id", name=op.f("pk_crm_duplicate_trait")),
    )


def downgrade() -> None:
    op.drop_table("crm_duplicate_trait")
    op.drop_table("crm_duplicate_scan")
