"""Segments"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    op.create_table(
        "crm_segment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column(
            "names", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column(
            "condition", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("built", sa.Integer(), nullable=False),
        sa.Column("to_build", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_segment")),
        sa.UniqueConstraint("key", name=op.f("uq_crm_segment_key")),
    )
    with op.batch_alter_table("crm_segment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_segment_created_at_id"), ["created_at", "id"], unique=False
        )

    op.create_table(
        "crm_segment_size",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["crm_segment.id"],
            name=op.f("fk_crm_segment_size_segment_id_crm_segment"),
        ),
        sa.PrimaryKeyConstraint("segment_id", "day", name=op.f("pk_crm_segment_size")),
    )
    op.create_table(
        "crm_segment_due",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["crm_segment.id"],
            name=op.f("fk_crm_segment_due_segment_id_crm_segment"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_segment_due_subject_id_crm_customer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("segment_id", "subject_id", name=op.f("pk_crm_segment_due")),
    )
    with op.batch_alter_table("crm_segment_due", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_segment_due_due_at"), ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_crm_segment_due_subject_id"), ["subject_id"], unique=False
        )

    op.create_table(
        "crm_segment_member",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["crm_segment.id"],
            name=op.f("fk_crm_segment_member_segment_id_crm_segment"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_segment_member_subject_id_crm_customer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("segment_id", "subject_id", name=op.f("pk_crm_segment_member")),
    )
    with op.batch_alter_table("crm_segment_member", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_segment_member_subject_id"), ["subject_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("crm_segment_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_segment_member_subject_id"))

    op.drop_table("crm_segment_member")
    with op.batch_alter_table("crm_segment_due", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_segment_due_subject_id"))
        batch_op.drop_index(batch_op.f("ix_crm_segment_due_due_at"))

    op.drop_table("crm_segment_due")
    op.drop_table("crm_segment_size")
    with op.batch_alter_table("crm_segment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_segment_created_at_id"))

    op.drop_table("crm_segment")
