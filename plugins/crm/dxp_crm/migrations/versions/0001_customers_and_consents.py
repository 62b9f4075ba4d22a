"""customers and consents"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "crm_customer",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.String(length=100), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("locale", sa.String(length=20), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("tags", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("birthday_month", sa.Integer(), nullable=True),
        sa.Column("birthday_day", sa.Integer(), nullable=True),
        sa.Column("birthday_year", sa.Integer(), nullable=True),
        sa.Column("birthday_calendar", sa.String(length=20), nullable=True),
        sa.Column("birthday_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("birthday_edits", sa.Integer(), nullable=False),
        sa.Column("search", sa.String(length=600), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "birthday_day BETWEEN 1 AND 31", name=op.f("ck_crm_customer_birthday_day")
        ),
        sa.CheckConstraint(
            "birthday_month BETWEEN 1 AND 12", name=op.f("ck_crm_customer_birthday_month")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["dxp_subject.id"], name=op.f("fk_crm_customer_subject_id_dxp_subject")
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_crm_customer")),
        sa.UniqueConstraint("email", name=op.f("uq_crm_customer_email")),
        sa.UniqueConstraint("ref", name=op.f("uq_crm_customer_ref")),
    )
    with op.batch_alter_table("crm_customer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_customer_created_at_subject_id"),
            ["created_at", "subject_id"],
            unique=False,
        )

    op.create_table(
        "crm_consent",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=50), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("text_version", sa.String(length=50), nullable=False),
        sa.Column("proof", sa.String(length=500), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_consent_subject_id_crm_customer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_consent")),
    )
    with op.batch_alter_table("crm_consent", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_consent_subject_id_purpose_id"),
            ["subject_id", "purpose", "id"],
            unique=False,
        )

    op.create_table(
        "crm_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_note_subject_id_crm_customer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_note")),
    )
    with op.batch_alter_table("crm_note", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_note_subject_id_id"), ["subject_id", "id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("crm_note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_note_subject_id_id"))

    op.drop_table("crm_note")
    with op.batch_alter_table("crm_consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_consent_subject_id_purpose_id"))

    op.drop_table("crm_consent")
    with op.batch_alter_table("crm_customer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_customer_created_at_subject_id"))

    op.drop_table("crm_customer")
