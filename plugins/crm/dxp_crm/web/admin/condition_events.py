"""The rows of the form that count events: in which window, and what their data must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dxp.api import gettext as _
from dxp_crm.services.segments.event_fields import IN_LIST, DataField
from dxp_crm.web.admin import condition_rows as rows

Row = dict[str, Any]
DataFields = Mapping[str, DataField]
_MOST_EVENTS = 1000
_NUMERIC = "$number"


def empty_event() -> Row:
    """A row for events that is not filled in."""
    return {
        "type": "event",
        "event": "",
        "op": "$gte",
        "count": "1",
        "window": "ever",
        "value": "",
        "unit": "d",
        "since": "",
        "until": "",
        "nodes": [],
    }


def empty_where() -> Row:
    """A row about the data of events that is not filled in."""
    return {"type": "where", "field": "", **rows.EMPTY}


def count_operators() -> list[tuple[str, str]]:
    """How a number of events is compared."""
    return [("$gte", _("at least")), ("$lte", _("at most")), ("$eq", _("exactly"))]


def windows() -> list[tuple[str, str]]:
    """When events count."""
    return [
        ("ever", _("times, whenever it was")),
        ("last", _("times in the last")),
        ("since", _("times since")),
        ("before", _("times before")),
        ("between", _("times between")),
    ]


def fault_of(row: Row) -> str | None:
    """What keeps a row from meaning something, or None; its own rows are asked apart."""
    count = rows.number_of(row["count"])
    if not isinstance(count, int) or not 0 <= count <= _MOST_EVENTS:
        return _("Write how many times: a whole number from 0 to 1000.")
    if row["window"] == "last":
        return rows.span_fault(row["value"], row["unit"])
    days = [row[name] for name in _days_of(row["window"])]
    if not all(map(rows.day_of, days)):
        return _("Choose both days.") if len(days) > 1 else _("Choose a day.")
    return _("The first comes after the second.") if days != sorted(days) else None


def event_of(row: Row, fields: DataFields) -> dict[str, Any]:
    """The `$event` that a row means; what it says must have no fault."""
    count = rows.number_of(row["count"])
    asked: dict[str, Any] = {
        "type": row["event"],
        "count": {row["op"]: row["count"] if count is None else count},
    }
    if row["window"] == "last":
        asked["within"] = f"{rows.whole(row['value']) or row['value']}{row['unit']}"
    if "since" in _days_of(row["window"]):
        asked["since"] = row["since"]
    if row["window"] == "before":
        asked["until"] = row["until"]
    if row["window"] == "between":
        asked["until"] = rows.day_after(row["until"])
    parts = [part for inner in row["nodes"] if (part := _where(inner, fields))]
    if parts:
        asked["where"] = parts[0] if len(parts) == 1 else {"$and": parts}
    return {"$event": asked}


def row_of(value: Any, fields: DataFields | None) -> Row | None:
    """The row that means an `$event`; None when the form has no words for it."""
    if not isinstance(value, Mapping) or fields is None:
        return None
    count = value.get("count", {"$gte": 1})
    compared = dict(count) if isinstance(count, Mapping) else {"$eq": count}
    if len(compared) != 1:
        return None
    [(op, number)] = compared.items()
    row = empty_event() | {"event": value.get("type"), "op": op, "count": str(number)}
    row |= _window(value)
    where = value.get("where") or {}
    parts = where.get("$and") if list(where) == ["$and"] else [{k: v} for k, v in where.items()]
    for part in parts if isinstance(parts, list) else [None]:
        inner = _where_row(part, fields)
        if inner is None:
            return None
        row["nodes"].append(inner)
    if op not in dict(count_operators()) or fault_of(row) is not None:
        return None
    meant = event_of(row, fields)["$event"]
    plain = {key: item for key, item in value.items() if item is not None and key != "where"}
    told = {key: item for key, item in meant.items() if key != "where"}
    return row if rows.alike(told, plain | {"count": compared}) else None


def _days_of(window: str) -> tuple[str, ...]:
    days = {"since": ("since",), "before": ("until",), "between": ("since", "until")}
    return days.get(window, ())


def _window(value: Mapping[str, Any]) -> Row:
    since, until = value.get("since"), value.get("until")
    if value.get("within") is not None:
        return {"window": "last", **rows.span_parts(str(value["within"]))}
    if since is not None and until is not None:
        return {"window": "between", "since": since, "until": rows.day_before(until) or ""}
    if since is not None:
        return {"window": "since", "since": str(since)}
    return {"window": "before", "until": str(until)} if until is not None else {"window": "ever"}


def _where(row: Row, fields: DataFields) -> dict[str, Any]:
    name = row["field"]
    if not name:
        return {}
    field = fields.get(name)
    kind = "text" if field is None else field.kind
    wanted = rows.comparison_of(row, kind)
    if kind == "money" and "$exists" not in wanted:
        wanted = {_NUMERIC: wanted}
    head, _sep, member = name.partition(IN_LIST)
    return {head: {"$elemMatch": {member: wanted}}} if member else {head: wanted}


def _where_row(part: Any, fields: DataFields) -> Row | None:
    if not isinstance(part, Mapping) or len(part) != 1:
        return None
    [(name, wanted)] = part.items()
    inner = wanted.get("$elemMatch") if isinstance(wanted, Mapping) else None
    if isinstance(inner, Mapping) and len(inner) == 1 and len(wanted) == 1:
        [(member, wanted)] = inner.items()
        name = f"{name}{IN_LIST}{member}"
    field = fields.get(name)
    if field is None:
        return None
    if field.kind == "money" and isinstance(wanted, Mapping) and list(wanted) == [_NUMERIC]:
        found = rows.row_of(wanted[_NUMERIC], field.kind)
    elif field.kind == "money":
        found = rows.row_of(wanted, field.kind)
        found = found if found is not None and found["op"] in ("exists", "missing") else None
    else:
        found = rows.row_of(wanted, field.kind)
    return None if found is None else {"type": "where", "field": name} | found
