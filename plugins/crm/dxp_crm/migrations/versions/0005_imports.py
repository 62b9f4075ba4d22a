"""imports"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    op.create_table(
        "crm_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("encoding", sa.String(length=20), nullable=False),
        sa.Column("encoding_sure", sa.Boolean(), nullable=False),
        sa.Column("delimiter", sa.String(length=1), nullable=False),
        sa.Column(
            "headings", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("headings_key", sa.String(length=64), nullable=False),
        sa.Column(
            "mapping", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "options", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), nullable=False),
        sa.Column("faults_bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "counts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("actor_key", sa.String(length=100), nullable=False),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_import")),
    )
    with op.batch_alter_table("crm_import", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_import_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_crm_import_headings_key_id"), ["headings_key", "id"], unique=False
        )

    op.create_table(
        "crm_import_entry",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column(
            "before", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["crm_import.id"], name=op.f("fk_crm_import_entry_import_id_crm_import")
        ),
        sa.PrimaryKeyConstraint("import_id", "row", name=op.f("pk_crm_import_entry")),
    )
    with op.batch_alter_table("crm_import_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_import_entry_object_id"), ["object_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("crm_import_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_import_entry_object_id"))

    op.drop_table("crm_import_entry")
    with op.batch_alter_table("crm_import", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_import_headings_key_id"))
        batch_op.drop_index(batch_op.f("ix_crm_import_created_at"))

    op.drop_table("crm_import")
