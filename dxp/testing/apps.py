"""Applications for tests: built like real ones, each on a scratch database of its own."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jinja2.bccache import Bucket, BytecodeCache

from dxp.settings.loading import settings_of
from dxp.settings.model import Settings
from dxp.testing.clock import SettableClock
from dxp.testing.databases import Databases, Scratch

if TYPE_CHECKING:
    from flask import Flask

    from dxp.platform import Platform
    from dxp.plugins.spec import Plugin

SECRET = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
# What keeps tests quick and out of each other's way; a test that is about one of these says so.
_TEST_SETTINGS: Mapping[str, Any] = {
    "environment": "test",
    "secret_key": SECRET,
    "accounts": {"argon2_memory_kib": 8, "argon2_time_cost": 1},
    "api": {"rate_limit": "1000000/minute", "sign_in_rate_limit": "1000000/minute"},
    "jobs": {"poll_seconds": 0.05, "backoff_base_seconds": 0.0},
    "log": {"level": "warning"},
}


class _Compiled(BytecodeCache):
    """Templates compiled once in a process of tests, which makes hundreds of applications."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        held = self._held.get((bucket.key, bucket.checksum))
        if held is not None:
            bucket.bytecode_from_string(held)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._held[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_compiled = _Compiled()


def make_settings(*, data_dir: Path, url: str, overrides: Mapping[str, Any]) -> Settings:
    """Checked settings of a test.

    Args:
        overrides: nested as in the file: `{"jobs": {"threads": 4}, "plugins": {…}}`.
    """
    values: dict[str, Any] = {"data_dir": data_dir, "database": {"url": url}}
    for source in (_TEST_SETTINGS, overrides):
        for key, value in source.items():
            held = values.get(key)
            if dataclasses.is_dataclass(value) and not isinstance(value, type):
                value = dataclasses.asdict(value)
            values[key] = {**held, **value} if isinstance(held, dict) else value
    return settings_of(values)


class AppMaker:
    """Makes applications for one test, and closes them after it."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        self._databases = databases
        self._folder = folder
        self._lent: list[Scratch] = []
        self._apps: list[Flask] = []

    def make(
        self,
        *,
        plugins: Sequence[type[Plugin]] | None = None,
        database: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Flask:
        """An application on a migrated, empty database.

        Args:
            plugins: these, instead of all that are installed.
            database: URL of the database of another application of the test, to be a second
                process beside it.
            settings: values that differ from those of tests, nested as in the file.
        """
        overrides = dict(settings or {})
        data_dir = self._folder / f"data-{len(self._apps)}"
        if database is None:
            disabled = tuple(overrides.get("disabled_plugins", ()))
            scratch = self._databases.lend(
                _key(plugins, disabled), lambda url: _migrate(url, data_dir, plugins, overrides)
            )
            _keep_what_is_loaded()
            self._lent.append(scratch)
            database = scratch.url
        checked = make_settings(data_dir=data_dir, url=database, overrides=overrides)
        app = _build(checked, plugins, check_database=True)
        self._apps.append(app)
        return app

    def close(self) -> None:
        """End what the applications began, and give their databases back."""
        for app in self._apps:
            platform = platform_of(app)
            platform.jobs.stop()
            platform.db.dispose()
        for scratch in self._lent:
            self._databases.take_back(scratch)


def platform_of(app: Flask) -> Platform:
    """The platform of an application."""
    return cast("Platform", app.extensions["dxp"])


def _build(
    settings: Settings, plugins: Sequence[type[Plugin]] | None, *, check_database: bool
) -> Flask:
    from dxp.app import create_app
    from dxp.testing.client import DxpClient
    from dxp.web import configure_logging

    configure_logging(settings)
    app = create_app(settings, plugins=plugins, check_database=check_database)
    app.testing = True
    app.jinja_env.bytecode_cache = _compiled
    app.test_client_class = DxpClient
    platform = platform_of(app)
    platform.clock = SettableClock(platform.clock)
    return app


def _migrate(
    url: str,
    data_dir: Path,
    plugins: Sequence[type[Plugin]] | None,
    overrides: Mapping[str, Any],
) -> None:
    from dxp.testing.tables import make_tables

    checked = make_settings(data_dir=data_dir, url=url, overrides=overrides)
    platform = platform_of(_build(checked, plugins, check_database=False))
    try:
        make_tables(platform)
    finally:
        platform.db.dispose()


@cache
def _keep_what_is_loaded() -> None:
    """Spare the collector, once in a process, the hundred thousand objects of what is imported.

    Applications come and go by the hundred, and it would look through all of that for each.
    """
    gc.collect()
    gc.freeze()


def _key(plugins: Sequence[type[Plugin]] | None, disabled: tuple[str, ...]) -> tuple[object, ...]:
    """Applications of one key have the same tables; plugins without any make no difference."""
    tables = None if plugins is None else tuple(filter(_has_tables, plugins))
    return (disabled, tables)


def _has_tables(plugin: type[Plugin]) -> bool:
    from dxp.db.owners import plugin_owner
    from dxp.plugins.spec import Plugin

    package = plugin.package or plugin.__module__.partition(".")[0]
    versions = plugin_owner(plugin.name, prefix="", package=package).versions
    return plugin.models is not Plugin.models or (versions is not None and versions.is_dir())
