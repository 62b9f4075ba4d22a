"""The database: base class, types, sessions."""

from dxp.db.base import Base, BigId, BigIdType, Id, JsonType, Points, UtcDateTime, in_utc, uuid7
from dxp.db.engine import Database, dialect_insert

__all__ = [
    "Base",
    "BigId",
    "BigIdType",
    "Database",
    "Id",
    "JsonType",
    "Points",
    "UtcDateTime",
    "dialect_insert",
    "in_utc",
    "uuid7",
]
