"""Versions of earning rules say what they listen to, and whether they were in force."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    with op.batch_alter_table("loyalty_earning_rule_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("event_type", sa.String(length=100), nullable=True))
        batch_op.add_column(
            sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
    # What older versions listened to was not kept; hardly any rule ever changes that.
    op.execute(
        "UPDATE loyalty_earning_rule_version SET event_type = (SELECT rule.event_type FROM "
        "loyalty_earning_rule AS rule WHERE rule.id = loyalty_earning_rule_version.rule_id)"
    )
    op.execute(
        "UPDATE loyalty_earning_rule_version SET active = (SELECT rule.active FROM "
        "loyalty_earning_rule AS rule WHERE rule.id = loyalty_earning_rule_version.rule_id) "
        "WHERE number = (SELECT rule.version FROM loyalty_earning_rule AS rule "
        "WHERE rule.id = loyalty_earning_rule_version.rule_id)"
    )
    with op.batch_alter_table("loyalty_earning_rule_version", schema=None) as batch_op:
        batch_op.alter_column("event_type", existing_type=sa.String(length=100), nullable=False)
        batch_op.alter_column("active", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("loyalty_earning_rule_version", schema=None) as batch_op:
        batch_op.drop_column("active")
        batch_op.drop_column("event_type")
