"""`dxp doctor`: finds out what is wrong, and says what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from dxp.cli.context import Cli, pass_cli

if TYPE_CHECKING:
    from dxp.plugins.contexts import HealthCheck


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@pass_cli
def doctor(cli: Cli, *, as_json: bool) -> None:
    """Check settings, disk, database, migrations, jobs, servers and plugins.

    Exits with 1 when something is wrong.
    """
    findings: list[HealthCheck] = []
    for finding in examine(cli):
        findings.append(finding)
        if not as_json:
            _show(finding)
    wrong = sum(not finding.ok for finding in findings)
    if as_json:
        import dataclasses
        import json

        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        click.echo("All is well." if not wrong else f"{wrong} of {len(findings)} need attention.")
    sys.exit(1 if wrong else 0)


def examine(cli: Cli) -> Iterator[HealthCheck]:
    """All findings, in the order in which one thing needs another."""
    from dxp.cli.checks import AFTER_START, BEFORE_START, WHEN_CURRENT, guarded
    from dxp.errors import DxpError
    from dxp.plugins.contexts import HealthCheck

    try:
        settings = cli.settings
    except DxpError as error:
        yield HealthCheck(name="settings", ok=False, detail=str(error), advice="See above.")
        return
    for check in BEFORE_START:
        yield from guarded(_name(check), partial(check, settings))
    try:
        platform = cli.mending_platform
    except DxpError as error:
        what, _, advice = str(error).partition("\n")
        yield HealthCheck(name="start", ok=False, detail=what, advice=advice)
        return
    current = True
    for examination in AFTER_START:
        for finding in guarded(_name(examination), partial(examination, platform)):
            current = current and finding.ok
            yield finding
    if current:
        for examination in WHEN_CURRENT:
            yield from guarded(_name(examination), partial(examination, platform))


def _name(check: object) -> str:
    return getattr(check, "__name__", "check").removeprefix("check_").replace("_", " ")


def _show(finding: HealthCheck) -> None:
    mark, colour = ("ok", "green") if finding.ok else ("!!", "red")
    click.secho(f"{mark}  ", fg=colour, bold=not finding.ok, nl=False)
    click.echo(f"{finding.name:<14} {finding.detail}")
    if not finding.ok and finding.advice:
        for line in finding.advice.splitlines():
            click.echo(f"{'':<19}{line}")
