"""From the text of a cell to a value, as people write them in four languages."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dxp_crm.services.importing.faults import Fault, fault_about

YES = frozenset(["yes", "y", "true", "1", "x", "oui", "o", "vrai", "نعم", "صحيح", "بله", "آری"])
NO = frozenset(["no", "n", "false", "0", "non", "faux", "لا", "خطأ", "نه", "خیر"])
_SPACES = re.compile(r"[\s\u00a0\u202f'\u2019\u066c]+")
_PARTS = re.compile(
    r"(\d{1,4})[/.\-](\d{1,2})(?:[/.\-](\d{1,4}))?"
    r"(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\Z"
)
_MONTH_DAY = re.compile(r"(?:--)?(\d{1,2})-(\d{1,2})\Z")


class CellFault(Exception):
    """The text is no value of its field."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


Options = Mapping[str, Any]
Parse = Callable[[str, str, Options], Any]


def text(_name: str, cell: str, _options: Options) -> str:
    """As it stands, without the spaces around it. A formula stays the text that it is."""
    return cell


def role(name: str, cell: str, _options: Options) -> str:
    """Free text of at most 100 characters."""
    if len(cell) > 100:
        raise CellFault(Fault(code="length", field=name))
    return cell


def words(_name: str, cell: str, _options: Options) -> list[str]:
    """A list, divided by commas or semicolons in any of the languages."""
    return [word for part in re.split(r"[,;،؛|]", cell) if (word := part.strip())]


def upper(_name: str, cell: str, _options: Options) -> str:
    """A code that is written in capitals."""
    return cell.upper()


def number(name: str, cell: str, options: Options) -> str:
    """A decimal number as text with a point."""
    plain = _SPACES.sub("", digits(cell)).replace("\u066b", ".")
    mark = options.get("decimal", ".")
    plain = plain.replace("." if mark == "," else ",", "").replace(mark, ".")
    if not re.fullmatch(r"[+-]?\d{1,30}(\.\d{1,20})?", plain):
        raise CellFault(fault_about("number", name, cell))
    return plain


def whole(name: str, cell: str, options: Options) -> int:
    """A whole number."""
    plain = number(name, cell, options)
    if not re.fullmatch(r"[+-]?\d{1,18}", plain):
        raise CellFault(fault_about("number", name, cell))
    return int(plain)


def yes_no(name: str, cell: str, _options: Options) -> bool:
    """True or false, in words or as 1 and 0."""
    word = cell.casefold()
    if word in YES or word in NO:
        return word in YES
    raise CellFault(fault_about("yes_no", name, cell))


def json_value(name: str, cell: str, _options: Options) -> Any:
    """Whatever the JSON text says."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise CellFault(fault_about("json", name, cell)) from error


def moment(name: str, cell: str, options: Options) -> datetime:
    """A moment; UTC where it names no zone, midnight where it names no time."""
    plain = digits(cell)
    try:
        try:
            found = datetime.fromisoformat(plain)
        except ValueError:
            year, month, day, clock = _split(plain, options)
            hour, minute, second = (*clock, 0, 0, 0)[:3]
            found = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CellFault(fault_about("moment", name, cell)) from error


def day(name: str, cell: str, options: Options) -> str:
    """A day as `2026-12-31`."""
    return moment(name, cell, options).date().isoformat()


def birthday(name: str, cell: str, options: Options) -> dict[str, Any]:
    """A day, with a year or without: `1906-12-09`, `12-09`, or in the chosen order."""
    plain = digits(cell)
    short = _MONTH_DAY.match(plain)
    try:
        if short is not None:
            year, month, day = None, int(short[1]), int(short[2])
        elif re.fullmatch(r"\d{1,2}[/.]\d{1,2}", plain):
            first, second = (int(part) for part in re.split(r"[/.]", plain))
            year = None
            day, month = (second, first) if options.get("dates") == "mdy" else (first, second)
        else:
            year, month, day, _clock = _split(plain.partition("T")[0], options)
    except ValueError as error:
        raise CellFault(fault_about("moment", name, cell)) from error
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        raise CellFault(fault_about("moment", name, cell))
    return {
        "month": month,
        "day": day,
        "year": year,
        "calendar": options.get("calendar", "gregorian"),
    }


def digits(cell: str) -> str:
    """The text with the digits of every script as ASCII ones."""
    if cell.isascii():
        return cell
    return "".join(
        str(unicodedata.digit(letter)) if letter.isdecimal() else letter for letter in cell
    )


def _split(plain: str, options: Options) -> tuple[int, int, int, tuple[int, ...]]:
    """Year, month, day and time; a year of four digits may stand first in any order."""
    found = _PARTS.match(plain)
    if found is None or found[3] is None:
        raise ValueError(plain)
    first, second, third = found[1], found[2], found[3]
    clock = tuple(int(part) for part in found.groups()[3:] if part is not None)
    if len(first) == 4:
        return int(first), int(second), int(third), clock
    if len(third) != 4:
        raise ValueError(plain)
    if options.get("dates") == "mdy":
        return int(third), int(first), int(second), clock
    return int(third), int(second), int(first), clock
