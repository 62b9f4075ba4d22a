"""Bringing a backup back: checked as a whole first, then swapped in, the old state kept."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from dxp.db.archive import Stored, extract
from dxp.db.backup import (
    DATABASE,
    FILES,
    FOLDER,
    FORMAT,
    MANIFEST,
    TEMPORARY,
    Manifest,
    database_file,
    fingerprint,
    integrity_fault,
)
from dxp.errors import ConfigurationError
from dxp.settings.model import Settings
from dxp.settings.secret import FILE_NAME as SECRET_FILE

RESTORING, BEFORE_RESTORE, _ = TEMPORARY


def restore_backup(
    settings: Settings,
    archive: Path,
    *,
    at: datetime,
    force: bool = False,
    accept_other_secret: bool = False,
) -> tuple[Manifest, Path | None]:
    """Replace the data of this installation by that of a backup.

    Everything is unpacked beside the data and checked against its checksums; only then are files
    moved, and moved back if one of the moves fails. What was there is kept in a folder.

    Args:
        force: also replace an installation that has data. One that runs is never replaced.
        accept_other_secret: also when the backup was made under another secret key.

    Returns:
        the manifest, and the folder of the former state if there was any.

    Raises:
        ConfigurationError: the backup or the installation is not fit; nothing was changed.
    """
    database = database_file(settings)
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_running(database)
    former = _entries(folder, database)
    if former and not force:
        raise ConfigurationError(
            f"{folder} has data already, which the backup would replace.\n"
            "Restore into an empty folder (DXP_DATA_DIR), or replace it with --force: the former "
            "state is kept in a folder beside the new one."
        )
    staging = folder / f"{RESTORING}{os.getpid()}"
    try:
        manifest = _unpack(archive, staging)
        _check_secret(settings, manifest, staging, accept=accept_other_secret)
        kept = folder / f"{BEFORE_RESTORE}{at:%Y%m%dT%H%M%SZ}" if former else None
        _swap(folder, staging, database, former=former, kept=kept)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest, kept


def _unpack(archive: Path, staging: Path) -> Manifest:
    if not archive.is_file():
        raise ConfigurationError(f"There is no file {archive}.\nMend the name of the backup.")
    written = extract(archive, staging)
    if MANIFEST not in written:
        raise ConfigurationError(
            f"{archive} is no backup of dxp: it has no {MANIFEST}.\n"
            "Name one that `dxp backup` made."
        )
    manifest = _read_manifest(archive, staging / MANIFEST)
    found = {name: stored for name, stored in written.items() if name != MANIFEST}
    wrong = sorted(
        name
        for name in {*found, *manifest.files}
        if found.get(name) != manifest.files.get(name)
        or (name != DATABASE and not name.startswith(FILES))
    )
    if wrong or DATABASE not in found:
        listed = ", ".join(wrong[:5]) or DATABASE
        raise ConfigurationError(
            f"{archive} is not what was written: {listed} is missing or does not have its "
            "checksum.\nThe file was damaged or changed. Take another backup."
        )
    fault = integrity_fault(staging / DATABASE)
    if fault is not None:
        raise ConfigurationError(
            f"The database in {archive} is damaged: {fault}.\nTake another backup."
        )
    return manifest


def _read_manifest(archive: Path, path: Path) -> Manifest:
    try:
        values = json.loads(path.read_bytes())
        if values["format"] != FORMAT:
            raise ConfigurationError(
                f"{archive} has format {values['format']}, and this dxp reads format {FORMAT}.\n"
                f"Restore it with dxp {values.get('dxp', 'of that time')}."
            )
        files = {name: Stored(**stored) for name, stored in values.pop("files").items()}
        return Manifest(**values, files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"The {MANIFEST} in {archive} cannot be read.\nTake another backup."
        ) from error


def _check_secret(settings: Settings, manifest: Manifest, staging: Path, *, accept: bool) -> None:
    """The restored rows make sense under the secret they were written under, and no other."""
    own = settings.data_dir / SECRET_FILE
    kept_in_file = settings.origins.get("secret_key") == str(own)
    brought = staging / FILES / SECRET_FILE
    if brought.exists() and kept_in_file:
        return
    if fingerprint(settings) == manifest.secret_fingerprint or accept:
        brought.unlink(missing_ok=True)
        return
    remedy = (
        f"Put the old installation's {SECRET_FILE} into {settings.data_dir}"
        if kept_in_file
        else "Set DXP_SECRET_KEY to the old installation's key"
    )
    raise ConfigurationError(
        "The backup was made under another secret key than this installation has. Customers could "
        "not be found by e-mail or number any more, second factors and queued mails could not be "
        f"read, and everybody would have to sign in again.\n{remedy}; or accept these losses with "
        "--other-secret."
    )


def _refuse_running(database: Path) -> None:
    """Only who is alone with a database may take it out of WAL mode; that is how to find out."""
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0.5)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        raise ConfigurationError(
            f"dxp is running on {database}: {error}.\n"
            "Its data cannot be replaced under it. Stop the server and all workers first."
        ) from error
    except sqlite3.DatabaseError:
        # It is no database any more; restoring is the cure.
        return


def _entries(folder: Path, database: Path) -> list[Path]:
    """What makes an installation, as opposed to its key, its backups and its locks."""
    apart = {FOLDER, SECRET_FILE, f"{database.name}.migrating"}
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.name not in apart and not path.name.startswith(TEMPORARY)
    ]
    outside = [database.with_name(database.name + end) for end in ("", "-wal", "-shm")]
    found += [path for path in outside if path.parent != folder and path.exists()]
    return found


def _swap(
    folder: Path, staging: Path, database: Path, *, former: list[Path], kept: Path | None
) -> None:
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, target: Path) -> None:
        shutil.move(source, target)
        moved.append((source, target))

    try:
        if kept is not None:
            kept.mkdir(mode=0o700)
            for path in former:
                move(path, kept / path.name)
            if (folder / SECRET_FILE).exists():
                shutil.copy2(folder / SECRET_FILE, kept / SECRET_FILE)
        files = staging / FILES
        for path in sorted(files.iterdir()) if files.is_dir() else []:
            target = folder / path.name
            if path.name == SECRET_FILE:
                path.replace(target)
            else:
                move(path, target)
        # The database comes last: with it the installation is whole.
        move(staging / DATABASE, database)
    except BaseException:
        for source, target in reversed(moved):
            shutil.move(target, source)
        if kept is not None:
            if (kept / SECRET_FILE).exists():
                (kept / SECRET_FILE).replace(folder / SECRET_FILE)
            kept.rmdir()
        raise
