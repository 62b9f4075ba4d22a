"""Counting statements and rows, so that a test notices what grows with the table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dxp.platform import Platform

_HOUSEKEEPING = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


@dataclass
class Queries:
    """Statements in the order in which they ran; transaction control is left out."""

    statements: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.statements)

    def __str__(self) -> str:
        return "\n".join(f"{n}. {text}" for n, text in enumerate(self.statements, start=1))


@contextmanager
def count_queries(platform: Platform) -> Iterator[Queries]:
    """Collect the statements that run in the block, on any thread."""
    queries = Queries()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.lstrip().upper().startswith(_HOUSEKEEPING):
            queries.statements.append(" ".join(statement.split()))

    event.listen(platform.db.engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        event.remove(platform.db.engine, "before_cursor_execute", note)


@dataclass
class Work:
    """What a database did in a block.

    Attributes:
        count: on PostgreSQL rows that were read, by whatever plan; on SQLite, which keeps no such
            count, steps of its virtual machine, of which each row takes some.
    """

    count: int = 0


@contextmanager
def rows_touched(session: Session) -> Iterator[Work]:
    """Count the rows that statements of `session` touch in the block.

    Compare two counts with each other, never one with a number: they differ between databases and
    versions. PostgreSQL gets the statistics that it would have by itself after a while, and is kept
    from reading a whole table where an index would do, as it likes to do with small ones.
    """
    work = Work()
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        session.execute(text("ANALYZE"))
        session.execute(text("SET LOCAL enable_seqscan = off"))
        before = session.scalar(_READ)
        yield work
        session.flush()
        work.count = int(session.scalar(_READ) or 0) - int(before or 0)
        return

    def step() -> int:
        work.count += 1
        return 0

    raw: Any = connection.connection.dbapi_connection
    raw.set_progress_handler(step, 1)
    try:
        yield work
        session.flush()
    finally:
        raw.set_progress_handler(None, 0)


_READ = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")
