"""`python -m bench`: measure, and print a table."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from bench.events import BATCH, Shop
from bench.filling import rows_of
from bench.reads import FLAT, FLOOR, REPEATS, Crowd
from bench.rounds import Contender, in_turns, share_of
from dxp.cli.tables import print_table
from dxp.testing.apps import AppMaker
from dxp.testing.databases import databases_for

POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
WANTED = 0.3
FEW = 1000
HEADINGS = (
    "Database",
    "Measured",
    "Segments",
    "Median",
    "Spread",
    "Events a second",
    "Share",
)


@click.command()
@click.option("--rounds", type=click.IntRange(3, 10_000), default=15, show_default=True)
@click.option(
    "--customers",
    type=click.IntRange(FEW, 10_000_000),
    default=1_000_000,
    show_default=True,
    help="As many as reading among few is compared with.",
)
@click.option("--segments", type=click.IntRange(0, 1000), default=50, show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), help="Only this one.")
@click.option("--only", type=click.Choice(["events", "reads"]), help="Only this part.")
def main(
    *, rounds: int, customers: int, segments: int, database: str | None, only: str | None
) -> None:
    """Measure events a second beside a plain INSERT, and reads among few and many customers."""
    servers = {}
    for name in ("sqlite", "postgresql") if database is None else (database,):
        url = os.environ.get("DXP_TEST_POSTGRES", POSTGRESQL) if name == "postgresql" else None
        if url is not None and not _answers(url):
            Console(stderr=True).print("PostgreSQL does not answer; set DXP_TEST_POSTGRES")
            continue
        servers[name] = url
    if only != "reads":
        for name, url in servers.items():
            print_table(HEADINGS, _measure_events(name, url, rounds=rounds, segments=segments))
    if only != "events":
        titles = ("Database", "Read", f"{FEW:,}", f"{customers:,}", "Ratio", "Flat")
        for name, url in servers.items():
            rows, plans = _measure_reads(name, url, rounds=rounds, customers=customers)
            print_table(titles, rows)
            for plan in plans:
                click.echo(f"\n{plan}")


@contextmanager
def _lent(name: str, url: str | None) -> Iterator[tuple[AppMaker, Progress, TaskID]]:
    """What makes instances on one database server, all of it taken away again, and a bar."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dxp-bench-")))
        databases = databases_for(url, folder)
        stack.callback(databases.close)
        maker = AppMaker(databases, folder)
        stack.callback(maker.close)
        bar = stack.enter_context(Progress(*columns, console=Console(stderr=True)))
        yield maker, bar, bar.add_task(f"{name}: preparing", total=None)


def _measure_events(
    name: str, url: str | None, *, rounds: int, segments: int
) -> Sequence[Sequence[str]]:
    with _lent(name, url) as (maker, bar, task):
        app = maker.make(settings={"environment": "production"})
        shop = Shop(app, customers=FEW, segments=segments)
        floor, *measured = shop.contenders()
        bar.update(task, description=f"{name}: rounds", total=rounds + 2)
        for _number in in_turns((floor, *measured), rounds=rounds):
            bar.advance(task)
    rows = [_row(name, floor, "", "1")]
    for contender in measured:
        share = share_of(floor, contender)
        verdict = "as wanted" if share >= WANTED else f"wanted: {WANTED}"
        rows.append(_row(name, contender, str(shop.segments), f"{share:.2f} ({verdict})"))
    return rows


def _measure_reads(
    name: str, url: str | None, *, rounds: int, customers: int
) -> tuple[Sequence[Sequence[str]], Sequence[str]]:
    """Rows of the table, and the plans of the reads that are not flat."""
    with _lent(name, url) as (maker, bar, task):
        bar.update(task, description=f"{name}: rows", total=rows_of(FEW) + rows_of(customers))

        def crowd(size: int) -> Crowd:
            app = maker.make(settings={"environment": "production"})
            return Crowd(app, customers=size, advance=lambda rows: bar.advance(task, rows))

        few, many = crowd(FEW), crowd(customers)
        among_few, among_many = few.contenders(), many.contenders()
        bar.update(task, description=f"{name}: rounds", completed=0, total=rounds + 2)
        # The two of a pair follow one another, so that both meet the same noise.
        pairs = [one for read in among_few for one in (among_few[read], among_many[read])]
        for _number in in_turns(pairs, rounds=rounds):
            bar.advance(task)
        rows, plans = [], []
        for read, slow in among_many.items():
            ratio = share_of(slow, among_few[read])
            flat = ratio <= FLAT or read == FLOOR
            times = (f"{one.median / REPEATS * 1000:.2f} ms" for one in (among_few[read], slow))
            verdict = "" if read == FLOOR else "as wanted" if flat else f"wanted: {FLAT}"
            rows.append((name, read, *times, f"{ratio:.2f}", verdict))
            if not flat:
                plans += [f"{name}, {read}:\n{plan}" for plan in many.plans(slow)]
    return rows, plans


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
