"""Events of a person by type, in the order of a list."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_event_subject_id_type_occurred_at_id"),
            ["subject_id", "type", "occurred_at", "id"],
            unique=False,
        )
        batch_op.drop_index(batch_op.f("ix_dxp_event_subject_id_type_occurred_at"))


def downgrade() -> None:
    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_event_subject_id_type_occurred_at"),
            ["subject_id", "type", "occurred_at"],
            unique=False,
        )
        batch_op.drop_index(batch_op.f("ix_dxp_event_subject_id_type_occurred_at_id"))
