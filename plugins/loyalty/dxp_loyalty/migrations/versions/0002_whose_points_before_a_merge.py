"""Whose it was before a merge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    with op.batch_alter_table("loyalty_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_loyalty_entry_origin_id_dxp_subject"),
            "dxp_subject",
            ["origin_id"],
            ["id"],
        )
        batch_op.create_index(
            "ix_loyalty_entry_origin",
            ["origin_id"],
            unique=False,
            postgresql_where=sa.text("origin_id IS NOT NULL"),
            sqlite_where=sa.text("origin_id IS NOT NULL"),
        )

    with op.batch_alter_table("loyalty_occasion_grant", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_loyalty_occasion_grant_origin_id_dxp_subject"),
            "dxp_subject",
            ["origin_id"],
            ["id"],
        )


def downgrade() -> None:
    with op.batch_alter_table("loyalty_occasion_grant", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_loyalty_occasion_grant_origin_id_dxp_subject"), type_="foreignkey"
        )
        batch_op.drop_column("origin_id")

    with op.batch_alter_table("loyalty_entry", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_loyalty_entry_origin",
            postgresql_where=sa.text("origin_id IS NOT NULL"),
            sqlite_where=sa.text("origin_id IS NOT NULL"),
        )
        batch_op.drop_constraint(
            batch_op.f("fk_loyalty_entry_origin_id_dxp_subject"), type_="foreignkey"
        )
        batch_op.drop_column("origin_id")
