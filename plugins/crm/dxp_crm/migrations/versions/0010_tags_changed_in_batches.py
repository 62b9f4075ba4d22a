"""Tags changed in batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    op.create_table(
        "crm_tag_change",
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("old_name", sa.String(length=50), nullable=False),
        sa.Column("into_id", sa.Uuid(), nullable=True),
        sa.Column("record", sa.String(length=20), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["into_id"], ["crm_tag.id"], name=op.f("fk_crm_tag_change_into_id_crm_tag")
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["crm_tag.id"], name=op.f("fk_crm_tag_change_tag_id_crm_tag")
        ),
        sa.PrimaryKeyConstraint("tag_id", name=op.f("pk_crm_tag_change")),
        sa.UniqueConstraint("old_name", name=op.f("uq_crm_tag_change_old_name")),
    )
    with op.batch_alter_table("crm_tag_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_tag_change_into_id"), ["into_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("crm_tag_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_tag_change_into_id"))
    op.drop_table("crm_tag_change")
