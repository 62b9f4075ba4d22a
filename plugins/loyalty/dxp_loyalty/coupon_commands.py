"""`dxp loyalty coupons …`: codes by the batch."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import select

from dxp.api import Platform, Problem, SystemActor
from dxp_loyalty.models import CouponBatch
from dxp_loyalty.services.coupon_batches import BatchDraft
from dxp_loyalty.services.coupon_codes import ALPHABETS, CodeForm
from dxp_loyalty.services.loyalty import Loyalty

OPERATOR = SystemActor(name="command-line")


@click.group("coupons")
def coupons_command() -> None:
    """Make coupon codes, and bring them in from files."""


@coupons_command.command("generate")
@click.argument("key")
@click.option("--count", type=click.IntRange(1), required=True, help="How many codes.")
@click.option("--to", "path", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--name", default="", help="For people; the key when it is not given.")
@click.option("--prefix", default="", help="Before each code, such as SUN-.")
@click.option("--length", default=12, show_default=True, help="Random letters of each code.")
@click.option("--alphabet", type=click.Choice(list(ALPHABETS)), default="letters_digits")
@click.option("--max-uses", type=click.IntRange(1), default=1, show_default=True)
def generate_command(
    key: str,
    count: int,
    path: Path,
    name: str,
    prefix: str,
    length: int,
    alphabet: str,
    max_uses: int,
) -> None:
    """Make codes under KEY and write them to a new file, once: only their hashes are kept.

    A run that was stopped goes on when it is started again with the same KEY.
    """
    platform: Platform = current_app.extensions["dxp"]
    batches = platform.services.get(Loyalty).coupon_batches
    form = CodeForm(prefix=prefix, length=length, alphabet=alphabet)
    draft = BatchDraft(key=key, name=name or key, count=count, form=form, max_uses=max_uses)
    if path.exists():
        raise click.ClickException(f"{path} is there already; name a new file")
    try:
        with platform.db.write() as session:
            batch = session.scalars(
                select(CouponBatch).where(CouponBatch.key == key, CouponBatch.state == "making")
            ).first() or batches.create(session, draft, actor=OPERATOR, background=False)
            batch_id, wanted = batch.id, batch.wanted
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        with bar:
            task = bar.add_task("Codes", total=wanted)
            batches.make(batch_id, progress=lambda made, _all: bar.update(task, completed=made))
        with platform.db.write() as session, path.open("x", encoding="utf-8", newline="") as file:
            path.chmod(0o600)
            file.writelines(batches.lines(batches.deliver(session, batch_id, actor=OPERATOR)))
    except Problem as problem:
        reasons = [problem.detail, *(error.detail for error in problem.errors)]
        raise click.ClickException(" ".join(dict.fromkeys(reasons))) from problem
    click.echo(f"{wanted:,} codes of {form.entropy:.0f} bits in {path}")


@coupons_command.command("import")
@click.argument("key")
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", default="", help="Of a new batch; the key when it is not given.")
def import_command(key: str, path: Path, name: str) -> None:
    """Bring codes from the CSV file PATH into the batch KEY, which is made if need be.

    Its columns are `code`, and if wanted `member`, `valid_until` and `max_uses`. Ends with 1 when
    rows were left out.
    """
    platform: Platform = current_app.extensions["dxp"]
    loyalty = platform.services.get(Loyalty)
    draft = BatchDraft(key=key, name=name or key, origin="imported")
    try:
        with platform.db.write() as session, path.open(encoding="utf-8", newline="") as lines:
            batch = session.scalars(
                select(CouponBatch).where(CouponBatch.key == key)
            ).first() or loyalty.coupon_batches.create(session, draft, actor=OPERATOR)
            report = loyalty.coupon_imports.run(session, batch.id, lines, actor=OPERATOR)
    except Problem as problem:
        raise click.ClickException(problem.detail) from problem
    table = Table("imported", "left out")
    table.add_row(f"{report.imported:,}", f"{report.faulty:,}")
    console = Console()
    console.print(table)
    for fault in report.faults:
        console.print(f"[red]Row {fault.row}:[/red] {fault.detail}")
    if report.faulty:
        sys.exit(1)
