"""Rows of a delimited text file, one at a time, whatever is wrong with some of them."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

from dxp.api import lazy_gettext as _l
from dxp_crm.services.importing.faults import Fault, UnreadableFile

DELIMITERS = (",", ";", "\t", "|")
LONGEST_LINE = 200_000
MOST_COLUMNS = 200
LONGEST_HEADING = 200
_SAMPLED_LINES = 20


@dataclass(slots=True)
class Row:
    """One record after the heading.

    Attributes:
        number: 1 for the first.
        line: of the file, where it begins.
        fault: why it cannot be read; `cells` are then empty.
        read: bytes of the file that were read so far, roughly.
    """

    number: int
    line: int
    cells: list[str]
    fault: Fault | None
    read: int


class _LineTooLong(Exception):
    pass


class _Lines:
    """Lines of bounded length: a file without line ends cannot fill the memory."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) < LONGEST_LINE or line.endswith(("\n", "\r")):
            return line
        while (rest := self._file.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
            pass
        raise _LineTooLong


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIOWrapper]:
    with path.open("r", encoding=encoding, newline="") as file:
        yield file


def find_delimiter(path: Path, encoding: str) -> str:
    """The character that divides the heading, and the lines after it, into most columns."""
    with _opened(path, encoding) as file:
        try:
            sample = list(islice(_Lines(file), _SAMPLED_LINES))
        except _LineTooLong:
            sample = []
    counts = {}
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter) if row)
        except csv.Error:
            continue
        counts[delimiter] = min(widths, default=0), max(widths, default=0)
    return max(counts, key=lambda name: counts[name]) if counts else ","


def read_headings(path: Path, *, encoding: str, delimiter: str) -> list[str]:
    """The names of the columns.

    Raises:
        UnreadableFile: one is missing or stands twice, or there are too many.
    """
    with _opened(path, encoding) as file:
        try:
            cells = next(csv.reader(_Lines(file), delimiter=delimiter, strict=True), [])
        except (_LineTooLong, csv.Error) as error:
            raise UnreadableFile(
                _l("The first line cannot be read. It has to name the columns, in quotes or not.")
            ) from error
    headings = [cell.strip() for cell in cells]
    if not any(headings):
        raise UnreadableFile(_l("The first line is empty. It has to name the columns."))
    if len(headings) > MOST_COLUMNS:
        raise UnreadableFile(
            _l(
                "The file has %(found)s columns; at most %(most)s can be read. Leave some out.",
                found=len(headings),
                most=MOST_COLUMNS,
            )
        )
    for number, heading in enumerate(headings, start=1):
        _check_heading(headings, number, heading)
    return headings


def _check_heading(headings: list[str], number: int, heading: str) -> None:
    if not heading:
        raise UnreadableFile(
            _l(
                "Column %(number)s has no heading. Name every column in the first line.",
                number=number,
            )
        )
    if len(heading) > LONGEST_HEADING or any(
        unicodedata.category(letter) == "Cc" for letter in heading
    ):
        raise UnreadableFile(
            _l(
                "The heading of column %(number)s is no name. Does the first line name the "
                "columns?",
                number=number,
            )
        )
    if headings.index(heading) < number - 1:
        raise UnreadableFile(
            _l(
                "The heading %(heading)s stands twice. Give each column a name of its own.",
                heading=heading,
            )
        )


def read_rows(
    path: Path, *, encoding: str, delimiter: str, width: int, skip: int = 0
) -> Iterator[Row]:
    """The records after the heading; blank lines are left out.

    Args:
        width: cells that each has to have.
        skip: records that are read over.
    """
    with _opened(path, encoding) as file:
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        next(reader, None)
        number = 0
        while True:
            line = lines.number + 1
            cells: list[str] = []
            fault = None
            try:
                cells = next(reader)
                if not cells:
                    continue
            except StopIteration:
                return
            except _LineTooLong:
                fault = Fault(code="too_long", values={"limit": LONGEST_LINE})
            except csv.Error as error:
                code = "too_long" if "larger than field limit" in str(error) else "quotes"
                fault = Fault(code=code, values={"limit": csv.field_size_limit()})
            except UnicodeDecodeError:
                # The encoding was held against the whole file before; it changed since.
                why = Fault(code="encoding", values={"encoding": encoding})
                yield Row(number + 1, line, [], why, 0)
                return
            number += 1
            if number <= skip:
                continue
            if fault is None and len(cells) != width:
                fault = Fault(code="cells", values={"found": len(cells), "wanted": width})
            yield Row(number, line, cells, fault, file.buffer.tell())  # type: ignore[attr-defined]
