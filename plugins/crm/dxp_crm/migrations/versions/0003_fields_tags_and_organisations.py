"""fields, tags and organisations"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    op.create_table(
        "crm_field",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=50), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column(
            "labels", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("help", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column(
            "choices", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("shown_to_customer", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_field")),
        sa.UniqueConstraint("record", "key", name=op.f("uq_crm_field_record_key")),
    )
    op.create_table(
        "crm_field_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record", sa.String(length=20), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column(
            "see_roles", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "change_roles", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_field_rule")),
        sa.UniqueConstraint("record", "field", name=op.f("uq_crm_field_rule_record_field")),
    )
    op.create_table(
        "crm_organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("number", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("tags", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column(
            "fields", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("search", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_organisation")),
        sa.UniqueConstraint("number", name=op.f("uq_crm_organisation_number")),
    )
    with op.batch_alter_table("crm_organisation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_organisation_created_at_id"), ["created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_crm_organisation_fields",
            ["fields"],
            unique=False,
            postgresql_using="gin",
            postgresql_ops={"fields": "jsonb_path_ops"},
            sqlite_where=sa.text("false"),
        )

    op.create_table(
        "crm_tag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("color", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_tag")),
        sa.UniqueConstraint("name", name=op.f("uq_crm_tag_name")),
    )
    op.create_table(
        "crm_tag_link",
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("record", sa.String(length=20), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["crm_tag.id"], name=op.f("fk_crm_tag_link_tag_id_crm_tag")
        ),
        sa.PrimaryKeyConstraint("tag_id", "record", "record_id", name=op.f("pk_crm_tag_link")),
    )
    with op.batch_alter_table("crm_tag_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_tag_link_record_id"), ["record_id"], unique=False)

    op.create_table(
        "crm_membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(length=100), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["crm_organisation.id"],
            name=op.f("fk_crm_membership_organisation_id_crm_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"], ["dxp_subject.id"], name=op.f("fk_crm_membership_origin_id_dxp_subject")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["crm_customer.subject_id"],
            name=op.f("fk_crm_membership_subject_id_crm_customer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_membership")),
    )
    with op.batch_alter_table("crm_membership", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_crm_membership_organisation_id_subject_id"),
            ["organisation_id", "subject_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_crm_membership_subject_id_organisation_id"),
            ["subject_id", "organisation_id"],
            unique=False,
        )

    with op.batch_alter_table("crm_customer", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "fields",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default="{}",
                nullable=False,
            )
        )
        batch_op.create_index(
            "ix_crm_customer_fields",
            ["fields"],
            unique=False,
            postgresql_using="gin",
            postgresql_ops={"fields": "jsonb_path_ops"},
            sqlite_where=sa.text("false"),
        )

    _index_tags()


def _index_tags() -> None:
    """The list of tags, and its links, of what customers carry already; in parts."""
    connection = op.get_bind()
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    customer = sa.table(
        "crm_customer",
        sa.column("subject_id", sa.Uuid()),
        sa.column("tags", json),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    tag = sa.table(
        "crm_tag",
        sa.column("id", sa.Uuid()),
        sa.column("name", sa.String()),
        sa.column("color", sa.String()),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    link = sa.table(
        "crm_tag_link",
        sa.column("tag_id", sa.Uuid()),
        sa.column("record", sa.String()),
        sa.column("record_id", sa.Uuid()),
    )
    ids: dict[str, uuid.UUID] = {}
    query = sa.select(customer).order_by(customer.c.subject_id).limit(1000)
    rows = connection.execute(query).all()
    while rows:
        links = []
        for row in rows:
            for name in dict.fromkeys(row.tags or ()):
                if name not in ids:
                    ids[name] = uuid.uuid4()
                    values = {"id": ids[name], "name": name, "color": "neutral"}
                    connection.execute(tag.insert().values(created_at=row.created_at, **values))
                links.append({"tag_id": ids[name], "record": "person", "record_id": row.subject_id})
        if links:
            connection.execute(link.insert(), links)
        after = customer.c.subject_id > rows[-1].subject_id
        rows = connection.execute(query.where(after)).all()


def downgrade() -> None:
    with op.batch_alter_table("crm_customer", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_crm_customer_fields",
            postgresql_using="gin",
            postgresql_ops={"fields": "jsonb_path_ops"},
            sqlite_where=sa.text("false"),
        )
        batch_op.drop_column("fields")

    with op.batch_alter_table("crm_membership", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_membership_subject_id_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_crm_membership_organisation_id_subject_id"))

    op.drop_table("crm_membership")
    with op.batch_alter_table("crm_tag_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crm_tag_link_record_id"))

    op.drop_table("crm_tag_link")
    op.drop_table("crm_tag")
    with op.batch_alter_table("crm_organisation", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_crm_organisation_fields",
            postgresql_using="gin",
            postgresql_ops={"fields": "jsonb_path_ops"},
            sqlite_where=sa.text("false"),
        )
        batch_op.drop_index(batch_op.f("ix_crm_organisation_created_at_id"))

    op.drop_table("crm_organisation")
    op.drop_table("crm_field_rule")
    op.drop_table("crm_field")
