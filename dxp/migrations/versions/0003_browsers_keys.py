"""Keys that browsers hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    with op.batch_alter_table("dxp_api_key", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "origins",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default=sa.text("'[]'"),
                nullable=False,
            )
        )


def downgrade() -> None:
    # Without its sites a key that anybody can read would open to everybody.
    op.execute("UPDATE dxp_api_key SET revoked_at = created_at WHERE origins <> '[]'")
    with op.batch_alter_table("dxp_api_key", schema=None) as batch_op:
        batch_op.drop_column("origins")
