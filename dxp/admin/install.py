"""Puts the admin into an application, once the API and all plugins are wired."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from dxp.admin.errors import install_errors
from dxp.admin.frame import frame_blueprint
from dxp.admin.locales import install_locales
from dxp.admin.menu import Menu
from dxp.admin.pages import CORE_MENU, core_blueprints
from dxp.admin.shell import install_shell
from dxp.admin.templating import install_templating
from dxp.plugins.contexts import Routes, TemplateContext
from dxp.plugins.manager import Answer, Loaded
from dxp.plugins.spec import Plugin

if TYPE_CHECKING:
    from dxp.platform import Platform


def install_admin(app: Flask, platform: Platform, routes: Iterable[Answer[Routes]]) -> None:
    """Register the frame, the core's pages and the plugins', and build the menu.

    Raises:
        ConfigurationError: a menu line leads nowhere, or a blueprint lies outside of /admin.
    """
    # Tokens live as long as the session: an editor may leave a page open over lunch.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.config["SESSION_COOKIE_NAME"] = "dxp_admin"
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_PATH"] = "/"
    app.config["SESSION_COOKIE_SECURE"] = platform.settings.server.public_url.startswith("https:")
    plugins = platform.plugins
    install_locales(app, platform.settings, catalogues=_folders(plugins, "translations"))
    install_templating(app, plugin_templates=_folders(plugins, "templates"))
    install_errors(app)
    for blueprint in core_blueprints():
        app.register_blueprint(blueprint)
    for answer in routes:
        for admin in answer.value.admin:
            app.register_blueprint(admin)
    # Last, for its catch-all; the router prefers what is more exact anyway.
    app.register_blueprint(frame_blueprint())
    entries = [("core", entry) for entry in CORE_MENU]
    for lines in plugins.call_start(Plugin.menu):
        entries.extend((lines.plugin, entry) for entry in lines.value)
    menu = Menu(entries, app)
    app.extensions["dxp_menu"] = menu
    install_shell(app, platform, menu)
    plugins.call_each(Plugin.template_env, _template_context(app, platform))


def _template_context(app: Flask, platform: Platform) -> Callable[[Loaded], TemplateContext]:
    return lambda loaded: TemplateContext(
        platform=platform, settings=loaded.settings, environment=app.jinja_env
    )


def _folders(plugins: Iterable[Loaded], name: str) -> Mapping[str, Path]:
    """The folder `name` in each plugin's package, where there is one."""
    found: dict[str, Path] = {}
    for loaded in plugins:
        spec = find_spec(loaded.plugin.import_name)
        for root in (spec.submodule_search_locations if spec else None) or ():
            folder = Path(root) / name
            if folder.is_dir():
                found[loaded.name] = folder
    return found
