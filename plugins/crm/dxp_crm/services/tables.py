"""Tables for spreadsheet programs: no cell of ours becomes a formula of theirs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

# What spreadsheet programs take for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_GUARD = "'"
BOM = "\ufeff"


def guarded(cell: str) -> str:
    """The cell with an apostrophe before it, if it would be taken for a formula."""
    return f"{_GUARD}{cell}" if cell.startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_FORMULA) else cell


def csv_lines(rows: Iterable[Sequence[str]], *, delimiter: str = ",") -> Iterator[str]:
    """Lines of a CSV file, one at a time, with a mark by which programs know it is UTF-8."""
    line = _Line()
    writer = csv.writer(line, delimiter=delimiter)
    yield BOM
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
        yield line.text


class _Line:
    """Where csv writes: it keeps the last line only."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text
