"""order of views and default views"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"

_VIEW = sa.table("crm_view", sa.column("sort", sa.String), sa.column("newest_first", sa.Boolean))


def upgrade() -> None:
    op.add_column(
        "crm_view",
        sa.Column("sort", sa.String(length=120), server_default="-created_at", nullable=False),
    )
    op.execute(_VIEW.update().where(_VIEW.c.newest_first.is_(False)).values(sort="created_at"))
    with op.batch_alter_table("crm_view", schema=None) as batch_op:
        batch_op.drop_column("newest_first")
    op.create_table(
        "crm_view_default",
        sa.Column("owner_key", sa.String(length=100), nullable=False),
        sa.Column("view_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["crm_view.id"],
            name=op.f("fk_crm_view_default_view_id_crm_view"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("owner_key", name=op.f("pk_crm_view_default")),
    )
    with op.batch_alter_table("crm_view_default", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_view_default_view_id"), ["view_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("crm_view_default", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_view_default_view_id"))
    op.drop_table("crm_view_default")
    op.add_column(
        "crm_view",
        sa.Column("newest_first", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.execute(_VIEW.update().where(_VIEW.c.sort == "created_at").values(newest_first=False))
    with op.batch_alter_table("crm_view", schema=None) as batch_op:
        batch_op.drop_column("sort")
        batch_op.alter_column("newest_first", server_default=None)
