"""Merges that can be undone, and requests of persons about their data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    op.create_table(
        "dxp_merge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("winner_id", sa.Uuid(), nullable=False),
        sa.Column("loser_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("undo", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint("reason IN ('person', 'identified')", name=op.f("ck_dxp_merge_reason")),
        sa.CheckConstraint("winner_id <> loser_id", name=op.f("ck_dxp_merge_two")),
        sa.ForeignKeyConstraint(
            ["loser_id"], ["dxp_subject.id"], name=op.f("fk_dxp_merge_loser_id_dxp_subject")
        ),
        sa.ForeignKeyConstraint(
            ["winner_id"], ["dxp_subject.id"], name=op.f("fk_dxp_merge_winner_id_dxp_subject")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_merge")),
    )
    with op.batch_alter_table("dxp_merge", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_merge_loser_id_id"), ["loser_id", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_dxp_merge_undo_until"), ["undo_until"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dxp_merge_winner_id_id"), ["winner_id", "id"], unique=False
        )

    op.create_table(
        "dxp_not_duplicate",
        sa.Column("low_id", sa.Uuid(), nullable=False),
        sa.Column("high_id", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["high_id"], ["dxp_subject.id"], name=op.f("fk_dxp_not_duplicate_high_id_dxp_subject")
        ),
        sa.ForeignKeyConstraint(
            ["low_id"], ["dxp_subject.id"], name=op.f("fk_dxp_not_duplicate_low_id_dxp_subject")
        ),
        sa.PrimaryKeyConstraint("low_id", "high_id", name=op.f("pk_dxp_not_duplicate")),
    )
    with op.batch_alter_table("dxp_not_duplicate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dxp_not_duplicate_high_id"), ["high_id"], unique=False)

    op.create_table(
        "dxp_privacy_export",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'ready', 'fetched', 'expired')",
            name=op.f("ck_dxp_privacy_export_state"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_dxp_privacy_export_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_privacy_export")),
    )
    with op.batch_alter_table("dxp_privacy_export", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_privacy_export_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_privacy_export_subject_id_id"), ["subject_id", "id"], unique=False
        )

    op.create_table(
        "dxp_privacy_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=15), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=30), nullable=False),
        sa.Column("verified_by", sa.String(length=15), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint(
            "kind IN ('access', 'rectification', 'erasure', 'objection')",
            name=op.f("ck_dxp_privacy_request_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'done', 'refused')", name=op.f("ck_dxp_privacy_request_state")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_dxp_privacy_request_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_privacy_request")),
    )
    with op.batch_alter_table("dxp_privacy_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_privacy_request_due_at_id"), ["due_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_privacy_request_state_due_at_id"),
            ["state", "due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_privacy_request_subject_id_id"), ["subject_id", "id"], unique=False
        )

    op.create_table(
        "dxp_privacy_export_part",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["dxp_privacy_export.id"],
            name=op.f("fk_dxp_privacy_export_part_export_id_dxp_privacy_export"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_privacy_export_part")),
        sa.UniqueConstraint(
            "export_id", "number", name=op.f("uq_dxp_privacy_export_part_export_id_number")
        ),
    )
    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_dxp_event_origin_id_dxp_subject"), "dxp_subject", ["origin_id"], ["id"]
        )

    with op.batch_alter_table("dxp_idempotency_key", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject_id", sa.Uuid(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_dxp_idempotency_key_subject_id"), ["subject_id"], unique=False
        )

    with op.batch_alter_table("dxp_subject", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("anonymous", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_subject_merged_into_id"), ["merged_into_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("dxp_subject", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_subject_merged_into_id"))
        batch_op.drop_column("anonymous")

    with op.batch_alter_table("dxp_idempotency_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_idempotency_key_subject_id"))
        batch_op.drop_column("subject_id")

    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_dxp_event_origin_id_dxp_subject"), type_="foreignkey"
        )
        batch_op.drop_column("origin_id")

    op.drop_table("dxp_privacy_export_part")
    with op.batch_alter_table("dxp_privacy_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_privacy_request_subject_id_id"))
        batch_op.drop_index(batch_op.f("ix_dxp_privacy_request_state_due_at_id"))
        batch_op.drop_index(batch_op.f("ix_dxp_privacy_request_due_at_id"))

    op.drop_table("dxp_privacy_request")
    with op.batch_alter_table("dxp_privacy_export", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_privacy_export_subject_id_id"))
        batch_op.drop_index(batch_op.f("ix_dxp_privacy_export_expires_at"))

    op.drop_table("dxp_privacy_export")
    with op.batch_alter_table("dxp_not_duplicate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_not_duplicate_high_id"))

    op.drop_table("dxp_not_duplicate")
    with op.batch_alter_table("dxp_merge", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_merge_winner_id_id"))
        batch_op.drop_index(batch_op.f("ix_dxp_merge_undo_until"))
        batch_op.drop_index(batch_op.f("ix_dxp_merge_loser_id_id"))

    op.drop_table("dxp_merge")
