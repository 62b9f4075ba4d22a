"""Tables for people at a terminal, and for what reads them through a pipe.

Names, addresses and ids are there to be copied into the next command, so they are wrapped and never
cut; and a cell is text that somebody wrote, so nothing in it is taken for markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

# A pipe has no width of its own: a row is a line there, for grep and awk.
_PIPE_WIDTH = 1000
Cell = str | Text


def make_console() -> Console:
    """A console on standard output that takes nothing for markup."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def print_table(titles: Sequence[str], rows: Iterable[Sequence[Cell]], *, whole: int = 1) -> None:
    """Print rows under titles.

    Args:
        rows: plain text, or a `Text` that brings its style.
        whole: so many columns from the left stay on one line, and the others wrap for them.
    """
    table = Table(box=None, pad_edge=False)
    for index, title in enumerate(titles):
        table.add_column(title, overflow="fold", no_wrap=index < whole)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    make_console().print(table)
