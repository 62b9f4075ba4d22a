"""Rows of a plugin's tables as JSON lines, before the tables go."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData, inspect, select

if TYPE_CHECKING:
    from dxp.db.owners import Owner
    from dxp.platform import Platform

_BATCH = 1000


def export_tables(
    platform: Platform, owner: Owner, owners: Sequence[Owner]
) -> tuple[Path, dict[str, int]]:
    """Write one file a table below `exports` in the data folder, all of one moment.

    Returns:
        the folder, and the number of rows by table.
    """
    from dxp.db.owners import owner_of_table

    moment = platform.clock.wall().strftime("%Y%m%dT%H%M%SZ")
    folder = platform.settings.data_dir / "exports" / f"{owner.name}-{moment}"
    folder.mkdir(parents=True, mode=0o700)
    counts: dict[str, int] = {}
    with platform.db.read() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        names = inspect(connection).get_table_names()
        own = [name for name in names if owner_of_table(name, owners) == owner]
        found = MetaData()
        found.reflect(connection, only=own, resolve_fks=False)
        for table in found.sorted_tables:
            counts[table.name] = 0
            with (folder / f"{table.name}.jsonl").open("w", encoding="utf-8") as file:
                rows = connection.execution_options(yield_per=_BATCH).execute(select(table))
                for row in rows.mappings():
                    file.write(json.dumps(dict(row), default=_plain, ensure_ascii=False) + "\n")
                    counts[table.name] += 1
    return folder, counts


def _plain(value: Any) -> Any:
    match value:
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case uuid.UUID() | decimal.Decimal():
            return str(value)
        case bytes() | memoryview():
            return base64.b64encode(bytes(value)).decode("ascii")
        case dt.timedelta():
            return value.total_seconds()
        case _:
            raise TypeError(f"{type(value).__name__} cannot be exported as JSON")
