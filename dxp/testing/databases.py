"""Scratch databases: made once in a worker, clean again before each test.

SQLite: a migrated file is the template, and each test gets a copy. PostgreSQL: a scratch database
is emptied after each test, which takes a fraction of what making one takes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError

from dxp.db.owners import VERSION_TABLE
from dxp.testing.services import missing

Prepare = Callable[[str], None]
_SEED = "dxp_test_seed"
_FOLDER = "dxp-test-"
_MUCH = 1 << 19
# With the machine's name, because only there a process id says who is alive.
_OURS = f"dxp_test_{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]}_"


@dataclass(kw_only=True)
class Scratch:
    """A database that one test has to itself."""

    url: str
    key: Hashable
    seeded: tuple[str, ...] = field(default=())


class Databases(ABC):
    """Lends migrated, empty databases."""

    @abstractmethod
    def lend(self, key: Hashable, prepare: Prepare) -> Scratch:
        """A clean database.

        Args:
            key: databases of the same key have the same tables.
            prepare: makes the tables in the database at a URL.
        """

    @abstractmethod
    def blank(self) -> str:
        """The URL of a database without any table."""

    @abstractmethod
    def take_back(self, scratch: Scratch) -> None:
        """Clean it for the next test; nothing may be connected to it any more."""

    @abstractmethod
    def close(self) -> None:
        """Leave nothing behind."""


class SqliteDatabases(Databases):
    """Files in a folder of the worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._templates: dict[Hashable, Path] = {}
        self._count = 0

    def lend(self, key: Hashable, prepare: Prepare) -> Scratch:
        template = self._templates.get(key)
        if template is None:
            template = self._folder / f"template-{len(self._templates)}.sqlite3"
            prepare(f"sqlite:///{template}")
            _fold_log(template)
            self._templates[key] = template
        copy = self._next()
        shutil.copyfile(template, copy)
        return Scratch(url=f"sqlite:///{copy}", key=key)

    def blank(self) -> str:
        return f"sqlite:///{self._next()}"

    def take_back(self, scratch: Scratch) -> None:
        file = Path(str(make_url(scratch.url).database))
        for leftover in file.parent.glob(f"{file.name}*"):
            leftover.unlink(missing_ok=True)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _next(self) -> Path:
        self._count += 1
        return self._folder / f"test-{self._count}.sqlite3"


class PostgresDatabases(Databases):
    """Databases of the server at `url`, named dxp_test_…, dropped when the worker ends."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        if self._url.drivername in ("postgres", "postgresql"):
            self._url = self._url.set(drivername="postgresql+psycopg")
        self._made: list[str] = []
        self._free: dict[Hashable, list[Scratch]] = {}
        self._server = create_engine(self._url, isolation_level="AUTOCOMMIT")

    def lend(self, key: Hashable, prepare: Prepare) -> Scratch:
        free = self._free.setdefault(key, [])
        if free:
            return free.pop()
        scratch = Scratch(url=self.blank(), key=key)
        prepare(scratch.url)
        self._with(scratch.url, _leave_alone)
        scratch.seeded = self._with(scratch.url, _keep_seeds)
        return scratch

    def blank(self) -> str:
        name = f"{_OURS}{os.getpid()}_{uuid.uuid4().hex[:8]}"
        try:
            with self._server.connect() as connection:
                if not self._made:
                    _drop_orphans(connection)
                connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
                # A test database need not survive a power cut, and waits far less this way.
                connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        except OperationalError:
            missing("PostgreSQL", variable="DXP_TEST_DATABASE")
        self._made.append(name)
        return _shown(self._url.set(database=name))

    def take_back(self, scratch: Scratch) -> None:
        self._with(scratch.url, lambda connection: _empty(connection, scratch.seeded))
        self._free[scratch.key].append(scratch)

    def close(self) -> None:
        if self._made:
            with self._server.connect() as connection:
                for name in self._made:
                    _drop(connection, name)
        self._server.dispose()

    @staticmethod
    def _with(url: str, work: Callable[[Connection], Any]) -> Any:
        engine = create_engine(url)
        try:
            with engine.begin() as connection:
                return work(connection)
        finally:
            engine.dispose()


def databases_for(url: str | None, folder: Path) -> Databases:
    """PostgreSQL when a URL of it is given, else SQLite in `folder`."""
    return PostgresDatabases(url) if url else SqliteDatabases(folder)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for the test run; in memory where the system has some, since disks make one wait."""
    memory = Path("/dev/shm")  # noqa: S108
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for left in parent.glob(f"{_FOLDER}*"):
        if not _is_alive(left.name.removeprefix(_FOLDER).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_FOLDER}{os.getpid()}-", dir=parent) as folder:
        yield Path(folder)


