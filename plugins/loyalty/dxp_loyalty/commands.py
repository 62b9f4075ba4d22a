"""`dxp loyalty …`."""

from __future__ import annotations

import click
from flask import current_app
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from dxp.api import Platform
from dxp_loyalty.coupon_commands import coupons_command
from dxp_loyalty.jobs import BirthdayRun, birthday_run, rehearse_birthdays
from dxp_loyalty.services.invariants import Report
from dxp_loyalty.services.invariants import verify as verify_ledger
from dxp_loyalty.services.loyalty import Loyalty


class _Undo(Exception):  # it is no error: it ends a rehearsal
    """Rolls a rehearsal back."""


@click.command("verify")
def verify_command() -> None:
    """Check the ledger: chains, sums, lots, holds, stock. Ends with 1 when anything is wrong."""
    platform: Platform = current_app.extensions["dxp"]
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        transient=True,
    ) as bar:
        task = bar.add_task("Entries", total=None)
        with platform.db.read() as session:
            report = verify_ledger(
                session,
                now=platform.clock.now(),
                counting=platform.services.get(Loyalty).tier_counting,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    _show_report(Console(), report)
    if not report.ok:
        raise SystemExit(1)


@click.command("birthdays")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
def birthdays_command(dry_run: bool) -> None:
    """Plan and issue birthday gifts now, as the schedule does every 15 minutes."""
    platform: Platform = current_app.extensions["dxp"]
    console = Console()
    if dry_run:
        run = _rehearse(platform)
        console.print("Nothing was written. A run would:")
    else:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as bar:
            task = bar.add_task("Members")
            run = birthday_run(
                platform,
                progress=lambda now: bar.update(
                    task,
                    description=f"{now.planned:,} members planned, {now.outcome.issued:,} gifts",
                ),
            )
    _show_run(console, run)


def _rehearse(platform: Platform) -> BirthdayRun:
    run = BirthdayRun()
    try:
        with platform.db.write() as session:
            run = rehearse_birthdays(platform, session)
            raise _Undo
    except _Undo:
        return run


def _show_report(console: Console, report: Report) -> None:
    table = Table("accounts", "entries", "lots", "redemptions", "violations")
    table.add_row(
        f"{report.accounts:,}",
        f"{report.entries:,}",
        f"{report.lots:,}",
        f"{report.holds:,}",
        f"{report.faults:,}",
    )
    console.print(table)
    for violation in report.violations:
        console.print(
            f"[red]Invariant {violation.invariant}[/red] {violation.where}: {violation.detail}"
        )
    if report.faults > len(report.violations):
        console.print(f"… and {report.faults - len(report.violations):,} more")
    if report.ok:
        console.print("[green]All invariants hold.[/green]")


def _show_run(console: Console, run: BirthdayRun) -> None:
    table = Table("", "members or gifts")
    table.add_row("plan", f"{run.planned:,}")
    table.add_row("issue", f"{run.outcome.issued:,}")
    table.add_row("mark as missed", f"{run.outcome.missed:,}")
    table.add_row("skip, too close to the last", f"{run.outcome.skipped:,}")
    for reason, count in sorted(run.outcome.waiting.items()):
        table.add_row(f"keep waiting: {reason}", f"{count:,}")
    console.print(table)


COMMANDS = (verify_command, birthdays_command, coupons_command)
