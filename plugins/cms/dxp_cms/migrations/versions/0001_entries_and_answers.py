"""Entries, their revisions, and stored answers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "cms_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("head_revision_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_name", sa.String(length=200), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cms_entry")),
    )
    with op.batch_alter_table("cms_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cms_entry_type_trashed_at_updated_at_id"),
            ["type", "trashed_at", "updated_at", "id"],
            unique=False,
        )

    op.create_table(
        "cms_dependency",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["cms_entry.id"], name=op.f("fk_cms_dependency_entry_id_cms_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", "locale", "target_id", name=op.f("pk_cms_dependency")),
    )
    with op.batch_alter_table("cms_dependency", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cms_dependency_target_id"), ["target_id"], unique=False
        )

    op.create_table(
        "cms_published",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("search_text", sa.String(length=500), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["cms_entry.id"], name=op.f("fk_cms_published_entry_id_cms_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", "locale", name=op.f("pk_cms_published")),
        sa.UniqueConstraint(
            "type", "locale", "slug", name=op.f("uq_cms_published_type_locale_slug")
        ),
    )
    with op.batch_alter_table("cms_published", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cms_published_type_locale_published_at_entry_id"),
            ["type", "locale", "published_at", "entry_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_cms_published_type_locale_updated_at_entry_id"),
            ["type", "locale", "updated_at", "entry_id"],
            unique=False,
        )

    op.create_table(
        "cms_published_value",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("field", sa.String(length=50), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column(
            "text",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("number", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["cms_entry.id"], name=op.f("fk_cms_published_value_entry_id_cms_entry")
        ),
        sa.PrimaryKeyConstraint(
            "entry_id", "locale", "field", "position", name=op.f("pk_cms_published_value")
        ),
    )
    with op.batch_alter_table("cms_published_value", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cms_published_value_type_locale_field_number_entry_id"),
            ["type", "locale", "field", "number", "entry_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_cms_published_value_type_locale_field_text_entry_id"),
            ["type", "locale", "field", "text", "entry_id"],
            unique=False,
        )

    op.create_table(
        "cms_redirect",
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["cms_entry.id"], name=op.f("fk_cms_redirect_entry_id_cms_entry")
        ),
        sa.PrimaryKeyConstraint("type", "locale", "slug", name=op.f("pk_cms_redirect")),
    )
    with op.batch_alter_table("cms_redirect", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cms_redirect_entry_id"), ["entry_id"], unique=False)

    op.create_table(
        "cms_reference",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(length=50), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["cms_entry.id"], name=op.f("fk_cms_reference_entry_id_cms_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", "field", "target_id", name=op.f("pk_cms_reference")),
    )
    with op.batch_alter_table("cms_reference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cms_reference_target_id"), ["target_id"], unique=False)

    op.create_table(
        "cms_revision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("base_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "document", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("author_key", sa.String(length=100), nullable=False),
        sa.Column("author_name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tab", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["base_id"],
            ["cms_revision.id"],
            name=op.f("fk_cms_revision_base_id_cms_revision"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["cms_entry.id"], name=op.f("fk_cms_revision_entry_id_cms_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cms_revision")),
        sa.UniqueConstraint("entry_id", "number", name=op.f("uq_cms_revision_entry_id_number")),
    )
    with op.batch_alter_table("cms_revision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cms_revision_base_id"), ["base_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_cms_revision_kind_created_at"), ["kind", "created_at"], unique=False
        )

    op.create_table(
        "cms_entry_locale",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("search_text", sa.String(length=500), nullable=False),
        sa.Column("draft_hash", sa.String(length=64), nullable=False),
        sa.Column("published_hash", sa.String(length=64), nullable=True),
        sa.Column("published_revision_id", sa.Uuid(), nullable=True),
        sa.Column("first_published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["cms_entry.id"], name=op.f("fk_cms_entry_locale_entry_id_cms_entry")
        ),
        sa.ForeignKeyConstraint(
            ["published_revision_id"],
            ["cms_revision.id"],
            name=op.f("fk_cms_entry_locale_published_revision_id_cms_revision"),
        ),
        sa.PrimaryKeyConstraint("entry_id", "locale", name=op.f("pk_cms_entry_locale")),
    )
    with op.batch_alter_table("cms_entry_locale", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cms_entry_locale_locale_slug"), ["locale", "slug"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_cms_entry_locale_locale_state"), ["locale", "state"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_cms_entry_locale_published_revision_id"),
            ["published_revision_id"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("cms_entry_locale", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_entry_locale_published_revision_id"))
        batch_op.drop_index(batch_op.f("ix_cms_entry_locale_locale_state"))
        batch_op.drop_index(batch_op.f("ix_cms_entry_locale_locale_slug"))

    op.drop_table("cms_entry_locale")
    with op.batch_alter_table("cms_revision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_revision_kind_created_at"))
        batch_op.drop_index(batch_op.f("ix_cms_revision_base_id"))

    op.drop_table("cms_revision")
    with op.batch_alter_table("cms_reference", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_reference_target_id"))

    op.drop_table("cms_reference")
    with op.batch_alter_table("cms_redirect", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_redirect_entry_id"))

    op.drop_table("cms_redirect")
    with op.batch_alter_table("cms_published_value", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_published_value_type_locale_field_text_entry_id"))
        batch_op.drop_index(batch_op.f("ix_cms_published_value_type_locale_field_number_entry_id"))

    op.drop_table("cms_published_value")
    with op.batch_alter_table("cms_published", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_published_type_locale_updated_at_entry_id"))
        batch_op.drop_index(batch_op.f("ix_cms_published_type_locale_published_at_entry_id"))

    op.drop_table("cms_published")
    with op.batch_alter_table("cms_dependency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_dependency_target_id"))

    op.drop_table("cms_dependency")
    with op.batch_alter_table("cms_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cms_entry_type_trashed_at_updated_at_id"))

    op.drop_table("cms_entry")
