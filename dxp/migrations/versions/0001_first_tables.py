"""First tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "dxp_api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "scopes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_dxp_api_key_prefix")),
    )
    op.create_table(
        "dxp_audit_entry",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_key", sa.String(length=100), nullable=False),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("object_type", sa.String(length=100), nullable=False),
        sa.Column("object_id", sa.String(length=200), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=100), nullable=True),
        sa.Column(
            "before", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
        ),
        sa.Column("after", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("details_digest", sa.String(length=64), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_dxp_audit_entry")),
        sa.UniqueConstraint("hash", name=op.f("uq_dxp_audit_entry_hash")),
    )
    with op.batch_alter_table("dxp_audit_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_audit_entry_actor_key_seq"), ["actor_key", "seq"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_dxp_audit_entry_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dxp_audit_entry_object_type_object_id_seq"),
            ["object_type", "object_id", "seq"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_audit_entry_subject_id_seq"), ["subject_id", "seq"], unique=False
        )

    op.create_table(
        "dxp_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_seconds", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_dxp_clock_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_clock")),
    )
    op.create_table(
        "dxp_idempotency_key",
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column(
            "headers", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_dxp_idempotency_key")),
    )
    with op.batch_alter_table("dxp_idempotency_key", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_idempotency_key_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "dxp_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("queue", sa.String(length=50), nullable=False),
        sa.Column(
            "payload", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("dedupe_key", sa.String(length=200), nullable=True),
        sa.Column("request_id", sa.String(length=100), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_job")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_dxp_job_dedupe_key")),
    )
    with op.batch_alter_table("dxp_job", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dxp_job_dead",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'dead'"),
            postgresql_where=sa.text("state = 'dead'"),
        )
        batch_op.create_index(
            "ix_dxp_job_done",
            ["finished_at"],
            unique=False,
            sqlite_where=sa.text("state = 'done'"),
            postgresql_where=sa.text("state = 'done'"),
        )
        batch_op.create_index(
            "ix_dxp_job_parked",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'ready' AND parked_at IS NOT NULL"),
            postgresql_where=sa.text("state = 'ready' AND parked_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_dxp_job_ready",
            ["run_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'ready' AND parked_at IS NULL"),
            postgresql_where=sa.text("state = 'ready' AND parked_at IS NULL"),
        )
        batch_op.create_index(
            "ix_dxp_job_running",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )

    op.create_table(
        "dxp_lease",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_dxp_lease")),
    )
    op.create_table(
        "dxp_mail_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_mail_code")),
    )
    with op.batch_alter_table("dxp_mail_code", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_mail_code_created_at"), ["created_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_mail_code_purpose_address_digest_created_at"),
            ["purpose", "address_digest", "created_at"],
            unique=False,
        )

    op.create_table(
        "dxp_role",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column(
            "permissions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("require_totp", sa.Boolean(), nullable=False),
        sa.Column("builtin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_role")),
        sa.UniqueConstraint("name", name=op.f("uq_dxp_role_name")),
    )
    op.create_table(
        "dxp_schedule_run",
        sa.Column("schedule", sa.String(length=100), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "due_at", name=op.f("pk_dxp_schedule_run")),
    )
    op.create_table(
        "dxp_sign_in_count",
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_digest", name=op.f("pk_dxp_sign_in_count")),
    )
    with op.batch_alter_table("dxp_sign_in_count", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_sign_in_count_updated_at"), ["updated_at"], unique=False
        )

    op.create_table(
        "dxp_staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=True),
        sa.Column("password_hash", sa.String(length=300), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_dxp_staff_email")),
    )
    op.create_table(
        "dxp_subject",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merged_into_id"],
            ["dxp_subject.id"],
            name=op.f("fk_dxp_subject_merged_into_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_subject")),
    )
    op.create_table(
        "dxp_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["dxp_subject.id"], name=op.f("fk_dxp_event_subject_id_dxp_subject")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_event")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_dxp_event_source_external_id")),
    )
    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_event_subject_id_occurred_at_id"),
            ["subject_id", "occurred_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_event_type_occurred_at"), ["type", "occurred_at"], unique=False
        )

    op.create_table(
        "dxp_recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["dxp_staff.id"], name=op.f("fk_dxp_recovery_code_staff_id_dxp_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_recovery_code")),
    )
    with op.batch_alter_table("dxp_recovery_code", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_recovery_code_staff_id"), ["staff_id"], unique=False
        )

    op.create_table(
        "dxp_refresh_family",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["key_id"], ["dxp_api_key.id"], name=op.f("fk_dxp_refresh_family_key_id_dxp_api_key")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_dxp_refresh_family_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_refresh_family")),
    )
    with op.batch_alter_table("dxp_refresh_family", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_refresh_family_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_refresh_family_subject_id"), ["subject_id"], unique=False
        )

    op.create_table(
        "dxp_staff_role",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["dxp_role.id"], name=op.f("fk_dxp_staff_role_role_id_dxp_role")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["dxp_staff.id"], name=op.f("fk_dxp_staff_role_staff_id_dxp_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", "role_id", name=op.f("pk_dxp_staff_role")),
    )
    with op.batch_alter_table("dxp_staff_role", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dxp_staff_role_role_id"), ["role_id"], unique=False)

    op.create_table(
        "dxp_staff_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_factor", sa.Boolean(), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["dxp_staff.id"], name=op.f("fk_dxp_staff_session_staff_id_dxp_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_staff_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_dxp_staff_session_token_hash")),
    )
    with op.batch_alter_table("dxp_staff_session", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_staff_session_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_dxp_staff_session_staff_id"), ["staff_id"], unique=False
        )

    op.create_table(
        "dxp_subject_key",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scheme", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_dxp_subject_key_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_dxp_subject_key")),
    )
    with op.batch_alter_table("dxp_subject_key", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_subject_key_subject_id"), ["subject_id"], unique=False
        )

    op.create_table(
        "dxp_refresh_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"],
            ["dxp_refresh_family.id"],
            name=op.f("fk_dxp_refresh_token_family_id_dxp_refresh_family"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dxp_refresh_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_dxp_refresh_token_token_hash")),
    )
    with op.batch_alter_table("dxp_refresh_token", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dxp_refresh_token_family_id"), ["family_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("dxp_refresh_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_refresh_token_family_id"))

    op.drop_table("dxp_refresh_token")
    with op.batch_alter_table("dxp_subject_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_subject_key_subject_id"))

    op.drop_table("dxp_subject_key")
    with op.batch_alter_table("dxp_staff_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_staff_session_staff_id"))
        batch_op.drop_index(batch_op.f("ix_dxp_staff_session_expires_at"))

    op.drop_table("dxp_staff_session")
    with op.batch_alter_table("dxp_staff_role", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_staff_role_role_id"))

    op.drop_table("dxp_staff_role")
    with op.batch_alter_table("dxp_refresh_family", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_refresh_family_subject_id"))
        batch_op.drop_index(batch_op.f("ix_dxp_refresh_family_expires_at"))

    op.drop_table("dxp_refresh_family")
    with op.batch_alter_table("dxp_recovery_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_recovery_code_staff_id"))

    op.drop_table("dxp_recovery_code")
    with op.batch_alter_table("dxp_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_event_type_occurred_at"))
        batch_op.drop_index(batch_op.f("ix_dxp_event_subject_id_occurred_at_id"))

    op.drop_table("dxp_event")
    op.drop_table("dxp_subject")
    op.drop_table("dxp_staff")
    with op.batch_alter_table("dxp_sign_in_count", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_sign_in_count_updated_at"))

    op.drop_table("dxp_sign_in_count")
    op.drop_table("dxp_schedule_run")
    op.drop_table("dxp_role")
    with op.batch_alter_table("dxp_mail_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_mail_code_purpose_address_digest_created_at"))
        batch_op.drop_index(batch_op.f("ix_dxp_mail_code_created_at"))

    op.drop_table("dxp_mail_code")
    op.drop_table("dxp_lease")
    with op.batch_alter_table("dxp_job", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_dxp_job_running",
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )
        batch_op.drop_index(
            "ix_dxp_job_ready",
            sqlite_where=sa.text("state = 'ready' AND parked_at IS NULL"),
            postgresql_where=sa.text("state = 'ready' AND parked_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_dxp_job_parked",
            sqlite_where=sa.text("state = 'ready' AND parked_at IS NOT NULL"),
            postgresql_where=sa.text("state = 'ready' AND parked_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_dxp_job_done",
            sqlite_where=sa.text("state = 'done'"),
            postgresql_where=sa.text("state = 'done'"),
        )
        batch_op.drop_index(
            "ix_dxp_job_dead",
            sqlite_where=sa.text("state = 'dead'"),
            postgresql_where=sa.text("state = 'dead'"),
        )

    op.drop_table("dxp_job")
    with op.batch_alter_table("dxp_idempotency_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_idempotency_key_expires_at"))

    op.drop_table("dxp_idempotency_key")
    op.drop_table("dxp_clock")
    with op.batch_alter_table("dxp_audit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dxp_audit_entry_subject_id_seq"))
        batch_op.drop_index(batch_op.f("ix_dxp_audit_entry_object_type_object_id_seq"))
        batch_op.drop_index(batch_op.f("ix_dxp_audit_entry_at"))
        batch_op.drop_index(batch_op.f("ix_dxp_audit_entry_actor_key_seq"))

    op.drop_table("dxp_audit_entry")
    op.drop_table("dxp_api_key")
