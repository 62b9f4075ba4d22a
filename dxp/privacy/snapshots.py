"""A row as JSON-ready data and back, for what undoing a merge has to restore."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Date, Uuid

from dxp.db import Base, UtcDateTime

Row = TypeVar("Row", bound=Base)


def snapshot_of(row: Base) -> dict[str, Any]:
    """All columns of a row, by name."""
    return {column.key: plain(getattr(row, column.key)) for column in row.__table__.columns}


def restored(model: type[Row], snapshot: Mapping[str, Any]) -> Row:
    """A new row from its snapshot; columns that the model no longer has are left out."""
    values = {
        column.key: _parsed(column.type, snapshot[column.key])
        for column in model.__table__.columns
        if column.key in snapshot
    }
    return model(**values)


def plain(value: Any) -> Any:
    """A column's value as JSON has it."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _parsed(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    return uuid.UUID(value) if isinstance(kind, Uuid) else value
