"""What `dxp doctor` looks at. Each check yields findings and leaves everything as it is."""

from __future__ import annotations

import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dxp.errors import DxpError
from dxp.plugins.contexts import HealthCheck, HealthContext

if TYPE_CHECKING:
    from dxp.platform import Platform
    from dxp.settings import Settings

_LEAST_FREE_BYTES = 500_000_000
# Reading a whole database takes about a second for this size.
_LARGEST_CHECKED_BYTES = 500_000_000
_MOST_SKEW = timedelta(seconds=5)
_CONNECT_SECONDS = 2.0
_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671, "smtp": 587, "smtps": 465}

SettingsCheck = Callable[["Settings"], Iterator[HealthCheck]]
PlatformCheck = Callable[["Platform"], Iterator[HealthCheck]]


def check_settings(settings: Settings) -> Iterator[HealthCheck]:
    """Which settings hold."""
    where = str(settings.source) if settings.source else "defaults and variables, no file"
    yield HealthCheck(name="settings", ok=True, detail=f"{settings.environment}; {where}")


def check_secret(settings: Settings) -> Iterator[HealthCheck]:
    """Nobody but the owner may read the secret key."""
    origin = settings.origins.get("secret_key", "")
    path = Path(origin)
    if not path.is_absolute() or not path.is_file():
        yield HealthCheck(name="secret key", ok=True, detail=f"from {origin or 'the environment'}")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    yield HealthCheck(
        name="secret key",
        ok=not mode & 0o077,
        detail=f"{path}, mode {mode:o}",
        advice=f"Others may read it. Close it: chmod 600 {path}",
    )


def check_disk(settings: Settings) -> Iterator[HealthCheck]:
    """The data folder can be written and has room."""
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".doctor"
    probe.write_bytes(b"")
    probe.unlink()
    free = shutil.disk_usage(folder).free
    yield HealthCheck(
        name="disk",
        ok=free >= _LEAST_FREE_BYTES,
        detail=f"{free / 1e9:.1f} GB free in {folder}",
        advice="Make room, or move dxp.data_dir to a larger disk: a full disk stops all writing.",
    )


def check_time_zones(_settings: Settings) -> Iterator[HealthCheck]:
    """Birthdays and schedules need the time zone database."""
    try:
        ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:
        yield HealthCheck(
            name="time zones",
            ok=False,
            detail="the time zone database is missing",
            advice="Install it: pip install tzdata",
        )


def check_services(settings: Settings) -> Iterator[HealthCheck]:
    """Servers that the settings name answer."""
    named = [("broker", settings.jobs.broker_url if settings.jobs.transport == "dramatiq" else "")]
    named += [("rate limits", settings.api.rate_limit_storage), ("mail", settings.mail.url)]
    for name, url in named:
        parsed = urlsplit(url)
        if parsed.scheme not in _PORTS or not parsed.hostname:
            continue
        address = (parsed.hostname, parsed.port or _PORTS[parsed.scheme])
        where = f"{address[0]}:{address[1]}"
        try:
            socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
        except OSError as error:
            yield HealthCheck(
                name=name,
                ok=False,
                detail=f"{where} does not answer: {error.strerror or error}",
                advice="Start it, or correct its address: dxp settings show",
            )
        else:
            yield HealthCheck(name=name, ok=True, detail=f"{where} answers")


def check_front_end(_settings: Settings) -> Iterator[HealthCheck]:
    """The admin's scripts and styles were built."""
    import dxp

    built = Path(dxp.__file__).parent / "admin" / "static" / "build"
    ok = built.is_dir() and any(built.iterdir())
    yield HealthCheck(
        name="front end",
        ok=ok,
        detail=f"built in {built}" if ok else f"nothing in {built}",
        advice="Build it: npm ci && npm run build. A released wheel brings it along.",
    )


def check_migrations(platform: Platform) -> Iterator[HealthCheck]:
    """The database answers and is current."""
    from dxp.db.migrate import statuses
    from dxp.db.revisions import unfit

    found = statuses(platform)
    reason = unfit(found)
    if reason is None:
        owners = sum(status.state == "current" for status in found)
        yield HealthCheck(name="migrations", ok=True, detail=f"current, {owners} owners")
        return
    what, _, advice = reason.partition("\n")
    yield HealthCheck(name="migrations", ok=False, detail=what, advice=advice)


