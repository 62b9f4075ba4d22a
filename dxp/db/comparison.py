"""Comparing models with a database: what belongs to an owner, and how types are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, inspect
from sqlalchemy.types import TypeDecorator

from dxp.db.base import Base, JsonType, UtcDateTime
from dxp.db.owners import VERSION_TABLE, Owner, owner_of_table


def comparison_options(
    connection: Connection, owner: Owner, owners: Sequence[Owner]
) -> dict[str, Any]:
    """Alembic's options that keep its view to the tables of `owner`.

    Args:
        owners: all that are known, because the prefix of one may begin with that of another.
    """
    is_own = _ownership(connection, owner, owners)

    def include_name(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or (name is not None and is_own(name))

    def include_object(
        item: Any, name: str | None, kind: str, _reflected: bool, _other: Any
    ) -> bool:
        table = name if kind == "table" else getattr(getattr(item, "table", None), "name", None)
        return table is None or is_own(table)

    return {
        "target_metadata": Base.metadata,
        "include_name": include_name,
        "include_object": include_object,
        "compare_type": True,
        "compare_server_default": True,
        "render_as_batch": True,
        "render_item": _render,
    }


def _ownership(
    connection: Connection, owner: Owner, owners: Sequence[Owner]
) -> Callable[[str], bool]:
    names = inspect(connection).get_table_names()
    known = [*owners, owner]
    registered = {item.name for item in known} | {"core"}
    # A removed plugin's tables may begin with another's prefix; its version table tells of it.
    known += [
        Owner(name=name, prefix=f"{name}_", versions=None)
        for name in (table.removeprefix(VERSION_TABLE) for table in names if _is_version(table))
        if name not in registered
    ]
    engines = _tables_of_engines(connection)

    def is_own(table: str) -> bool:
        best = owner_of_table(table, known)
        return best is not None and best.name == owner.name and table not in engines

    return is_own


def _is_version(table: str) -> bool:
    return table.startswith(VERSION_TABLE)


def _tables_of_engines(connection: Connection) -> frozenset[str]:
    """SQLite's virtual tables and their shadows, which only a migration's own SQL can describe."""
    if connection.dialect.name != "sqlite":
        return frozenset()
    rows = connection.exec_driver_sql("PRAGMA table_list")
    return frozenset(row.name for row in rows if row.type in ("virtual", "shadow"))


def _render(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Write types as SQLAlchemy's own, so that a migration does not hang on today's classes."""
    if kind != "type":
        return False
    if isinstance(item, type(JsonType)):
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


def describe_difference(difference: Any) -> str:
    """One of alembic's findings in words."""
    if isinstance(difference, list):
        return "; ".join(describe_difference(item) for item in difference)
    kind, *parts = difference
    match kind:
        case "add_table":
            return f"table {parts[0].name} is in the models, not in the database"
        case "remove_table":
            return f"table {parts[0].name} is in the database, not in the models"
        case "add_column":
            return f"column {parts[1]}.{parts[2].name} is in the models, not in the database"
        case "remove_column":
            return f"column {parts[1]}.{parts[2].name} is in the database, not in the models"
        case _ if kind.startswith("modify_"):
            table, column, _existing, held, wanted = parts[1:6]
            what = kind.removeprefix("modify_")
            return (
                f"{what} of {table}.{column} is {held!r} in the database, {wanted!r} in the models"
            )
        case _:
            item = parts[0]
            where = "models, not in the database" if kind.startswith("add_") else "database only"
            what = kind.partition("_")[2]
            table = getattr(getattr(item, "table", None), "name", "?")
            return f"{what} {item.name} of {table} is in the {where}"
