"""tasks, tickets and messages"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    op.create_table(
        "crm_ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.String(length=20), nullable=False),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["dxp_staff.id"], name=op.f("fk_crm_ticket_assignee_id_dxp_staff")
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"], ["dxp_subject.id"], name=op.f("fk_crm_ticket_origin_id_dxp_subject")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_ticket_subject_id_crm_customer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_ticket")),
    )
    with op.batch_alter_table("crm_ticket", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_ticket_assignee_id_status_updated_at_id"),
            ["assignee_id", "status", "updated_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_crm_ticket_status_updated_at_id"),
            ["status", "updated_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_crm_ticket_subject_id_updated_at_id"),
            ["subject_id", "updated_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_crm_ticket_updated_at_id"), ["updated_at", "id"], unique=False
        )

    op.create_table(
        "crm_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("purpose", sa.String(length=50), nullable=False),
        sa.Column("consent", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["origin_id"], ["dxp_subject.id"], name=op.f("fk_crm_message_origin_id_dxp_subject")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_message_subject_id_crm_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["crm_ticket.id"], name=op.f("fk_crm_message_ticket_id_crm_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_message")),
    )
    with op.batch_alter_table("crm_message", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_message_subject_id_created_at_id"),
            ["subject_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_crm_message_ticket_id"), ["ticket_id"], unique=False)

    op.create_table(
        "crm_task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["crm_organisation.id"],
            name=op.f("fk_crm_task_organisation_id_crm_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"], ["dxp_subject.id"], name=op.f("fk_crm_task_origin_id_dxp_subject")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["dxp_staff.id"], name=op.f("fk_crm_task_owner_id_dxp_staff")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_task_subject_id_crm_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["crm_ticket.id"], name=op.f("fk_crm_task_ticket_id_crm_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_task")),
    )
    with op.batch_alter_table("crm_task", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_task_organisation_id_due_at_id"),
            ["organisation_id", "due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_crm_task_owner_id_state_due_at_id"),
            ["owner_id", "state", "due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_crm_task_state_due_at_id"), ["state", "due_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_crm_task_subject_id_due_at_id"),
            ["subject_id", "due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_crm_task_ticket_id_due_at_id"),
            ["ticket_id", "due_at", "id"],
            unique=False,
        )

    op.create_table(
        "crm_ticket_comment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["origin_id"],
            ["dxp_subject.id"],
            name=op.f("fk_crm_ticket_comment_origin_id_dxp_subject"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_ticket_comment_subject_id_crm_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["crm_ticket.id"],
            name=op.f("fk_crm_ticket_comment_ticket_id_crm_ticket"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_ticket_comment")),
    )
    with op.batch_alter_table("crm_ticket_comment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_ticket_comment_subject_id"), ["subject_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_crm_ticket_comment_ticket_id_id"), ["ticket_id", "id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("crm_ticket_comment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_ticket_comment_ticket_id_id"))
        batch_op.drop_index(batch_op.f("ix_crm_ticket_comment_subject_id"))

    op.drop_table("crm_ticket_comment")
    with op.batch_alter_table("crm_task", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_task_ticket_id_due_at_id"))
        batch_op.drop_index(batch_op.f("ix_crm_task_subject_id_due_at_id"))
        batch_op.drop_index(batch_op.f("ix_crm_task_state_due_at_id"))
        batch_op.drop_index(batch_op.f("ix_crm_task_owner_id_state_due_at_id"))
        batch_op.drop_index(batch_op.f("ix_crm_task_organisation_id_due_at_id"))

    op.drop_table("crm_task")
    with op.batch_alter_table("crm_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_message_ticket_id"))
        batch_op.drop_index(batch_op.f("ix_crm_message_subject_id_created_at_id"))

    op.drop_table("crm_message")
    with op.batch_alter_table("crm_ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_ticket_updated_at_id"))
        batch_op.drop_index(batch_op.f("ix_crm_ticket_subject_id_updated_at_id"))
        batch_op.drop_index(batch_op.f("ix_crm_ticket_status_updated_at_id"))
        batch_op.drop_index(batch_op.f("ix_crm_ticket_assignee_id_status_updated_at_id"))

    op.drop_table("crm_ticket")