def check_database(platform: Platform) -> Iterator[HealthCheck]:
    """The engine's own view of its health."""
    checks = _check_sqlite if platform.db.dialect == "sqlite" else _check_postgresql
    yield from checks(platform)


def check_jobs(platform: Platform) -> Iterator[HealthCheck]:
    """No job is dead, and somebody runs those that are due."""
    with platform.db.read() as session:
        stats = platform.jobs.stats(session)
    late = stats.lag_seconds > 900
    if stats.dead:
        advice = "See why, then send them again: dxp jobs list --state dead; dxp jobs retry ID"
    else:
        advice = "Nobody runs jobs. Start one: dxp worker, or set jobs.threads above 0"
    yield HealthCheck(
        name="jobs",
        ok=not stats.dead and not late,
        detail=f"{stats.due} due for {stats.lag_seconds:.0f} s, {stats.running} running, "
        f"{stats.dead} dead",
        advice=advice,
    )


def check_plugins(platform: Platform) -> Iterator[HealthCheck]:
    """What each plugin says of itself."""
    from dxp.plugins.spec import Plugin

    with platform.db.read() as session:
        context = HealthContext(session=session, platform=platform)
        answers = platform.plugins.call(Plugin.health, context)
    for answer in answers:
        for found in answer.value:
            yield HealthCheck(
                name=f"{answer.plugin}: {found.name}",
                ok=found.ok,
                detail=found.detail,
                advice=found.advice,
            )
    for (plugin, hook), failures in platform.plugins.failures().items():
        yield HealthCheck(
            name=f"{plugin}: {hook}",
            ok=False,
            detail=failures.last_error,
            advice=f"Mend or update the plugin, or switch it off: dxp plugin disable {plugin}",
        )


BEFORE_START: tuple[SettingsCheck, ...] = (
    check_settings,
    check_secret,
    check_disk,
    check_time_zones,
    check_services,
    check_front_end,
)
AFTER_START: tuple[PlatformCheck, ...] = (check_migrations, check_database)
WHEN_CURRENT: tuple[PlatformCheck, ...] = (check_jobs, check_plugins)


def guarded(name: str, findings: Callable[[], Iterator[HealthCheck]]) -> Iterator[HealthCheck]:
    """The findings; an error becomes one, so that the other checks go on."""
    try:
        yield from findings()
    except DxpError as error:
        what, _, advice = str(error).partition("\n")
        yield HealthCheck(name=name, ok=False, detail=what, advice=advice)
    except (OSError, SQLAlchemyError) as error:
        yield HealthCheck(
            name=name,
            ok=False,
            detail=f"could not be checked: {str(error).splitlines()[0]}",
            advice="Mend that first; the rest may follow from it.",
        )


def _check_sqlite(platform: Platform) -> Iterator[HealthCheck]:
    file = Path(str(platform.db.engine.url.database))
    size = file.stat().st_size if file.exists() else 0
    with platform.db.read() as session:
        mode = session.scalar(text("PRAGMA journal_mode"))
        version = session.scalar(text("SELECT sqlite_version()"))
        small = size <= _LARGEST_CHECKED_BYTES
        damage = session.scalar(text("PRAGMA quick_check(1)")) if small else "ok"
    yield HealthCheck(
        name="database",
        ok=damage == "ok" and mode == "wal",
        detail=f"SQLite {version}, {size / 1e6:.1f} MB, journal {mode}"
        + ("" if damage == "ok" else f"; damaged: {damage}"),
        advice="Restore the last backup: dxp restore FILE"
        if damage != "ok"
        else "The folder's file system does not support shared memory; move dxp.data_dir to a "
        "local disk.",
    )


def _check_postgresql(platform: Platform) -> Iterator[HealthCheck]:
    with platform.db.read() as session:
        version = session.scalar(text("SHOW server_version"))
        theirs = session.scalar(text("SELECT clock_timestamp()"))
        ours = datetime.now(UTC)
    yield HealthCheck(name="database", ok=True, detail=f"PostgreSQL {version}")
    assert isinstance(theirs, datetime)
    skew = abs(ours - theirs)
    yield HealthCheck(
        name="clock",
        ok=skew <= _MOST_SKEW,
        detail=f"{skew.total_seconds():.1f} s from the database server's",
        advice="Leases and tokens need clocks that agree. Run a time service on both machines.",
    )
