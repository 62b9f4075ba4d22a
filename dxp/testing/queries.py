"""Counting statements, so that a test notices when a list asks once for each row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
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
