"""`dxp settings`: what holds and where it comes from, all there is to set, a new secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dxp.cli.context import Cli, pass_cli
from dxp.errors import ConfigurationError

if TYPE_CHECKING:
    from marshmallow import Schema


@click.group()
def settings() -> None:
    """Show and explain settings."""


@settings.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@pass_cli
def show(cli: Cli, *, as_json: bool) -> None:
    """Show every setting that holds, and where it comes from. Secrets are hidden."""
    from dxp.settings.describe import shown

    rows = list(shown(cli.settings, _plugin_schemas(cli)))
    if as_json:
        import json

        listed = {key: {"value": value, "source": source} for key, value, source in rows}
        click.echo(json.dumps(listed, indent=2))
        return
    from rich.text import Text

    from dxp.cli.tables import print_table

    print_table(
        ("Setting", "Value", "From"),
        [
            [
                Text(cell, style="dim" if source == "default" else "")
                for cell in (key, value, source)
            ]
            for key, value, source in rows
        ],
    )


@settings.command()
@pass_cli
def example(cli: Cli) -> None:
    """Print a dxp.toml with all settings, explained and commented out."""
    from dxp.settings.describe import example_file

    click.echo(example_file(_plugin_schemas(cli)), nl=False)


@settings.command()
def secret() -> None:
    """Print a new secret key, for DXP_SECRET_KEY."""
    from dxp.settings.secret import new_secret

    click.echo(new_secret())


def _plugin_schemas(cli: Cli) -> dict[str, type[Schema]]:
    """The schemas of plugins that can be imported; explaining settings must work in any case."""
    from dxp.plugins.discovery import installed

    try:
        disabled = cli.settings.disabled_plugins
    except ConfigurationError:
        disabled = ()
    try:
        found = installed(disabled=disabled)
    except ConfigurationError as error:
        click.secho(f"Plugins' settings are left out: {error}", fg="yellow", err=True)
        return {}
    return {
        item.plugin.name: item.plugin.settings_schema
        for item in found
        if item.plugin.settings_schema is not None
    }
