"""`dxp crm …`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click
from flask import current_app
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.orm import Session

from dxp.api import Problem, SystemActor
from dxp_crm.models import Import
from dxp_crm.services import Crm
from dxp_crm.services.importing.files import ENCODINGS
from dxp_crm.services.importing.runs import OUTCOMES
from dxp_crm.services.importing.runs import Progress as Told
from dxp_crm.services.importing.service import ImportService
from dxp_crm.services.listing import CustomerFilter

SHOWN_FAULTS = 20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import")
@click.option(
    "--customers",
    type=_FILE,
    help="CSV file of customers; its headings name the fields, such as ref, name, email.",
)
@click.option(
    "--organisations",
    type=_FILE,
    help="CSV file of organisations with number, name; customers name them by the number.",
)
@click.option(
    "--orders",
    type=_FILE,
    help="CSV file with order_id, ref, occurred_at, total, currency.",
)
@click.option("--source", default="import", show_default=True, help="Name of the shop.")
@click.option(
    "--encoding",
    type=click.Choice(ENCODINGS),
    help="Of the files, when they are not in UTF-8 and do not say so themselves.",
)
def import_command(
    customers: Path | None,
    organisations: Path | None,
    orders: Path | None,
    source: str,
    encoding: str | None,
) -> None:
    """Import organisations, customers and orders from CSV files, in this order; a second time
    changes nothing."""
    wanted = (("organisations", organisations), ("customers", customers), ("order.placed", orders))
    if all(path is None for _kind, path in wanted):
        raise click.UsageError(
            "nothing to import; name a file with --customers, --organisations or --orders"
        )
    platform = current_app.extensions["dxp"]
    imports = platform.services.get(Crm).imports
    done: list[Import] = []
    with Progress(transient=True) as bar:
        for kind, path in wanted:
            if path is not None:
                done.append(_import(imports, bar, kind, path, source=source, encoding=encoding))
    with platform.db.read() as session:
        _show(session, imports, done)
    if any(job.counts.get("faulty") for job in done):
        raise SystemExit(1)


@click.command("export")
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    required=True,
    help="CSV file to write; one that is there is replaced.",
)
@click.option("--tag", help="Only customers who carry this tag.")
def export_command(path: Path, tag: str | None) -> None:
    """Write all customers into a CSV file that the import takes again."""
    exports = current_app.extensions["dxp"].services.get(Crm).exports
    lines = exports.customers(SystemActor(name="export"), CustomerFilter(tag=tag))
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
    click.echo(f"Wrote {path}")


def _import(
    imports: ImportService,
    bar: Progress,
    kind: str,
    path: Path,
    *,
    source: str,
    encoding: str | None,
) -> Import:
    def watch(job: Import) -> Told:
        task = bar.add_task(path.name, total=job.size)
        return lambda read: bar.update(task, completed=read)

    with path.open("rb") as file:
        try:
            return imports.import_at_once(
                SystemActor(name="import"),
                file,
                kind=kind,
                file_name=path.name,
                source=source,
                encoding=encoding,
                progress=watch,
            )
        except Problem as problem:
            reasons = [problem.detail, *(error.detail for error in problem.errors)]
            raise click.ClickException(f"{path}: {' '.join(dict.fromkeys(reasons))}") from problem


def _show(session: Session, imports: ImportService, done: list[Import]) -> None:
    console = Console()
    table = Table("", *OUTCOMES)
    for job in done:
        table.add_row(job.file_name, *(str(job.counts.get(name, 0)) for name in OUTCOMES))
    console.print(table)
    for job in done:
        for faulty in islice(imports.faulty_rows(session, job), SHOWN_FAULTS):
            reasons = " ".join(faulty.reasons)
            console.print(f"[red]{job.file_name}, row {faulty.row}:[/red] {reasons}")
