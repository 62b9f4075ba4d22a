"""A backup is of one moment whatever is written meanwhile; a restore happens wholly or not."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dxp.db import backup as backup_module
from dxp.db.backup import Manifest, integrity_fault, write_backup
from dxp.db.restore import restore_backup
from dxp.errors import ConfigurationError
from dxp.settings import Settings
from dxp.settings.loading import load_settings
from dxp.settings.secret import new_secret
from dxp.testing.apps import make_settings

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ACCOUNTS = 200
TOTAL = ACCOUNTS * 100


def settings_in(folder: Path, **overrides: Any) -> Settings:
    return make_settings(data_dir=folder, url="sqlite:///dxp.sqlite3", overrides=overrides)


def connect(settings: Settings) -> sqlite3.Connection:
    path = settings.data_dir / "dxp.sqlite3"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    return connection


@pytest.fixture
def source(tmp_path: Path) -> Settings:
    """An installation with a bank, whose money neither grows nor shrinks, and a medium."""
    settings = settings_in(tmp_path / "source")
    with closing(connect(settings)) as connection:
        connection.executescript(
            "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, filler BLOB);"
            "CREATE TABLE entry (id INTEGER PRIMARY KEY, account INTEGER, amount INTEGER);"
            "CREATE TABLE alembic_version_core (version_num TEXT);"
            "INSERT INTO alembic_version_core VALUES ('0007');"
        )
        connection.execute("BEGIN")
        for number in range(ACCOUNTS):
            filler = b"x" * 8_000
            connection.execute("INSERT INTO account VALUES (?, 100, ?)", (number, filler))
            connection.execute("INSERT INTO entry (account, amount) VALUES (?, 100)", (number,))
        connection.execute("COMMIT")
    (settings.data_dir / "media").mkdir()
    (settings.data_dir / "media" / "kettle.txt").write_text("blue", encoding="utf-8")
    return settings


def transfer(connection: sqlite3.Connection, number: int) -> None:
    """Move money from one account to another, with an entry for each side."""
    connection.execute("BEGIN IMMEDIATE")
    for account, amount in ((number % ACCOUNTS, -1), ((number * 7 + 1) % ACCOUNTS, 1)):
        connection.execute(
            "UPDATE account SET balance = balance + ? WHERE id = ?", (amount, account)
        )
        connection.execute("INSERT INTO entry (account, amount) VALUES (?, ?)", (account, amount))
    connection.execute("COMMIT")


def entries(settings: Settings) -> int:
    """The number of entries, after checking that each account is the sum of its own."""
    with closing(connect(settings)) as connection:
        (total,) = connection.execute("SELECT sum(balance) FROM account").fetchone()
        (wrong,) = connection.execute(
            "SELECT count(*) FROM account WHERE balance != "
            "(SELECT sum(amount) FROM entry WHERE account = account.id)"
        ).fetchone()
        (count,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    assert (total, wrong) == (TOTAL, 0)
    return int(count)


def save(settings: Settings, target: Path, **options: Any) -> Manifest:
    return write_backup(settings, target, version="0.1.0", at=AT, **options)


def restore(settings: Settings, archive: Path, **options: Any) -> tuple[Manifest, Path | None]:
    return restore_backup(settings, archive, at=AT, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz", "b.zip"])
def test_a_backup_made_while_others_write_is_of_one_moment(
    source: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(backup_module, "_STEP_PAGES", 20)
    before = entries(source)
    stop = threading.Event()

    def write_on() -> None:
        with closing(connect(source)) as connection:
            number = 0
            while not stop.is_set():
                transfer(connection, number)
                number += 1

    writers = [threading.Thread(target=write_on) for _ in range(2)]
    steps: list[int] = []
    with closing(connect(source)) as between:

        def progress(what: str, done: int, _total: int) -> None:
            if what == "database":
                steps.append(done)
                transfer(between, done)

        for writer in writers:
            writer.start()
        try:
            save(source, tmp_path / name, progress=progress)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
    assert len(steps) > 10, "the copy was made in one go, so nothing was written meanwhile"
    target = settings_in(tmp_path / "target")
    restore(target, tmp_path / name)
    assert integrity_fault(target.data_dir / "dxp.sqlite3") is None
    restored = entries(target)
    assert before <= restored < entries(source)


def test_media_and_other_files_come_along(source: Settings, tmp_path: Path) -> None:
    save(source, tmp_path / "b.tar.gz")
    target = settings_in(tmp_path / "target")
    manifest, kept = restore(target, tmp_path / "b.tar.gz")
    restored = target.data_dir / "media" / "kettle.txt"
    assert restored.read_text(encoding="utf-8") == "blue"
    assert manifest.revisions == {"core": "0007"}
    assert kept is None
    assert {path.name for path in target.data_dir.iterdir()} == {"media", "dxp.sqlite3"}


def test_a_backup_can_only_be_read_by_its_owner_and_leaves_nothing_else(
    source: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    save(source, folder / "b.tar.gz")
    assert [path.name for path in folder.iterdir()] == ["b.tar.gz"]
    assert stat.S_IMODE((folder / "b.tar.gz").stat().st_mode) == 0o600


def test_a_backup_leaves_out_earlier_backups_and_the_key(tmp_path: Path) -> None:
    settings = load_settings(
        environ={"DXP_DATA_DIR": str(tmp_path / "var"), "DXP_CONFIG": _empty(tmp_path)}
    )
    connect(settings).close()
    save(settings, settings.data_dir / "backups" / "first.tar.gz")
    second = save(settings, settings.data_dir / "backups" / "second.tar.gz")
    assert set(second.files) == {"database.sqlite3"}
    assert second.with_secret is False
    third = save(settings, settings.data_dir / "backups" / "third.tar.gz", with_secret=True)
    assert set(third.files) == {"database.sqlite3", "files/secret.key"}
    assert third.with_secret is True


def test_a_backup_with_the_key_brings_the_key_to_a_new_machine(tmp_path: Path) -> None:
    empty = _empty(tmp_path)
    old = load_settings(environ={"DXP_DATA_DIR": str(tmp_path / "old"), "DXP_CONFIG": empty})
    connect(old).close()
    save(old, tmp_path / "b.zip", with_secret=True)
    environ = {"DXP_DATA_DIR": str(tmp_path / "new"), "DXP_CONFIG": empty}
    restore(load_settings(environ=environ), tmp_path / "b.zip")
    assert load_settings(environ=environ).secret_key == old.secret_key


def test_a_backup_made_under_another_key_is_refused_unless_accepted(
    source: Settings, tmp_path: Path
) -> None:
    save(source, tmp_path / "b.tar.gz")
    target = settings_in(tmp_path / "target", secret_key=new_secret())
    with pytest.raises(ConfigurationError, match="under another secret key"):
        restore(target, tmp_path / "b.tar.gz")
    assert list(target.data_dir.iterdir()) == []
    restore(target, tmp_path / "b.tar.gz", accept_other_secret=True)
    assert entries(target) == ACCOUNTS


def test_an_existing_file_is_never_overwritten(source: Settings, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"precious")
    with pytest.raises(ConfigurationError, match="never overwrites"):
        save(source, tmp_path / "b.tar.gz")
    assert (tmp_path / "b.tar.gz").read_bytes() == b"precious"


def test_an_unknown_kind_of_file_is_refused_and_leaves_nothing(
    source: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"\.tar\.gz or \.zip"):
        save(source, tmp_path / "out" / "b.rar")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_database_is_not_backed_up(source: Settings, tmp_path: Path) -> None:
    with closing(connect(source)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = source.data_dir / "dxp.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    file.write_bytes(bytes(content))
    with pytest.raises((ConfigurationError, sqlite3.DatabaseError)):
        save(source, tmp_path / "out" / "b.tar.gz")
    assert list((tmp_path / "out").iterdir()) == []


def test_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    settings = make_settings(data_dir=tmp_path, url="postgresql://dxp:hunter2@db/dxp", overrides={})
    with pytest.raises(ConfigurationError, match="pg_dump") as caught:
        save(settings, tmp_path / "b.tar.gz")
    assert "hunter2" not in str(caught.value)


def test_an_installation_with_data_is_replaced_only_by_force_and_kept(
    source: Settings, tmp_path: Path
) -> None:
    save(source, tmp_path / "b.tar.gz")
    with closing(connect(source)) as connection:
        transfer(connection, 1)
    (source.data_dir / "media" / "later.txt").write_text("new", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has data already"):
        restore(source, tmp_path / "b.tar.gz")
    assert entries(source) == ACCOUNTS + 2
    _manifest, kept = restore(source, tmp_path / "b.tar.gz", force=True)
    assert entries(source) == ACCOUNTS
    assert not (source.data_dir / "media" / "later.txt").exists()
    assert kept is not None
    assert (kept / "media" / "later.txt").exists()
    assert entries(settings_in(kept)) == ACCOUNTS + 2


def test_a_running_installation_is_never_replaced(source: Settings, tmp_path: Path) -> None:
    save(source, tmp_path / "b.tar.gz")
    with closing(connect(source)) as running:
        running.execute("SELECT count(*) FROM account").fetchone()
        with pytest.raises(ConfigurationError, match="dxp is running"):
            restore(source, tmp_path / "b.tar.gz", force=True)
    assert entries(source) == ACCOUNTS


def test_a_restore_that_fails_midway_puts_everything_back(
    source: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(source, tmp_path / "b.tar.gz")
    with closing(connect(source)) as connection:
        transfer(connection, 1)
    from dxp.db import restore as restore_module

    move: Callable[..., Any] = restore_module.shutil.move

    def failing(old: Path, new: Path) -> None:
        if old.name == "database.sqlite3":
            raise OSError("disk full")
        move(old, new)

    monkeypatch.setattr(restore_module.shutil, "move", failing)
    before = {path.name for path in source.data_dir.iterdir()}
    with pytest.raises(OSError, match="disk full"):
        restore(source, tmp_path / "b.tar.gz", force=True)
    monkeypatch.undo()
    assert {path.name for path in source.data_dir.iterdir()} >= before - {"dxp.sqlite3-shm"}
    assert entries(source) == ACCOUNTS + 2
    assert not [path for path in source.data_dir.iterdir() if path.name.startswith(".")]


def rewrite(archive: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write an archive anew with changed members."""
    with tarfile.open(archive) as opened:
        members = {
            member.name: opened.extractfile(member).read()  # type: ignore[union-attr]
            for member in opened
        }
    change(members)
    with tarfile.open(archive, "w:gz") as changed:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            changed.addfile(entry, io.BytesIO(content))


