"""Events of a person by type"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_event_subject_id_type_occurred_at"),
            ["subject_id", "type", "occurred_at"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_event_subject_id_type_occurred_at"))
