"""`dxp`: finds each command where it lives, and loads no more than that."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import dxp
from dxp.cli.context import Cli, within_app
from dxp.errors import ConfigurationError, DxpError


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a command lives.

    Attributes:
        at: `module:name`.
        app: it looks for the application in Flask's `current_app`.
    """

    at: str
    help: str
    app: bool = False


COMMANDS = {
    "audit": Entry(
        at="dxp.cli.audit:audit_group", help="Read the audit log and verify it.", app=True
    ),
    "backup": Entry(at="dxp.cli.backup:backup", help="Write everything into one file."),
    "db": Entry(at="dxp.cli.db:db", help="Migrate the database, and see where it stands."),
    "demo": Entry(at="dxp.cli.demo:demo_command", help="Load demo data and check it.", app=True),
    "docs": Entry(at="dxp.cli.docs:docs", help="Write the reference pages from the code."),
    "doctor": Entry(at="dxp.cli.doctor:doctor", help="Find out what is wrong."),
    "events": Entry(
        at="dxp.cli.events:events_group", help="See and enforce how long events are kept.", app=True
    ),
    "jobs": Entry(at="dxp.cli.jobs:jobs_group", help="Look after background work.", app=True),
    "keys": Entry(at="dxp.cli.keys:keys_group", help="Make and revoke API keys.", app=True),
    "plugin": Entry(at="dxp.cli.plugin:plugin", help="Make, enable, disable, remove plugins."),
    "plugins": Entry(at="dxp.cli.plugins_cmd:plugins", help="List plugins and what they do."),
    "restore": Entry(at="dxp.cli.backup:restore", help="Bring a backup back."),
    "serve": Entry(at="dxp.cli.serve:serve", help="Serve the API and the admin."),
    "settings": Entry(at="dxp.cli.settings_cmd:settings", help="Show and explain settings."),
    "staff": Entry(at="dxp.cli.staff:staff_group", help="Manage who may sign in.", app=True),
    "worker": Entry(at="dxp.cli.worker:worker_command", help="Run background jobs."),
}


class Root(click.Group):
    """The core's commands, and below `dxp <plugin>` those of each plugin."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is not None:
            module, _, attribute = entry.at.partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return within_app(command) if entry.app else command
        if cmd_name in _announced():
            return _plugin_group(ctx, cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], [*COMMANDS, *_announced()], n=1)
            if not near:
                raise
            hint = f"{error.message.rstrip('.')}. Did you mean {near[0]!r}?"
            raise click.UsageError(hint, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List without importing any of them: help must work when nothing else does."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in sorted(COMMANDS.items())])
        plugins = sorted(set(_announced()) - set(COMMANDS))
        if plugins:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, f"See: dxp {name} --help") for name in plugins])

    def invoke(self, ctx: click.Context) -> Any:
        # Before anything else: finding a plugin's command already takes the settings.
        cli = ctx.obj = Cli(ctx.params.get("config"))
        ctx.call_on_close(cli.close)
        try:
            return super().invoke(ctx)
        except DxpError as error:
            from dxp.cli.messages import refusal

            raise refusal(error) from error


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file; by default DXP_CONFIG, else dxp.toml here.",
)
@click.version_option(dxp.__version__, prog_name="dxp")
def root(config: Path | None) -> None:  # read by Root.invoke
    """Content, customers, loyalty and selection on one core."""


def main() -> None:
    """The console script."""
    # What a command loads stays until its end. Looking for garbage in it every 700 objects is a
    # sixth of the time until a command begins.
    gc.set_threshold(50_000, 20, 50)
    root(prog_name="dxp")


def _announced() -> Iterable[str]:
    """Names of installed plugins. `dxp.plugins.discovery` knows too, and takes a second to load."""
    from importlib.metadata import entry_points

    return entry_points(group="dxp.plugins").names


def _plugin_group(ctx: click.Context, name: str) -> click.Command:
    """The commands that one plugin brings."""
    from dxp.plugins.spec import Plugin

    cli = ctx.ensure_object(Cli)
    if name in cli.settings.disabled_plugins:
        raise ConfigurationError(
            f"The plugin {name!r} is disabled, so its commands are not there.\n"
            f"Enable it with: dxp plugin enable {name}"
        )
    manager = cli.platform.plugins
    group = click.Group(name, help=f"Commands of the plugin {name!r}.")
    for answer in manager.call_start(Plugin.commands):
        if answer.plugin == name:
            for command in answer.value:
                group.add_command(within_app(command))
    if not group.commands:
        raise ConfigurationError(
            f"The plugin {name!r} has no commands.\nSee what it does have with: dxp plugins"
        )
    return group
