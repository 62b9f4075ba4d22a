"""Sessions over one engine: reads that cannot write, writes that cannot be lost.

SQLite's own default begins a transaction as a reader and upgrades on the first write, which
fails or loses updates under concurrency; so transactions are begun by hand here: IMMEDIATE
for writes, DEFERRED for reads, which need no lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

BUSY_TIMEOUT_MS = 15_000
_CALLBACKS = "dxp_after_commit"


class ReadOnlySession(Session):
    """A session for reading; a flush with changes is a programming error and says so."""

    read_only = True

    def flush(self, objects: Any = None) -> None:
        if self.new or self.dirty or self.deleted:
            raise RuntimeError(
                "a read session was asked to write; its changes would be dropped; "
                "open db.write() instead"
            )
        super().flush(objects)


class Database:
    """One database: SQLite for the embedded default, PostgreSQL when grown.

    Args:
        engine: made by Flask-SQLAlchemy from the settings; `prepare_engine` has seen it.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._read_engine = engine.execution_options(dxp_read=True)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one snapshot and changes nothing."""
        with ReadOnlySession(self._read_engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back on any error."""
        with Session(self.engine, expire_on_commit=False) as session:
            with session.begin():
                yield session
            for callback in session.info.pop(_CALLBACKS, ()):
                callback()

    def after_commit(self, session: Session, callback: Callable[[], None]) -> None:
        """Run `callback` once the transaction of `session` is committed; never if it is not."""
        session.info.setdefault(_CALLBACKS, []).append(callback)

    @contextmanager
    def savepoint(self, session: Session) -> Iterator[None]:
        """A part of the transaction that an error undoes alone, its callbacks included."""
        callbacks = list(session.info.get(_CALLBACKS, ()))
        try:
            with session.begin_nested():
                yield
        except BaseException:
            session.info[_CALLBACKS] = callbacks
            raise

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def dialect_insert(session: Session, table: type[Any] | Table) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update` on both databases.

    Ask for `.returning(...)` and look at the rows: `rowcount` lies for skipped rows.
    """
    return insert_for(session.get_bind().dialect.name, table)


def insert_for(dialect: str, table: type[Any] | Table) -> Any:
    """`dialect_insert` for a dialect by name, for statements that are made once."""
    return postgresql_insert(table) if dialect == "postgresql" else sqlite_insert(table)


def prepare_engine(engine: Engine) -> None:
    """Attach the connection rules to a fresh engine, before its first connection."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begin)


def normalise_url(url: str, *, folder: Path) -> str:
    """The URL to connect to: psycopg 3 for PostgreSQL, an absolute file for SQLite.

    A relative SQLite path is taken from `folder`, so that it does not hang on the directory in
    which the process happens to start.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        path = (folder / str(parsed.database)).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        parsed = parsed.set(database=str(path))
    return parsed.render_as_string(hide_password=False)


def _sqlite_connected(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("dxp_read", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reading else "BEGIN IMMEDIATE")
