"""Backups of the embedded default: one file with the database and the data folder."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy.engine import make_url

from dxp.db.archive import ArchiveWriter, Stored, writer_for
from dxp.db.engine import normalise_url
from dxp.db.owners import VERSION_TABLE
from dxp.errors import ConfigurationError
from dxp.settings.model import Settings
from dxp.settings.secret import FILE_NAME as SECRET_FILE

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database.sqlite3"
FILES = "files/"
FOLDER = "backups"
# Left behind by a restore, or in the making; none of it is data.
TEMPORARY = (".restoring-", ".before-restore-", ".backup-")
_STEP_PAGES = 2048
_PURPOSE = "backup-fingerprint"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds.

    Attributes:
        revisions: how far each owner's migrations had come.
        secret_fingerprint: tells whether another installation has the same secret key, and
            nothing about the key.
        files: by name in the archive.
    """

    format: int
    dxp: str
    created_at: str
    revisions: Mapping[str, str]
    secret_fingerprint: str
    with_secret: bool
    files: Mapping[str, Stored]

    def as_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2, sort_keys=True).encode()


def fingerprint(settings: Settings) -> str:
    """Tells two secret keys apart."""
    return settings.secret(_PURPOSE).hex()[:16]


def database_file(settings: Settings) -> Path:
    """The file of the embedded database.

    Raises:
        ConfigurationError: the database is PostgreSQL, or lives in memory.
    """
    url = make_url(normalise_url(settings.database.url, folder=settings.data_dir))
    if url.get_backend_name() != "sqlite":
        shown = url.set(drivername="postgresql").render_as_string()
        raise ConfigurationError(
            "The database is PostgreSQL, and its own tools back it up better than dxp could.\n"
            f"Use: pg_dump --format=custom --file=dxp.dump '{shown}'\n"
            f"and pg_restore to bring it back. Copy {settings.data_dir} beside it, and keep "
            "DXP_SECRET_KEY in a safe place."
        )
    if url.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "The database lives in memory, so there is nothing to back up or to restore.\n"
            "Name a file: database.url = 'sqlite:///dxp.sqlite3'"
        )
    return Path(str(url.database))


def write_backup(
    settings: Settings,
    target: Path,
    *,
    version: str,
    at: datetime,
    with_secret: bool = False,
    progress: Progress = lambda _what, _done, _total: None,
) -> Manifest:
    """Write a backup while dxp runs. The archive appears whole or not at all, for its owner only.

    Args:
        target: must not exist; its name ends in .tar.gz or .zip.
        version: of dxp.
        with_secret: include the secret key. Whoever has such a file can sign in as anybody.
        progress: called with what is being saved, and how much of how much is done.

    Raises:
        ConfigurationError: there is no embedded database, or the target cannot be used.
    """
    database = database_file(settings)
    if not database.is_file():
        raise ConfigurationError(
            f"There is no database {database} yet, so there is nothing to back up.\n"
            "Make it with: dxp db upgrade"
        )
    if target.exists():
        raise ConfigurationError(
            f"{target} exists already, and a backup never overwrites anything.\n"
            "Name another file, or move that one away."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    files: dict[str, Stored] = {}
    with _new_file(target) as file, _snapshot(database, target.parent, progress) as copy:
        writer = writer_for(target, file)
        with copy.open("rb") as source:
            files[DATABASE] = _add(writer, DATABASE, source)
        found = list(_data_files(settings, database, leave_out={target}, with_secret=with_secret))
        for number, path in enumerate(found, start=1):
            name = FILES + path.relative_to(settings.data_dir).as_posix()
            try:
                with path.open("rb") as source:
                    files[name] = _add(writer, name, source)
            except FileNotFoundError:
                # Deleted since the folder was listed; then the database knows it no more either.
                continue
            progress("files", number, len(found))
        manifest = Manifest(
            format=FORMAT,
            dxp=version,
            created_at=at.isoformat(),
            revisions=_revisions(copy),
            secret_fingerprint=fingerprint(settings),
            with_secret=FILES + SECRET_FILE in files,
            files=files,
        )
        content = manifest.as_json()
        writer.add(MANIFEST, io.BytesIO(content), size=len(content), mode=0o600)
        writer.close()
    return manifest


def integrity_fault(database: Path) -> str | None:
    """What is wrong inside a database file; None when nothing is."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    if found != ["ok"]:
        return "; ".join(found)
    return None if broken is None else f"{broken[0]} refers to a missing row of {broken[2]}"


@contextmanager
def _new_file(target: Path) -> Iterator[IO[bytes]]:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # A link refuses an existing name, where a rename would replace it.
        target.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _snapshot(database: Path, folder: Path, progress: Progress) -> Iterator[Path]:
    """A copy of the database as of one moment, made while others write to it."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY[2], dir=folder) as scratch:
        copy = Path(scratch) / DATABASE
        with (
            closing(sqlite3.connect(database, isolation_level=None)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            # An open read transaction holds the moment still; without it the copy would begin
            # again whenever somebody writes.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(
                target,
                pages=_STEP_PAGES,
                progress=lambda _status, left, total: progress("database", total - left, total),
            )
            source.execute("ROLLBACK")
            # One file, without a log beside it.
            target.execute("PRAGMA journal_mode=DELETE")
        fault = integrity_fault(copy)
        if fault is not None:
            raise ConfigurationError(
                f"The database {database} is damaged: {fault}.\n"
                "No backup was written, so that no good one is replaced by a bad one. Restore the "
                "last good one."
            )
        yield copy


def _data_files(
    settings: Settings, database: Path, *, leave_out: set[Path], with_secret: bool
) -> Iterator[Path]:
    folder = settings.data_dir
    beside = {database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm")}
    skipped = beside | {database.with_name(f"{database.name}.migrating")} | leave_out
    if not with_secret:
        skipped.add(folder / SECRET_FILE)
    for path in sorted(folder.rglob("*")):
        top = path.relative_to(folder).parts[0]
        if top == FOLDER or top.startswith(TEMPORARY) or path in skipped:
            continue
        if path.is_file() and not path.is_symlink():
            yield path


def _add(writer: ArchiveWriter, name: str, source: IO[bytes]) -> Stored:
    state = os.fstat(source.fileno())
    return writer.add(name, source, size=state.st_size, mode=state.st_mode & 0o777)


def _revisions(database: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?"
        tables = connection.execute(query, (f"{VERSION_TABLE}*",)).fetchall()
        for (table,) in tables:
            row: Any = connection.execute(f'SELECT version_num FROM "{table}"').fetchone()  # noqa: S608
            if row is not None:
                found[table.removeprefix(VERSION_TABLE)] = row[0]
    return found
