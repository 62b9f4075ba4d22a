"""The declarative base, column types and identifiers that every model uses."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, Date, DateTime, Integer, MetaData, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry
from sqlalchemy.types import TypeDecorator
from uuid_utils import compat as uuid_compat

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def uuid7() -> uuid.UUID:
    """A new time-ordered identifier (RFC 9562, version 7)."""
    return uuid_compat.uuid7()


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: it is naive, so nobody knows which moment it is.
    """
    if moment.tzinfo is None:
        raise ValueError(
            f"{moment!r} has no time zone, so its moment is unknown; "
            "pass an aware datetime, such as clock.now()"
        )
    return moment.astimezone(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always aware and always UTC, on either database.

    A naive datetime is refused when it is bound: guessing its zone is how a birthday gift gets
    lost.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonType = JSON().with_variant(JSONB(), "postgresql")
# SQLite gives an autoincrementing key only to a column that is literally INTEGER.
BigIdType = BigInteger().with_variant(Integer(), "sqlite")

Id = Annotated[uuid.UUID, mapped_column(primary_key=True, default=uuid7)]
BigId = Annotated[int, mapped_column(BigIdType, primary_key=True, autoincrement=True)]
Points = Annotated[int, mapped_column(BigInteger)]


class Base(DeclarativeBase):
    """Base of all models. A table's name starts with its owner's prefix (`dxp_`, `crm_`, …)."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UtcDateTime(),
            date: Date(),
            uuid.UUID: Uuid(),
            dict[str, Any]: JsonType,
            list[Any]: JsonType,
            list[str]: JsonType,
            list[dict[str, Any]]: JsonType,
        },
    )
