"""`dxp plugins`: who implements what, in which order, and what failed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from dxp.cli.context import Cli, pass_cli

if TYPE_CHECKING:
    from dxp.platform import Platform

_STYLES = {"started": "green", "behind": "yellow"}


@dataclass(frozen=True, kw_only=True)
class PluginView:
    """One plugin as the list shows it.

    Attributes:
        order: place in the start order, from 1; None when it is not started.
        state: `started`, `disabled`, or `behind` when its migrations are not all done.
        migrated: its revision in the database.
    """

    name: str
    state: str
    order: int | None
    version: str
    distribution: str
    requires: dict[str, str]
    after: list[str]
    hooks: list[str]
    services: list[str]
    migrated: str | None


@dataclass(frozen=True, kw_only=True)
class FailureView:
    """How often a hook of a plugin failed, in all processes, and the last time in UTC."""

    plugin: str
    hook: str
    total: int
    last_at: str
    last_error: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--hooks", is_flag=True, help="List each hook with those who implement it.")
@pass_cli
def plugins(cli: Cli, *, as_json: bool, hooks: bool) -> None:
    """List plugins: state, order, what they implement and provide, and what failed."""
    platform = cli.mending_platform
    views = list_plugins(platform)
    by_hook = hook_implementers(platform)
    if as_json:
        import json

        document = {
            "plugins": [asdict(view) for view in views],
            "hooks": by_hook,
            "failures": [asdict(failure) for failure in list_failures(platform)],
        }
        click.echo(json.dumps(document, indent=2))
        return
    from rich.text import Text

    from dxp.cli.tables import make_console, print_table

    if hooks:
        print_table(
            ("Hook", "When it fails", "Implemented by"),
            [
                (
                    name,
                    platform.plugins.specs[name].on_error.value,
                    ", ".join(implementers) or Text("nobody", style="dim"),
                )
                for name, implementers in by_hook.items()
            ],
        )
        return
    if not views:
        click.echo("No plugin is installed. Make one with: dxp plugin new wishlist")
        return
    print_table(
        ("", "Plugin", "Version", "State", "Needs", "Provides"),
        [
            (
                str(view.order or ""),
                view.name,
                view.version,
                Text(view.state, style=_STYLES.get(view.state, "dim")),
                ", ".join(_needs(view)) or "-",
                ", ".join(view.services) or "-",
            )
            for view in views
        ],
        whole=4,
    )
    console = make_console()
    for view in views:
        if view.hooks:
            console.print(Text(view.name, style="bold"), f"implements {', '.join(view.hooks)}")
    failures = list_failures(platform)
    if failures:
        console.print()
        print_table(
            ("Failed", "Hook", "Times", "Last", "Error"),
            [(f.plugin, f.hook, str(f.total), f.last_at, f.last_error) for f in failures],
            whole=2,
        )
        console.print("The log has the whole story of each, under hook_failed.")


def _needs(view: PluginView) -> list[str]:
    needs = [f"{name} {versions}".strip() for name, versions in view.requires.items()]
    return needs + [f"(after {name})" for name in view.after]


def list_plugins(platform: Platform) -> list[PluginView]:
    """Started plugins in start order, then the disabled ones by name."""
    from dxp.db.migrate import statuses
    from dxp.plugins.discovery import announced

    manager = platform.plugins
    held = {status.owner: status for status in statuses(platform)}
    services = platform.services.all()
    views = []
    for order, loaded in enumerate(manager, start=1):
        status = held[loaded.name]
        views.append(
            PluginView(
                name=loaded.name,
                state="behind" if status.pending else "started",
                order=order,
                version=loaded.version,
                distribution=loaded.distribution,
                requires=dict(loaded.plugin.requires),
                after=list(loaded.plugin.after),
                hooks=[name for name in manager.specs if loaded.name in manager.implementers(name)],
                services=sorted(name for name, by in services.items() if by == loaded.name),
                migrated=status.current,
            )
        )
    for name in sorted(set(announced()) - set(manager.loaded)):
        left = held.get(name)
        views.append(_disabled(name, migrated=None if left is None else left.current))
    return views


def list_failures(platform: Platform) -> list[FailureView]:
    """Hooks that failed, the latest first; none on a database that has no tables yet."""
    from sqlalchemy import inspect

    from dxp.plugins.models import PluginFailure

    if not inspect(platform.db.engine).has_table(PluginFailure.__tablename__):
        return []
    with platform.db.read() as session:
        return [
            FailureView(
                plugin=row.plugin,
                hook=row.hook,
                total=row.total,
                last_at=row.last_at.isoformat(timespec="seconds"),
                last_error=row.last_error,
            )
            for row in platform.plugins.failure_log.all(session)
        ]


def hook_implementers(platform: Platform) -> dict[str, list[str]]:
    """Names of the plugins that implement each hook, in the order in which they are called."""
    manager = platform.plugins
    return {name: manager.implementers(name) for name in manager.specs}


def _disabled(name: str, *, migrated: str | None) -> PluginView:
    from importlib import metadata

    from dxp.plugins.discovery import ENTRY_POINTS

    (entry, *_rest) = metadata.entry_points(group=ENTRY_POINTS, name=name)
    return PluginView(
        name=name,
        state="disabled",
        order=None,
        version=entry.dist.version if entry.dist else "",
        distribution=entry.dist.name if entry.dist else "",
        requires={},
        after=[],
        hooks=[],
        services=[],
        migrated=migrated,
    )
