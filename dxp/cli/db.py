"""`dxp db`: migrations, and whether models and tables agree."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxp.cli.context import Cli, pass_cli
from dxp.errors import ConfigurationError

if TYPE_CHECKING:
    from dxp.db.migrate import Step
    from dxp.db.owners import Owner
    from dxp.platform import Platform

_STATES = {
    "current": ("green", "current"),
    "new": ("yellow", "not there yet"),
    "behind": ("yellow", "behind"),
    "ahead": ("red", "ahead of the code"),
    "removed": ("dim", "of a plugin that is not started"),
    "none": ("dim", "no migrations"),
}


@click.group()
def db() -> None:
    """Migrate the database, and see where it stands."""


@db.command()
@pass_cli
def upgrade(cli: Cli) -> None:
    """Bring every table up to date: the core's, then each plugin's in start order."""
    from dxp.db.migrate import upgrade as run
    from dxp.db.owners import owners_of

    platform = cli.mending_platform
    steps: list[Step] = []

    def report(step: Step) -> None:
        steps.append(step)
        report_step(step)

    run(platform.db.engine, owners_of(platform), report=report, waiting=waiting)
    _prepare(platform)
    what = f"{len(steps)} steps done" if steps else "Nothing to do"
    click.echo(f"{what}; the database is current.")


@db.command()
@click.argument("owner")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_cli
def downgrade(cli: Cli, owner: str, revision: str, *, yes: bool) -> None:
    """Take OWNER (core, or a plugin) back to REVISION, or to `base`: before its first."""
    from dxp.db.migrate import downgrade as run
    from dxp.db.owners import owners_of

    platform = cli.mending_platform
    owners = owners_of(platform)
    target = _find(owners, owner)
    if not yes:
        click.confirm(
            f"Going back to {revision} drops what later revisions of {owner} added, with its data. "
            "Go on?",
            abort=True,
        )
    run(
        platform.db.engine,
        target,
        owners,
        revision=revision,
        report=report_step,
        waiting=waiting,
    )
    click.echo(f"{owner} is at {revision}.")


@db.command()
@pass_cli
def check(cli: Cli) -> None:
    """Compare the models with the tables; exit with 1 when they differ."""
    from dxp.db.migrate import check as compare
    from dxp.db.owners import owners_of
    from dxp.db.revisions import unfit

    platform = cli.mending_platform
    from dxp.db.migrate import statuses

    reason = unfit(statuses(platform))
    if reason is not None:
        raise ConfigurationError(reason)
    differences = compare(platform.db.engine, owners_of(platform))
    for difference in differences:
        click.echo(f"{difference.owner}: {difference.text}")
    if differences:
        owners = sorted({difference.owner for difference in differences})
        click.echo(
            "The models changed without a migration. Write it: "
            + "; ".join(f'dxp db revision {owner} -m "…"' for owner in owners),
            err=True,
        )
        sys.exit(1)
    click.echo("Models and tables agree.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@pass_cli
def status(cli: Cli, *, as_json: bool) -> None:
    """Show how far the migrations of each owner have come; exit with 1 unless all are current."""
    from dxp.db.migrate import statuses
    from dxp.db.revisions import unfit

    found = statuses(cli.mending_platform)
    if as_json:
        import dataclasses
        import json

        click.echo(json.dumps([dataclasses.asdict(item) for item in found], indent=2))
    else:
        from rich.text import Text

        from dxp.cli.tables import print_table

        rows = []
        for item in found:
            style, words = _STATES[item.state]
            if item.pending:
                words += f" by {len(item.pending)}"
            rows.append(
                (item.owner, item.current or "-", item.head or "-", Text(words, style=style))
            )
        print_table(("Owner", "At", "Newest", "State"), rows)
    reason = unfit(found)
    if reason is not None:
        click.echo(reason, err=True)
        sys.exit(1)


@db.command()
@click.argument("owner")
@click.option("-m", "--message", required=True, help="What changes, in a few words.")
@pass_cli
def revision(cli: Cli, owner: str, message: str) -> None:
    """Write the migration from OWNER's last revision to its models. For developers."""
    from dxp.db.migrate import write_revision
    from dxp.db.owners import owners_of

    owners = owners_of(cli.mending_platform)
    with tempfile.TemporaryDirectory(prefix="dxp-revision-") as scratch:
        path = write_revision(_find(owners, owner), owners, message=message, scratch=Path(scratch))
    if path is None:
        click.echo(f"The models of {owner} hold nothing new.")
        return
    click.echo(f"wrote {path}")
    click.echo("Look it over: it sees tables and columns, not what becomes of the data.")


def _prepare(platform: Platform) -> None:
    """What every installation starts with, beyond tables."""
    with platform.db.write() as session:
        platform.accounts.roles.seed(session)


def _find(owners: list[Owner], name: str) -> Owner:
    from dxp.db.owners import find_owner

    owner = find_owner(owners, name)
    if owner is None:
        raise ConfigurationError(
            f"There is no owner of tables named {name!r}.\n"
            f"There are: {', '.join(item.name for item in owners)}."
        )
    return owner


def report_step(step: Step) -> None:
    """Say on a line what was just done."""
    arrow = "->" if step.direction == "up" else "<-"
    click.echo(f"  {step.owner:<18} {arrow} {step.revision}  {step.message}")


def waiting() -> None:
    """Say why nothing seems to happen."""
    click.echo("Another process is migrating this database; waiting for it …")
