"""Lists of customers that staff keep by name."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class SavedView(Base):
    """Which customers to list, with which columns, in which order.

    Attributes:
        owner_key: whoever made it, and may change it.
        shared: others see it too.
        text: part of name, number, e-mail or phone.
        condition: in the language of conditions; `{}` holds for everybody.
        columns: names of fields; custom ones are `fields.<key>`.
        sort: the column by which they are sorted, with `-` before it for descending.
    """

    __tablename__ = "crm_view"
    __table_args__ = (Index(None, "owner_key"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(100))
    owner_key: Mapped[str] = mapped_column(String(100))
    owner_label: Mapped[str] = mapped_column(String(200))
    shared: Mapped[bool]
    text: Mapped[str] = mapped_column(String(200))
    condition: Mapped[dict[str, Any]]
    columns: Mapped[list[str]]
    sort: Mapped[str] = mapped_column(String(120), server_default="-created_at")
    created_at: Mapped[datetime]

    def snapshot(self) -> dict[str, Any]:
        """The fields that the audit log compares."""
        names = ("name", "shared", "text", "condition", "columns", "sort")
        return {name: getattr(self, name) for name in names}


class DefaultView(Base):
    """The view with which a member of staff begins, instead of the list of all customers."""

    __tablename__ = "crm_view_default"

    owner_key: Mapped[str] = mapped_column(String(100), primary_key=True)
    view_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("crm_view.id", ondelete="CASCADE"), index=True
    )
