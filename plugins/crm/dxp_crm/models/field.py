"""Fields that staff define, and who may see and change which field."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id

PERSON = "person"
ORGANISATION = "organisation"
RECORDS = (PERSON, ORGANISATION)
EVERYBODY = "*"


class FieldDefinition(Base):
    """One field of customers (`person`) or of organisations.

    Attributes:
        labels, help: by locale.
        choices: `{"value", "labels"}` each, for the types that choose.
        position: order on the form, low first.
        shown_to_customer: the customer may read it in the own profile.
        archived_at: since then it is neither shown nor written; its values stay.
    """

    __tablename__ = "crm_field"
    __table_args__ = (UniqueConstraint("record", "key"),)

    id: Mapped[Id]
    record: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(50))
    type: Mapped[str] = mapped_column(String(20))
    labels: Mapped[dict[str, Any]]
    help: Mapped[dict[str, Any]]
    choices: Mapped[list[dict[str, Any]]]
    required: Mapped[bool] = mapped_column(default=False)
    shown_to_customer: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int]
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        return {
            "record": self.record,
            "key": self.key,
            "type": self.type,
            "labels": dict(self.labels),
            "help": dict(self.help),
            "choices": list(self.choices),
            "required": self.required,
            "shown_to_customer": self.shown_to_customer,
            "position": self.position,
            "archived": self.archived_at is not None,
        }


class FieldRule(Base):
    """Which roles may see a field, and which may change it; no row, no restriction.

    Attributes:
        field: a built-in field such as `email`, or `fields.<key>`.
        see_roles, change_roles: names of roles; `["*"]` stands for everybody who may see, or
            change, such records at all.
    """

    __tablename__ = "crm_field_rule"
    __table_args__ = (UniqueConstraint("record", "field"),)

    id: Mapped[Id]
    record: Mapped[str] = mapped_column(String(20))
    field: Mapped[str] = mapped_column(String(60))
    see_roles: Mapped[list[str]]
    change_roles: Mapped[list[str]]


def values_index(table: str) -> Index:
    """The index over a table's values of custom fields.

    SQLite has none for documents; there it covers no row, and costs nothing.
    """
    return Index(
        f"ix_{table}_fields",
        "fields",
        postgresql_using="gin",
        postgresql_ops={"fields": "jsonb_path_ops"},
        sqlite_where=text("false"),
    )
