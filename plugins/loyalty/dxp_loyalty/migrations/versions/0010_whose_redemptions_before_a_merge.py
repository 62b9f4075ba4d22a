"""Whose redemptions and birthdays they were before a merge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"

_TABLES = ("loyalty_hold", "loyalty_occasion_date")


def upgrade() -> None:
    for table in _TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("origin_id", sa.Uuid(), nullable=True))
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_origin_id_dxp_subject"),
                "dxp_subject",
                ["origin_id"],
                ["id"],
            )


def downgrade() -> None:
    for table in _TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(
                batch_op.f(f"fk_{table}_origin_id_dxp_subject"), type_="foreignkey"
            )
            batch_op.drop_column("origin_id")