def _drop_orphans(connection: Connection) -> None:
    """Drop what runs on this machine left behind that were killed."""
    names = connection.exec_driver_sql("SELECT datname FROM pg_database").scalars().all()
    for name in names:
        if name.startswith(_OURS) and not _is_alive(name.removeprefix(_OURS).partition("_")[0]):
            _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _is_alive(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        # Another user's, or no name of ours: either way not ours to clear away.
        return True
    return True


def _fold_log(file: Path) -> None:
    """Put the write-ahead log into the file, so that copying the file copies everything."""
    engine: Engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def _tables(connection: Connection) -> dict[str, bool]:
    """Tables, but for those that tell the version; and whether one is large or was analysed."""
    rows = connection.exec_driver_sql(
        "SELECT relname, pg_relation_size(oid), reltuples FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return {
        name: size > _MUCH or estimate >= 0
        for name, size, estimate in rows
        if not name.startswith(VERSION_TABLE)
    }


def _leave_alone(connection: Connection) -> None:
    """Keep the server from analysing tables while a test runs, which would change its plans."""
    listed = [
        f'ALTER TABLE "{name}" SET (autovacuum_enabled = false)' for name in _tables(connection)
    ]
    if listed:
        connection.exec_driver_sql("; ".join(listed))


def _keep_seeds(connection: Connection) -> tuple[str, ...]:
    """Set aside the rows that migrations themselves write, to put them back after a test."""
    connection.exec_driver_sql(f"CREATE SCHEMA {_SEED}")
    seeded = []
    for name in _tables(connection):
        if connection.exec_driver_sql(f'SELECT EXISTS (SELECT 1 FROM "{name}")').scalar():
            connection.exec_driver_sql(f'CREATE TABLE {_SEED}."{name}" AS SELECT * FROM "{name}"')
            seeded.append(name)
    return tuple(seeded)


def _empty(connection: Connection, seeded: tuple[str, ...]) -> None:
    """Take out what a test left.

    Rows are deleted: a test leaves a few in a dozen tables, and to truncate these makes new files
    for them, their indexes and all that refers to them, half a second's work. Truncated is what
    is large, and what was analysed, because the planner would go on believing it. Only a superuser
    may delete regardless of references; for others everything is truncated.
    """
    tables = _tables(connection)
    if not tables:
        return
    asked = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in tables
    )
    used = set(connection.exec_driver_sql(asked).scalars()) | set(seeded)
    free = connection.exec_driver_sql("SELECT current_setting('is_superuser') = 'on'").scalar()
    anew = {name for name, stale in tables.items() if stale or (name in used and not free)}
    done = []
    if anew:
        listed = ", ".join(f'"{name}"' for name in sorted(anew))
        done.append(f"TRUNCATE {listed} CASCADE")
    if free:
        done.append("SET LOCAL session_replication_role = replica")
        done += [f'DELETE FROM "{name}"' for name in sorted(used - anew)]
    done += [f'INSERT INTO "{name}" SELECT * FROM {_SEED}."{name}"' for name in seeded]
    done.append(
        "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence "
        "WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"
    )
    connection.exec_driver_sql("; ".join(done))


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)
