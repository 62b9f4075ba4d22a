"""slots and decisions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "personalization_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.String(length=60), nullable=False),
        sa.Column("slot_version", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=30), nullable=False),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column(
            "eligible", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "chosen", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "context", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personalization_decision")),
    )
    with op.batch_alter_table("personalization_decision", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_personalization_decision_decided_at"), ["decided_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_personalization_decision_pseudonym_decided_at"),
            ["pseudonym", "decided_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_personalization_decision_slot_decided_at"),
            ["slot", "decided_at"],
            unique=False,
        )

    op.create_table(
        "personalization_slot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size BETWEEN 1 AND 50", name=op.f("ck_personalization_slot_size")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personalization_slot")),
        sa.UniqueConstraint("key", name=op.f("uq_personalization_slot_key")),
    )
    op.create_table(
        "personalization_candidate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column(
            "condition", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("fallback", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["personalization_slot.id"],
            name=op.f("fk_personalization_candidate_slot_id_personalization_slot"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personalization_candidate")),
        sa.UniqueConstraint(
            "slot_id", "key", name=op.f("uq_personalization_candidate_slot_id_key")
        ),
    )


def downgrade() -> None:
    op.drop_table("personalization_candidate")
    op.drop_table("personalization_slot")
    with op.batch_alter_table("personalization_decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_personalization_decision_slot_decided_at"))
        batch_op.drop_index(batch_op.f("ix_personalization_decision_pseudonym_decided_at"))
        batch_op.drop_index(batch_op.f("ix_personalization_decision_decided_at"))

    op.drop_table("personalization_decision")
