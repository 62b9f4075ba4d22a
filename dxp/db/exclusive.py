"""One process at a time changes tables."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

# "dxp" and "migr" in ASCII: any number will do that nothing else in the database uses.
_LOCK_NUMBER = 0x647870_6D696772
_POLL_SECONDS = 0.2


@contextmanager
def migrating_alone(engine: Engine, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of migrations; wait for whoever has it, after calling `waiting` once.

    PostgreSQL keeps the lock in its session, SQLite beside the database file, so that either
    lets go of it when the process dies.
    """
    if engine.dialect.name == "postgresql":
        yield from _in_postgresql(engine, waiting)
    elif engine.url.database in (None, "", ":memory:"):
        yield
    else:
        yield from _beside_file(Path(str(engine.url.database)), waiting)


def _in_postgresql(engine: Engine, waiting: Callable[[], None]) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ask = f"SELECT pg_try_advisory_lock({_LOCK_NUMBER})"
        _wait(lambda: bool(connection.exec_driver_sql(ask).scalar()), waiting)
        try:
            yield
        finally:
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK_NUMBER})")


def _beside_file(database: Path, waiting: Callable[[], None]) -> Iterator[None]:
    with database.with_name(f"{database.name}.migrating").open("w") as lock:

        def taken() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        _wait(taken, waiting)
        yield


def _wait(take: Callable[[], bool], waiting: Callable[[], None]) -> None:
    told = False
    while not take():
        if not told:
            waiting()
            told = True
        time.sleep(_POLL_SECONDS)
