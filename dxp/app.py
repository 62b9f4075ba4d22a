"""The application factory: builds the platform, wires the plugins, checks the database."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from dxp.admin import install_admin
from dxp.audit import Audit
from dxp.auth import Accounts
from dxp.auth.permissions import CORE_PERMISSIONS
from dxp.clock import Clock
from dxp.db import Base, Database
from dxp.db.engine import normalise_url, prepare_engine
from dxp.db.migrate import assert_current
from dxp.errors import ConfigurationError
from dxp.events import ALL_EVENTS, BatchSubscription, EventBus, Subscription
from dxp.events.vocabulary import STANDARD_EVENTS
from dxp.jobs import Jobs
from dxp.jobs.types import Job
from dxp.mail import Mailer
from dxp.platform import Platform
from dxp.plugins.discovery import Found, describe, installed
from dxp.plugins.manager import PluginManager
from dxp.plugins.services import Services
from dxp.plugins.spec import Plugin
from dxp.privacy import Privacy
from dxp.settings import Settings
from dxp.settings.loading import load_settings
from dxp.subjects import Subjects
from dxp.web import install_routes, install_web


def create_app(
    settings: Settings | None = None,
    *,
    plugins: Sequence[type[Plugin]] | None = None,
    check_database: bool = True,
) -> Flask:
    """Build a dxp application.

    Args:
        settings: as loaded from dxp.toml and the environment when None.
        plugins: these classes instead of what installed distributions announce.
        check_database: refuse a database whose migrations are not current. The commands that
            mend a database say False.

    Raises:
        ConfigurationError: a setting, a plugin or the database is not fit to start; the message
            names it and says what to do.
    """
    settings = settings or load_settings()
    app = Flask("dxp", static_folder=None, template_folder=None)
    app.config["SECRET_KEY"] = settings.secret("flask")
    platform = Platform()
    platform.settings = settings
    platform.db = _database(app, settings)
    platform.clock = Clock()
    platform.subjects = Subjects(platform)
    platform.events = EventBus(platform)
    platform.mail = Mailer(platform)
    platform.audit = Audit(platform)
    platform.accounts = Accounts(platform)
    platform.jobs = Jobs(platform)
    platform.events.outbox = platform.jobs.outbox
    platform.services = Services()
    platform.plugins = PluginManager(
        platform, _enabled(settings, plugins), strict=settings.environment == "test"
    )
    platform.privacy = Privacy(platform)
    app.extensions["dxp"] = platform
    try:
        _assemble(app, platform, check_database=check_database)
    except BaseException:
        platform.db.dispose()
        raise
    return app


def _assemble(app: Flask, platform: Platform, *, check_database: bool) -> None:
    _wire_plugins(platform)
    if check_database:
        assert_current(platform)
    install_web(app, platform)
    # Asked once: making the routes of a plugin is much of what a start costs.
    routes = platform.plugins.call_start(Plugin.routes)
    install_routes(app, routes)
    install_admin(app, platform, routes)
    platform.plugins.call_start(Plugin.ready)


def _database(app: Flask, settings: Settings) -> Database:
    """Flask-SQLAlchemy makes the engine; everything below the web layer sees only `Database`."""
    url = normalise_url(settings.database.url, folder=settings.data_dir)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    if url.startswith("postgresql"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
            "pool_size": settings.database.pool_size,
            "max_overflow": settings.database.pool_size,
            "pool_pre_ping": True,
        }
    extension = SQLAlchemy(app, model_class=Base)
    with app.app_context():
        engine = extension.engine
    prepare_engine(engine)
    return Database(engine)


def _enabled(settings: Settings, plugins: Sequence[type[Plugin]] | None) -> list[Found]:
    found = (
        installed(disabled=settings.disabled_plugins)
        if plugins is None
        else [describe(plugin) for plugin in plugins]
    )
    known = {item.plugin.name for item in found}
    for name in settings.plugins:
        if name not in known and name not in settings.disabled_plugins:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigurationError(
                f"[plugins.{name}] is set, but no plugin of that name is installed and enabled"
                + (f"; did you mean {near[0]!r}?" if near else "; remove the section or install it")
            )
    return [item for item in found if item.plugin.name not in settings.disabled_plugins]


def _wire_plugins(platform: Platform) -> None:
    """Collect what plugins declare. Plugins start in dependency order, hooks one after another."""
    manager = platform.plugins
    manager.load()
    manager.call_start(Plugin.models)
    for services in manager.call_start(Plugin.provide):
        for contract, service in services.value.items():
            platform.services.add(contract, service, plugin=services.plugin)
    platform.accounts.declare_permissions(CORE_PERMISSIONS, plugin="core")
    for permissions in manager.call_start(Plugin.permissions):
        platform.accounts.declare_permissions(permissions.value, plugin=permissions.plugin)
    for event_type in (*STANDARD_EVENTS, platform.privacy.purposes.event_type()):
        platform.events.declare(event_type)
    for purposes in manager.call_start(Plugin.purposes):
        platform.privacy.purposes.declare(purposes.value, plugin=purposes.plugin)
    for event_types in manager.call_start(Plugin.events):
        for event_type in event_types.value:
            platform.events.declare(event_type)
    _check_retention(platform)
    for subscriptions in manager.call_start(Plugin.subscriptions):
        for subscription in subscriptions.value:
            _check_subscription(platform, subscriptions.plugin, subscription)
            platform.events.subscribe(subscription)
    _declare_jobs(platform)


def _declare_jobs(platform: Platform) -> None:
    for jobs in platform.plugins.call_start(Plugin.jobs):
        for item in jobs.value:
            if isinstance(item, Job):
                platform.jobs.declare(item)
            else:
                platform.jobs.schedule(item)


def _check_retention(platform: Platform) -> None:
    """A misspelt type would be kept longer than somebody promised."""
    for name in platform.settings.events.retention_days:
        owner = name.partition(".")[0]
        if name in platform.events.types or owner in platform.settings.disabled_plugins:
            continue
        near = difflib.get_close_matches(name, platform.events.types, n=1)
        raise ConfigurationError(
            f"events.retention_days names {name!r}, and no started plugin declares an event of "
            f"that type{f'; did you mean {near[0]!r}?' if near else ''}; "
            "`dxp events retention` lists what there is"
        )


def _check_subscription(
    platform: Platform, plugin: str, subscription: Subscription | BatchSubscription
) -> None:
    if isinstance(subscription, Subscription):
        names = [subscription.event]
    else:
        names = [name for name in subscription.events if name != ALL_EVENTS]
    for name in names:
        _check_event_name(platform, plugin, name)


def _check_event_name(platform: Platform, plugin: str, event: str) -> None:
    """An unknown event is a slip of the pen, unless it is that of an absent optional plugin."""
    if event in platform.events.types:
        return
    owner = event.partition(".")[0]
    after = platform.plugins.loaded[plugin].plugin.after
    if owner in after and owner not in platform.plugins.loaded:
        return
    near = difflib.get_close_matches(event, platform.events.types, n=1)
    raise ConfigurationError(
        f"plugin {plugin!r} subscribes to {event!r}, which no started plugin declares"
        + (f"; did you mean {near[0]!r}?" if near else "")
        + f"; correct the name, or name {owner!r} in `after` if it is optional"
    )
