"""How a row of the form compares one value: its operators, to and from the language."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from dxp.api import gettext as _

Row = dict[str, Any]
EMPTY: Mapping[str, str] = {"op": "", "value": "", "value2": "", "unit": "d"}
_LISTING = ("$in", "$nin", "$all")
_NO_VALUE = ("exists", "missing")
_SPANS = ("within", "earlier", "ahead")
_YEARLY = ("anniversary", "-anniversary")
_DATED = ("moment", "day", "date")


def operators_of(kind: str) -> list[tuple[str, str]]:
    """The comparisons of a kind of value, with their words."""
    exists = [("exists", _("is known")), ("missing", _("is not known"))]
    same = [("$eq", _("is")), ("$ne", _("is not"))]
    if kind in ("number", "money"):
        order = [
            ("$gte", _("is at least")),
            ("$lte", _("is at most")),
            ("$gt", _("is more than")),
            ("$lt", _("is less than")),
            ("between", _("lies between")),
        ]
        return [*order, *same, *exists]
    if kind == "boolean":
        return [*same, *exists]
    if kind == "texts":
        return [("$in", _("has one of")), ("$nin", _("has none of")), ("$all", _("has all of"))]
    if kind in _DATED:
        fixed = [
            ("$gte", _("is on or after")),
            ("$lt", _("is before")),
            ("between", _("lies between")),
        ]
        if kind == "date":
            return [*fixed, *exists]
        yearly = [
            ("anniversary", _("comes round within")),
            ("-anniversary", _("came round within")),
        ]
        spans = [
            ("within", _("lies in the last")),
            ("earlier", _("lies longer ago than")),
            ("ahead", _("lies in the next")),
        ]
        return [*(yearly if kind == "day" else []), *spans, *fixed, *exists]
    return [
        *same,
        ("$in", _("is one of")),
        ("$nin", _("is none of")),
        ("$regex", _("matches the pattern")),
        *exists,
    ]


def units() -> list[tuple[str, str]]:
    """The units of a length of time."""
    return [
        ("m", _("minutes")),
        ("h", _("hours")),
        ("d", _("days")),
        ("w", _("weeks")),
        ("mo", _("months of 30 days")),
    ]


def takes(op: str, kind: str) -> str:
    """What stands behind an operator: nothing, span, days, date, dates, numbers or value."""
    if op in _NO_VALUE or not op:
        return "nothing"
    if op in _SPANS:
        return "span"
    if op in _YEARLY:
        return "days"
    if op == "between":
        return "dates" if kind in _DATED else "numbers"
    return "date" if kind in _DATED else "value"


def tidy(row: Row, kind: str) -> None:
    """Give a row an operator of its kind, such as when another field was chosen."""
    known = [op for op, _words in operators_of(kind)]
    if row["op"] not in known:
        row["op"] = known[0]


def fault_of(row: Row, kind: str) -> str | None:
    """What keeps a row from meaning something, or None."""
    first, second = row["value"].strip(), row["value2"].strip()
    what = takes(row["op"], kind)
    if what in ("span", "days"):
        return span_fault(first, row["unit"])
    if what in ("date", "dates"):
        texts = [first, second] if what == "dates" else [first]
        if not all(day_of(text) for text in texts):
            return _("Choose a day.") if what == "date" else _("Choose both days.")
        return _("The first comes after the second.") if texts != sorted(texts) else None
    if what == "numbers" or (what == "value" and kind in ("number", "money")):
        numbers = [number_of(text) for text in ([first, second] if what == "numbers" else [first])]
        if None in numbers:
            return _("Write a number.")
        return _("The first is more than the second.") if numbers != sorted(numbers) else None  # type: ignore[type-var]
    if row["op"] in _LISTING and not _listed(first):
        return _("Write one value at least.")
    return None


def comparison_of(row: Row, kind: str) -> Any:
    """What a row asks of its value, in the language; what it says must have no fault."""
    op, text, second = row["op"], row["value"].strip(), row["value2"].strip()
    if op in _NO_VALUE:
        return {"$exists": op == "exists"}
    if op in _YEARLY:
        sign = "-" if op.startswith("-") else ""
        return {"$anniversary": {"within": f"{sign}{whole(text) or text}d"}}
    if op in _SPANS:
        span = f"{whole(text) or text}{row['unit']}"
        return {
            "within": {"$gt": f"-{span}", "$lte": "now"},
            "earlier": {"$lte": f"-{span}"},
            "ahead": {"$gt": "now", "$lte": f"+{span}"},
        }[op]
    if op == "between":
        if kind in _DATED:
            return {"$gte": text, "$lt": day_after(second)}
        return {"$gte": _value(text, kind), "$lte": _value(second, kind)}
    if op in _LISTING:
        return {op: [_value(part, kind) for part in _listed(text)]}
    return {op: _value(text, kind)}


def row_of(wanted: Any, kind: str) -> Row | None:
    """The row that means a comparison, by trying what each operator of the form would mean.

    None when none of them says the same, to the last letter.
    """
    asked = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    for op, _words in operators_of(kind):
        guess = _guess(op, asked)
        if guess is None:
            continue
        row = {**EMPTY, "op": op, **guess}
        if fault_of(row, kind) is None and alike(comparison_of(row, kind), asked):
            return row
    return None


def alike(one: Any, other: Any) -> bool:
    """The same JSON: here true is not 1, and 1 is not 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def span_fault(text: str, unit: str) -> str | None:
    """What keeps a number and a unit from being a length of time, or None."""
    if not whole(text):
        return _("Write a whole number of at least 1.")
    return None if unit in dict(units()) else _("Choose a unit of time.")


