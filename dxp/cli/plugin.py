"""`dxp plugin`: make, enable, disable and remove plugins."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from dxp.cli.context import Cli, pass_cli
from dxp.cli.scaffold import new
from dxp.cli.settings_file import file_to_edit, write_disabled
from dxp.errors import ConfigurationError, DxpError

if TYPE_CHECKING:
    from dxp.platform import Platform
    from dxp.settings import Settings


@click.group()
def plugin() -> None:
    """Make, enable, disable, remove plugins."""


plugin.add_command(new)


@plugin.command()
@click.argument("name")
@pass_cli
def enable(cli: Cli, name: str) -> None:
    """Switch NAME on: make its tables, let it set itself up, and note it in the settings."""
    from dxp.cli.db import report_step, waiting
    from dxp.db.migrate import upgrade
    from dxp.db.owners import owners_of

    settings = cli.settings
    _known(name)
    if name not in settings.disabled_plugins:
        click.echo(f"{name} is enabled already.")
        return
    file = file_to_edit(settings)
    remaining = tuple(other for other in settings.disabled_plugins if other != name)
    with _started(settings, disabled=remaining) as platform:
        owners = [owner for owner in owners_of(platform) if owner.name in ("core", name)]
        upgrade(platform.db.engine, owners, report=report_step, waiting=waiting)
        _call(platform, name, "enabled")
    write_disabled(file, remaining)
    click.echo(f"{name} is enabled in {file}. Restart dxp to apply it.")


@plugin.command()
@click.argument("name")
@pass_cli
def disable(cli: Cli, name: str) -> None:
    """Switch NAME off: it is not started any more; its tables stay as they are."""
    from sqlalchemy.exc import SQLAlchemyError

    settings = cli.settings
    _known(name)
    if name in settings.disabled_plugins:
        click.echo(f"{name} is disabled already.")
        return
    file = file_to_edit(settings)
    _refuse_if_required(settings, name)
    try:
        with _started(settings, disabled=settings.disabled_plugins) as platform:
            _call(platform, name, "disabled")
    except (DxpError, SQLAlchemyError) as error:
        # The way out for a plugin that keeps dxp from starting must not need it to start.
        reason = str(error).partition("\n")[0]
        click.echo(f"{name} could not be told that it is being switched off: {reason}", err=True)
    write_disabled(file, {*settings.disabled_plugins, name})
    click.echo(f"{name} is disabled in {file}. Restart dxp to apply it. Its tables stay.")


@plugin.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_cli
def remove(cli: Cli, name: str, *, yes: bool) -> None:
    """Remove NAME for good: export its tables, then drop them. Uninstall it afterwards."""
    from dxp.cli.db import report_step, waiting
    from dxp.cli.table_export import export_tables
    from dxp.db.migrate import downgrade, drop_version_table
    from dxp.db.owners import find_owner, owners_of

    settings = cli.settings
    _known(name)
    file = file_to_edit(settings)
    _refuse_if_required(settings, name)
    others = tuple(other for other in settings.disabled_plugins if other != name)
    with _started(settings, disabled=others) as platform:
        owners = owners_of(platform)
        owner = find_owner(owners, name)
        assert owner is not None
        if not yes:
            click.confirm(
                f"This drops all tables of {name} ({owner.prefix}*) after exporting their rows. "
                "Stop dxp first. Go on?",
                abort=True,
            )
        folder, counts = export_tables(platform, owner, owners)
        rows = sum(counts.values())
        click.echo(f"Exported {rows} rows of {len(counts)} tables to {folder}.")
        _call(platform, name, "purge")
        engine = platform.db.engine
        downgrade(engine, owner, owners, revision="base", report=report_step, waiting=waiting)
        drop_version_table(engine, owner)
        distribution = platform.plugins.loaded[name].distribution
    write_disabled(file, {*others, name})
    click.echo(
        f"{name} is removed from the database and disabled in {file}.\n"
        f"Uninstall it with: pip uninstall {distribution}"
    )


@contextmanager
def _started(settings: Settings, *, disabled: Sequence[str]) -> Iterator[Platform]:
    """The platform with all plugins but those, on whatever database there is."""
    from dxp.app import create_app

    changed = dataclasses.replace(settings, disabled_plugins=tuple(disabled))
    app = create_app(changed, check_database=False)
    platform: Platform = app.extensions["dxp"]
    try:
        yield platform
    finally:
        platform.db.dispose()


def _known(name: str) -> None:
    from dxp.plugins.discovery import announced

    installed = sorted(announced())
    if name not in installed:
        import difflib

        near = difflib.get_close_matches(name, installed, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ConfigurationError(
            f"No plugin named {name!r} is installed.\n"
            f"{hint}Installed: {', '.join(installed) or 'none'}. Install its distribution first."
        )


def _refuse_if_required(settings: Settings, name: str) -> None:
    from dxp.plugins.discovery import installed

    try:
        found = installed(disabled=settings.disabled_plugins)
    except ConfigurationError:
        # One of them cannot even be imported; that is a reason to go on, not to stop.
        return
    needing = sorted(item.plugin.name for item in found if name in item.plugin.requires)
    if needing:
        commands = "; ".join(f"dxp plugin disable {other}" for other in needing)
        raise ConfigurationError(
            f"{', '.join(needing)} cannot do without {name!r}, so nothing was changed.\n"
            f"Disable what needs it first: {commands}"
        )


def _call(platform: Platform, name: str, hook: str) -> None:
    """Let the plugin do its part, and note it in the audit log, in one transaction."""
    from dxp.auth.actors import SystemActor
    from dxp.plugins.contexts import LifeContext

    loaded = platform.plugins.loaded[name]
    method: Any = getattr(loaded.plugin, hook)
    with platform.db.write() as session:
        method(LifeContext(session=session, platform=platform, report=click.echo))
        platform.audit.record(
            session,
            SystemActor(name="cli"),
            action=f"core.plugin.{'removed' if hook == 'purge' else hook}",
            object_type="plugin",
            object_id=name,
            after={"version": loaded.version},
        )
