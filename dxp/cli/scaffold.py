"""`dxp plugin new`: makes a plugin and installs it into this environment."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

from dxp.plugins.scaffold import ScaffoldError, check_name, make_plugin


@click.command("new", short_help="Make a plugin whose tests pass at once.")
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the new plugin; by default plugins/NAME where there is a folder of plugins, "
    "else ./NAME.",
)
@click.option(
    "--install/--no-install",
    default=True,
    show_default=True,
    help="Install it into this environment, so that dxp finds it.",
)
def new(name: str, folder: Path | None, *, install: bool) -> None:
    """Make a plugin called NAME, such as wishlist or gift_cards.

    It has a model with its migration, a service, an endpoint, an admin page, a permission, an
    event, a job, a setting, a command and translations, with tests that pass at once.
    """
    target = folder or default_folder(name)
    try:
        check_name(name)
        written = make_plugin(name, target)
    except ScaffoldError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {len(written)} files to {target}.")
    if install:
        _install(target)
        click.echo("Installed it into this environment.")
    steps = [] if install else [f"{_python()} {' '.join(_pip(target))}"]
    steps += ["dxp db upgrade", f"{_python()} -m pytest {shlex.quote(str(target))}", "dxp serve"]
    click.echo("Next:\n" + "\n".join(f"    {step}" for step in steps))


def default_folder(name: str) -> Path:
    """Return where a plugin goes when nobody says: beside its kind, if there are any."""
    plugins = Path("plugins")
    return plugins / name if plugins.is_dir() else Path(name)


def _install(folder: Path) -> None:
    done = subprocess.run(  # noqa: S603  # the path is one argument, not a line of shell
        [sys.executable, *_pip(folder, quiet=True)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise click.ClickException(
            f"The plugin is in {folder}, but could not be installed:\n{tail}\n"
            f"Install it with: {_python()} {' '.join(_pip(folder))}"
        )


def _pip(folder: Path, *, quiet: bool = False) -> list[str]:
    """What it needs is here already, dxp and setuptools; nothing is fetched."""
    options = ["--quiet", "--disable-pip-version-check"] if quiet else []
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    return ["-m", "pip", "install", *options, *offline, "-e", str(folder)]


def _python() -> str:
    """This interpreter, as it is typed from the working directory."""
    return (
        os.path.relpath(sys.executable) if Path.cwd() in Path(sys.executable).parents else "python"
    )