def whole(text: str) -> int | None:
    """A whole number from 1, in the digits of any language; else None."""
    found = number_of(text)
    return found if isinstance(found, int) and 1 <= found <= 1_000_000 else None


def number_of(text: str) -> int | float | None:
    """A number, in the digits of any language; None of anything else."""
    for kind in (int, float):
        try:
            found: int | float = kind(text)
        except ValueError:
            continue
        return found if math.isfinite(found) else None
    return None


def day_of(text: str) -> date | None:
    """A day as a field for dates sends it; None of anything else."""
    try:
        found = date.fromisoformat(text) if len(text) == len("2026-03-01") else None
    except ValueError:
        return None
    return found if found is not None and 1900 <= found.year < 9000 else None


def day_after(text: str) -> str:
    """The day after one, since spans end before their last day."""
    day = day_of(text)
    return text if day is None else (day + timedelta(days=1)).isoformat()


def day_before(text: Any) -> str | None:
    """The opposite of `day_after`; None of what is no day."""
    day = day_of(text) if isinstance(text, str) else None
    return None if day is None else (day - timedelta(days=1)).isoformat()


def _listed(text: str) -> list[str]:
    return [part.strip() for part in re.split("[,،]", text) if part.strip()]


def _value(text: str, kind: str) -> Any:
    if kind == "boolean":
        return text != "false"
    if kind in ("number", "money"):
        found = number_of(text)
        return text if found is None else found
    return text


def _guess(op: str, wanted: Mapping[str, Any]) -> dict[str, str] | None:
    """What the inputs behind an operator would hold; it need not be right."""
    if op in _NO_VALUE:
        return {}
    if op in _YEARLY:
        inner = wanted.get("$anniversary")
        within = inner.get("within", "") if isinstance(inner, Mapping) else ""
        return {"value": str(within).removeprefix("-").removesuffix("d")}
    if op in _SPANS:
        spans = [item for item in wanted.values() if isinstance(item, str) and item != "now"]
        return span_parts(spans[0].lstrip("+-")) if spans else None
    if op == "between":
        if "$lte" in wanted:
            return {"value": str(wanted.get("$gte")), "value2": str(wanted["$lte"])}
        last = day_before(wanted.get("$lt"))
        return None if last is None else {"value": str(wanted.get("$gte")), "value2": last}
    if op not in wanted:
        return None
    found = wanted[op]
    if isinstance(found, list):
        return {"value": ", ".join(map(str, found))}
    return {"value": str(found).lower() if isinstance(found, bool) else str(found)}


def span_parts(text: str) -> dict[str, str]:
    """Number and unit of a length of time such as `30d`."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return {"value": number, "unit": text[len(number) :]}
