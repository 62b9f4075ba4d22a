"""The pytest plugin: an application on a scratch database, and what tests do with one.

Loaded by an entry point in every pytest run of the environment, so it imports next to nothing
until a fixture is used.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser

    from dxp.platform import Platform
    from dxp.plugins.spec import Plugin
    from dxp.settings import Settings
    from dxp.testing.apps import AppMaker
    from dxp.testing.browser import Reader
    from dxp.testing.captures import Mailbox, PublishedEvents
    from dxp.testing.client import DxpClient
    from dxp.testing.clock import SettableClock
    from dxp.testing.databases import Databases
    from dxp.testing.queries import Queries


class MakeApp(Protocol):
    """Signature of the fixture `make_app`."""

    def __call__(
        self,
        *,
        plugins: Sequence[type[Plugin]] | None = None,
        database: str | None = None,
        **settings: Any,
    ) -> Flask: ...


class MakeReader(Protocol):
    """Signature of the fixture `make_reader`."""

    def __call__(
        self, staff: DxpClient | None = None, *, look: tuple[str, str, int] = ...
    ) -> Reader: ...


def pytest_configure() -> None:
    """Look for garbage less often: most of what a run makes first are tests, which stay."""
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def dxp_databases() -> Iterator[Databases]:
    """Scratch databases: SQLite, or PostgreSQL at DXP_TEST_DATABASE."""
    from dxp.testing.databases import databases_for, scratch_folder

    with scratch_folder() as folder:
        databases = databases_for(os.environ.get("DXP_TEST_DATABASE"), folder)
        yield databases
        databases.close()


@pytest.fixture
def blank_database(dxp_databases: Databases) -> str:
    """The URL of a database without tables, of the kind that this run uses."""
    return dxp_databases.blank()


@pytest.fixture
def loopback_only() -> Iterator[None]:
    """Refuses connections to other machines while the test runs."""
    from dxp.testing.guards import only_loopback

    with only_loopback():
        yield


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]] | None:
    """Plugins of the fixture `app`; override it to start fewer than all that are installed."""
    return None


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    """Settings of the fixture `app` that differ from those of tests; override it."""
    return {}


@pytest.fixture
def app_maker(
    dxp_databases: Databases,
    tmp_path: Path,
    loopback_only: None,  # noqa: ARG001  # wanted for what it does
) -> Iterator[AppMaker]:
    """Makes applications and closes them after the test. Most tests want `app` or `make_app`."""
    from dxp.testing.apps import AppMaker

    maker = AppMaker(dxp_databases, tmp_path)
    yield maker
    maker.close()


@pytest.fixture
def make_app(app_maker: AppMaker, app_plugins: Sequence[type[Plugin]] | None) -> MakeApp:
    """`make_app(plugins=[…], jobs={"threads": 4})`: an application besides `app`.

    Without `plugins` it has those of `app`.
    """

    def make(
        *,
        plugins: Sequence[type[Plugin]] | None = None,
        database: str | None = None,
        **settings: Any,
    ) -> Flask:
        chosen = app_plugins if plugins is None else plugins
        return app_maker.make(plugins=chosen, database=database, settings=settings)

    return make


@pytest.fixture
def app(
    app_maker: AppMaker,
    app_plugins: Sequence[type[Plugin]] | None,
    app_settings: Mapping[str, Any],
) -> Flask:
    """An application on a migrated, empty database."""
    return app_maker.make(plugins=app_plugins, settings=app_settings)


@pytest.fixture
def platform(app: Flask) -> Platform:
    """The platform of `app`."""
    from dxp.testing.apps import platform_of

    return platform_of(app)


@pytest.fixture
def settings(platform: Platform) -> Settings:
    """The settings of `app`."""
    return platform.settings


@pytest.fixture
def client(app: Flask) -> DxpClient:
    """A client that nobody knows; `.as_key(…)`, `.as_customer(…)`, `.as_staff(…)` make others."""
    from dxp.testing.client import client_of

    return client_of(app)


@pytest.fixture
def clock(platform: Platform) -> SettableClock:
    """The clock of `app`, standing at 2026-03-10 09:00 UTC until it is moved."""
    from dxp.testing.clock import START, SettableClock

    assert isinstance(platform.clock, SettableClock)
    platform.clock.set(START)
    return platform.clock


@pytest.fixture
def events(platform: Platform) -> PublishedEvents:
    """The events that `app` has published."""
    from dxp.testing.captures import PublishedEvents

    return PublishedEvents(platform)


@pytest.fixture
def captured_mail(platform: Platform) -> Mailbox:
    """The mails that `app` has sent."""
    from dxp.testing.captures import Mailbox

    return Mailbox(platform)


@pytest.fixture
def run_jobs(platform: Platform) -> Callable[[], int]:
    """`run_jobs()` runs due jobs, and those they cause, until none is left; returns how many."""

    def run() -> int:
        return platform.jobs.run_pending()

    return run


@pytest.fixture
def count_queries(platform: Platform) -> Callable[[], AbstractContextManager[Queries]]:
    """`with count_queries() as queries: …` then `queries.count` and `print(queries)`."""
    from dxp.testing.queries import count_queries as counting

    return lambda: counting(platform)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, driven by playwright; one for all tests of a process."""
    from dxp.testing.browser import open_chromium

    with open_chromium() as browser:
        yield browser


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where `app` answers while the test runs, such as http://127.0.0.1:49152."""
    from dxp.testing.browser import serve

    with serve(app) as where:
        yield where


@pytest.fixture
def make_reader(
    chromium: Browser, address: str, pytestconfig: pytest.Config
) -> Iterator[MakeReader]:
    """`make_reader(client.as_staff("…"), look=("fa", "dark", 390))`: somebody at a screen.

    At the end of the test the browser must have nothing to complain of.
    """
    from dxp.testing.browser import reading

    axe = pytestconfig.rootpath / "node_modules" / "axe-core" / "axe.min.js"
    with ExitStack() as stack:

        def make(
            staff: DxpClient | None = None, *, look: tuple[str, str, int] = ("en", "light", 1280)
        ) -> Reader:
            cookie = None if staff is None else staff.get_cookie("dxp_session")
            session = None if cookie is None else cookie.value
            return stack.enter_context(
                reading(chromium, address, session=session, axe=axe, look=look)
            )

        yield make


@pytest.fixture
def reader(request: pytest.FixtureRequest, make_reader: MakeReader, client: DxpClient) -> Reader:
    """A member of staff who may do everything. Parametrise it with (locale, theme, width)."""
    look = getattr(request, "param", ("en", "light", 1280))
    return make_reader(client.as_staff("*"), look=look)
