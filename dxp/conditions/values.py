"""Values of facts and how they compare, the same in Python and in SQL.

Facts are JSON: null, booleans, numbers, texts, arrays and objects. Numbers are doubles, as in
JavaScript. Moments are texts of one form, so that they sort as texts do in every database:
`2026-03-10T09:00:00.000000Z`; days are `2026-03-10`, and a day of the year is `--03-10`, with
`@calendar` behind it when its calendar is not the Gregorian one.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

KINDS: Final = ("null", "boolean", "number", "string", "array", "object")
MOMENT_FORM: Final = re.compile(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z)?"
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_RELATIVE = re.compile(r"([+-])(\d{1,7})(mo|[smhdw])", re.ASCII)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=30),
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_LONGEST = timedelta(days=36_500)
_DAY_OF_YEAR = re.compile(
    r"(?:[0-9]{4}-|--)(?P<day>[0-9]{2}-[0-9]{2})(?:@(?P<calendar>[a-z_]{1,20}))?"
)

MonthDay = Callable[[date], tuple[int, int]]
"""Month and day of a Gregorian date in another calendar."""


class Missing:
    """The type of `MISSING`: what was never told compares as null."""


MISSING: Final = Missing()


def normal(value: Any) -> Any:
    """A fact as JSON has it; moments, days and numbers in the one form of this language."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return value


def lookup(facts: Mapping[str, Any], name: str) -> Any:
    """A fact by its dotted name: the longest part that is a key, then step by step."""
    if name in facts:
        return normal(facts[name])
    head = name
    while "." in head:
        head = head.rpartition(".")[0]
        if head in facts:
            return _walk(facts[head], name[len(head) + 1 :].split("."))
    return MISSING


def _walk(here: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if not isinstance(here, Mapping) or step not in here:
            return MISSING
        here = here[step]
    return normal(here)


def kind_of(value: Any) -> str:
    """One of `KINDS`; `undefined` of what is missing."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, Sequence):
        return "array"
    return "undefined"


def number_of(value: float) -> float:
    """As a double; what is too large is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def same(a: Any, b: Any) -> bool:
    """Deep equality; true is not 1, 1 is 1.0, and missing is null."""
    kind = kind_of(a)
    if kind == "undefined":
        return b is None
    if kind != kind_of(b):
        return False
    if kind == "number":
        return number_of(a) == number_of(b)
    if kind == "array":
        return len(a) == len(b) and all(same(normal(x), y) for x, y in zip(a, b, strict=True))
    if kind == "object":
        return a.keys() == b.keys() and all(same(normal(a[key]), b[key]) for key in a)
    return bool(a == b)


def moment_text(moment: datetime) -> str:
    """A moment in the one form that sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def moment_of(text: str) -> datetime | None:
    """The moment that a text of the one form names; a day is its beginning in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def canonical(text: str) -> str:
    """A text to compare with; a moment of any zone and precision gets the one form."""
    if _ISO.fullmatch(text):
        try:
            return moment_text(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            return text
    return text


def relative_of(text: str) -> timedelta | None:
    """How far `now`, `-30d` or `+2h` lies from now; None when the text is nothing of the kind."""
    if text == "now":
        return timedelta()
    found = _RELATIVE.fullmatch(text)
    if found is None:
        return None
    sign, amount, unit = found.groups()
    try:
        span = _UNITS[unit] * int(amount)
    except OverflowError:
        return None
    return span if sign == "+" else -span


def span_of(text: object) -> timedelta:
    """A length of time such as `30d`, at most a hundred years.

    Raises:
        ValueError: it is none, or not longer than nothing.
    """
    found = relative_of(f"+{text}") if isinstance(text, str) else None
    if found is None or not timedelta() < found <= _LONGEST:
        raise ValueError("a length of time is a number and a unit: 90m, 12h, 30d, 4w or 3mo")
    return found


def fixed_moment(text: object) -> datetime:
    """A day, which is its first moment in UTC, or a moment with its zone.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(text, str) and (_DAY.fullmatch(text) or _ISO.fullmatch(text)):
        found = moment_of(text)
        if found is not None and 1900 <= found.year <= 9000:
            return found
    raise ValueError("takes a day such as 2026-03-01, or a moment with its zone")


def decimal_of(value: Any) -> Any:
    """The number that a value is or, as money, is written as; `MISSING` of anything else."""
    if kind_of(value) == "number":
        return value
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return float(value)
    return MISSING


def day_of_year(value: Any) -> str | None:
    """`03-10`, or `03-10@jalali`, of a day or a day of the year; None of anything else."""
    found = _DAY_OF_YEAR.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    calendar = found["calendar"]
    return found["day"] if calendar is None else f"{found['day']}@{calendar}"


def observed(
    first: date, last: date, calendars: Mapping[str, MonthDay] | None = None
) -> frozenset[str]:
    """The days of the year that are kept between two dates, in every calendar.

    A day that a month lacks, such as 29 February, is kept on the month's last day.
    """
    found = _kept_between(_gregorian, first, last)
    for mark, reader in (calendars or {}).items():
        found |= {f"{day}@{mark}" for day in _kept_between(reader, first, last)}
    return found


@lru_cache(maxsize=512)
def _kept_between(reader: MonthDay, first: date, last: date) -> frozenset[str]:
    span = range((last - first).days + 1)
    return frozenset().union(*(_kept_on(reader, first + timedelta(days=step)) for step in span))


@lru_cache(maxsize=4096)
def _kept_on(reader: MonthDay, day: date) -> frozenset[str]:
    month, number = reader(day)
    is_last = reader(day + timedelta(days=1))[0] != month
    numbers = range(number, 32 if is_last else number + 1)
    return frozenset(f"{month:02}-{each:02}" for each in numbers)


def _gregorian(day: date) -> tuple[int, int]:
    return day.month, day.day


def padded_version(value: Any) -> str:
    """A version so that texts sort as versions do, as GrowthBook's specification pads it."""
    text = str(value) if value not in ("", None) else "0"
    parts = re.split(r"[-.]", re.sub(r"(^v|\+.*$)", "", text))
    if len(parts) == 3:
        parts.append("~")
    return "-".join(part.rjust(5) if part.isdigit() and part.isascii() else part for part in parts)