def _edit_manifest(members: dict[str, bytes], **values: Any) -> None:
    members["manifest.json"] = json.dumps(
        {**json.loads(members["manifest.json"]), **values}
    ).encode()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: m.update({"files/media/kettle.txt": b"red"}), "does not have its checksum"),
        (lambda m: m.pop("files/media/kettle.txt"), "does not have its checksum"),
        (lambda m: m.update({"files/extra.txt": b"x"}), "does not have its checksum"),
        (lambda m: m.pop("manifest.json"), "is no backup of dxp"),
        (lambda m: m.update({"manifest.json": b"[]"}), "cannot be read"),
        (lambda m: m.update({"../outside.txt": b"x"}), "outside of the folder"),
        (lambda m: m.update({"/tmp/absolute.txt": b"x"}), "outside of the folder"),
        (lambda m: m.update({"files/../../outside.txt": b"x"}), "outside of the folder"),
        (lambda m: _edit_manifest(m, format=2), "reads format 1"),
    ],
)
def test_an_archive_that_was_tampered_with_changes_nothing(
    source: Settings,
    tmp_path: Path,
    change: Callable[[dict[str, bytes]], None],
    expected: str,
) -> None:
    save(source, tmp_path / "b.tar.gz")
    rewrite(tmp_path / "b.tar.gz", change)
    target = settings_in(tmp_path / "deep" / "target")
    with pytest.raises(ConfigurationError, match=expected):
        restore(target, tmp_path / "b.tar.gz")
    assert list(target.data_dir.iterdir()) == []
    assert list((tmp_path / "deep").iterdir()) == [target.data_dir]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_links_and_folders_in_an_archive_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("files/link")
        entry.type = kind
        entry.linkname = "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(ConfigurationError, match="no ordinary file"):
        restore(settings_in(tmp_path / "target"), tmp_path / "b.tar.gz")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        entry = zipfile.ZipInfo("files/link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(ConfigurationError, match="no ordinary file"):
        restore(settings_in(tmp_path / "target"), tmp_path / "b.zip")


def test_a_file_that_was_cut_short_is_refused(source: Settings, tmp_path: Path) -> None:
    save(source, tmp_path / "b.tar.gz")
    whole = (tmp_path / "b.tar.gz").read_bytes()
    (tmp_path / "b.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigurationError, match="damaged, cut short, or something else"):
        restore(settings_in(tmp_path / "target"), tmp_path / "b.tar.gz")


def _empty(folder: Path) -> str:
    file = folder / "empty.toml"
    file.write_text("", encoding="utf-8")
    return str(file)
