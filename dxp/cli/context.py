"""What commands share: the settings and the application, each made when first asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from flask import Flask

    from dxp.platform import Platform
    from dxp.settings import Settings


class Cli:
    """The object of click's context.

    Args:
        config: settings file named on the command line.
    """

    def __init__(self, config: Path | None = None) -> None:
        self.config = config
        self._made: list[Flask] = []

    @cached_property
    def settings(self) -> Settings:
        from dxp.settings.loading import load_settings

        return load_settings(self.config)

    @cached_property
    def app(self) -> Flask:
        """The application, on a database that is current."""
        return self._make_app(check_database=True)

    @cached_property
    def mending_app(self) -> Flask:
        """The application on whatever database there is, for commands that mend it."""
        return self._make_app(check_database=False)

    @property
    def platform(self) -> Platform:
        return cast("Platform", self.app.extensions["dxp"])

    @property
    def mending_platform(self) -> Platform:
        return cast("Platform", self.mending_app.extensions["dxp"])

    def _make_app(self, *, check_database: bool) -> Flask:
        from dxp.app import create_app
        from dxp.web import configure_logging

        # A command speaks for itself; only what goes wrong is worth a line of log.
        quiet = dataclasses.replace(self.settings.log, level="warning")
        configure_logging(dataclasses.replace(self.settings, log=quiet))
        app = create_app(self.settings, check_database=check_database)
        self._made.append(app)
        return app

    def close(self) -> None:
        """Close the connections of the applications that were made."""
        for app in self._made:
            cast("Platform", app.extensions["dxp"]).db.dispose()


pass_cli = click.make_pass_decorator(Cli, ensure=True)


def within_app(command: click.Command) -> click.Command:
    """Let a command find the application as Flask's `current_app`; its groups' commands too.

    The application is built when the command runs, so that `--help` needs none.
    """
    if getattr(command, "dxp_within_app", False):
        return command
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            command.commands[name] = within_app(part)
    if command.callback is not None and not isinstance(command, click.Group):
        command.callback = _in_app_context(command.callback)
    command.dxp_within_app = True  # type: ignore[attr-defined]
    return command


def _in_app_context(callback: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        from flask import has_app_context

        context = click.get_current_context()
        if not has_app_context():
            context.with_resource(context.ensure_object(Cli).app.app_context())
        return context.invoke(callback, *args, **kwargs)

    return update_wrapper(run, callback)
