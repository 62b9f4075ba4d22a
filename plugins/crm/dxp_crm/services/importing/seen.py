"""Which values a pass over a file has met already, kept on disk so that memory stays flat."""

from __future__ import annotations

import hashlib
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

CACHE_KIB = 8_000


class Seen:
    """The first row of each value, in a scratch file of SQLite's that nobody has to delete."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def firsts(self, values: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str], int]:
        """Note (row, field, value) triples; where a value was met before, the row that had it.

        Values are compared as names of customers are: NFKC, trimmed, e-mail without case.
        """
        keys = [(_digest(field, value), row) for row, field, value in values]
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", keys)
        self._connection.execute("COMMIT")
        found: dict[tuple[int, str], int] = {}
        for (row, field, _value), (key, _row) in zip(values, keys, strict=True):
            query = "SELECT row FROM seen WHERE key = ?"
            (first,) = self._connection.execute(query, (key,)).fetchone()
            if first < row:
                found[row, field] = first
        return found


@contextmanager
def scratch() -> Iterator[Seen]:
    """An empty memory for one pass."""
    # An empty name is SQLite's own temporary file, which goes with the connection.
    connection = sqlite3.connect("", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID"
        )
        yield Seen(connection)
    finally:
        connection.close()


def _digest(field: str, value: str) -> bytes:
    text = unicodedata.normalize("NFKC", value).strip()
    if field == "email":
        text = text.casefold()
    return hashlib.blake2b(f"{field}\x00{text}".encode(), digest_size=16).digest()
