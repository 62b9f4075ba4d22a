"""`python -m bench`: measure, and print a table."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from bench.events import BATCH, Shop
from bench.rounds import Contender, in_turns, share_of
from dxp.cli.tables import print_table
from dxp.testing.apps import AppMaker
from dxp.testing.databases import databases_for

POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
WANTED = 0.3
HEADINGS = ("Database", "Measured", "Segments", "Median", "Spread", "Events a second", "Share")


@click.command()
@click.option("--rounds", type=click.IntRange(3, 10_000), default=15, show_default=True)
@click.option("--customers", type=click.IntRange(1, 1_000_000), default=1000, show_default=True)
@click.option("--segments", type=click.IntRange(0, 1000), default=50, show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), help="Only this one.")
def main(*, rounds: int, customers: int, segments: int, database: str | None) -> None:
    """Measure events a second through the batch endpoint beside a plain INSERT."""
    rows: list[Sequence[str]] = []
    for name in ("sqlite", "postgresql") if database is None else (database,):
        url = os.environ.get("DXP_TEST_POSTGRES", POSTGRESQL) if name == "postgresql" else None
        if url is not None and not _answers(url):
            Console(stderr=True).print("PostgreSQL does not answer; set DXP_TEST_POSTGRES")
            continue
        rows += _measure(name, url, rounds=rounds, customers=customers, segments=segments)
    print_table(HEADINGS, rows)


def _measure(
    name: str, url: str | None, *, rounds: int, customers: int, segments: int
) -> Sequence[Sequence[str]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        tempfile.TemporaryDirectory(prefix="dxp-bench-") as folder,
        Progress(*columns, console=Console(stderr=True)) as bar,
    ):
        databases = databases_for(url, Path(folder))
        maker = AppMaker(databases, Path(folder))
        task = bar.add_task(f"{name}: preparing", total=None)
        try:
            app = maker.make(settings={"environment": "production"})
            shop = Shop(app, customers=customers, segments=segments)
            floor, *measured = shop.contenders()
            bar.update(task, description=f"{name}: rounds", total=rounds + 2)
            for _number in in_turns((floor, *measured), rounds=rounds):
                bar.advance(task)
        finally:
            maker.close()
            databases.close()
    rows = [_row(name, floor, "", "1")]
    for contender in measured:
        share = share_of(floor, contender)
        verdict = "as wanted" if share >= WANTED else f"wanted: {WANTED}"
        rows.append(_row(name, contender, str(shop.segments), f"{share:.2f} ({verdict})"))
    return rows


def _row(name: str, contender: Contender, segments: str, share: str) -> Sequence[str]:
    return (
        name,
        contender.name,
        segments,
        f"{contender.median * 1000:.1f} ms",
        f"± {contender.spread:.0%}",
        f"{BATCH / contender.median:,.0f}",
        share,
    )


def _answers(url: str) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True


if __name__ == "__main__":
    main()
