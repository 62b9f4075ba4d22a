"""what customers write on tickets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0011"


def upgrade() -> None:
    op.add_column(
        "crm_ticket_comment",
        sa.Column("by_customer", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    with op.batch_alter_table("crm_ticket_comment", schema=None) as batch_op:
        batch_op.drop_column("by_customer")
