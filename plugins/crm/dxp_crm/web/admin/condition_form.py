"""The form for conditions: rows and groups that a person can read, to and from the language.

A form is a tree of nodes, each a mapping: a `group` joins its `nodes` by all, any or none; a
`field` compares a fact; an `event` counts what happened; a `segment` asks about another one. In
the sent form a node's values are named by its place: `c.0.1.field`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dxp.api import FactField
from dxp.api import gettext as _

Node = dict[str, Any]
ROOT = "c"
_MOST_NODES = 100
_JOINS = {"all": "$and", "any": "$or", "none": "$nor"}
_LISTING = ("$in", "$nin")
_NO_VALUE = ("exists", "missing")
_TIMED = ("within", "ahead", "earlier")


def operators_of(kind: str) -> list[tuple[str, str]]:
    """The comparisons of a kind of field, with their words."""
    exists = [("exists", _("is known")), ("missing", _("is not known"))]
    order = [
        ("$gte", _("is at least")),
        ("$lte", _("is at most")),
        ("$gt", _("is more than")),
        ("$lt", _("is less than")),
    ]
    same = [("$eq", _("is")), ("$ne", _("is not"))]
    if kind == "number":
        return [*order, *same, *exists]
    if kind == "boolean":
        return [*same, *exists]
    if kind == "texts":
        return [("$in", _("has one of")), ("$nin", _("has none of")), ("$all", _("has all of"))]
    if kind in ("moment", "day"):
        dates = [
            ("within", _("lies in the last days")),
            ("earlier", _("lies longer ago than days")),
            ("ahead", _("lies in the next days")),
            ("$gte", _("is on or after")),
            ("$lt", _("is before")),
        ]
        yearly = [
            ("anniversary", _("comes round within days")),
            ("-anniversary", _("came round within days")),
        ]
        return [*(yearly if kind == "day" else []), *dates, *exists]
    return [
        *same,
        ("$in", _("is one of")),
        ("$nin", _("is none of")),
        ("$regex", _("matches the pattern")),
        *exists,
    ]


def count_operators() -> list[tuple[str, str]]:
    """How a number of events is compared."""
    return [("$gte", _("at least")), ("$lte", _("at most")), ("$eq", _("exactly"))]


def empty_group() -> Node:
    """A group without rows."""
    return {"type": "group", "join": "all", "nodes": []}


def new_node(kind: str) -> Node:
    """An empty row of a kind."""
    made: dict[str, Node] = {
        "group": empty_group(),
        "field": {"type": "field", "field": "", "op": "", "value": ""},
        "event": {"type": "event", "event": "", "op": "$gte", "count": "1", "days": ""},
        "segment": {"type": "segment", "segment": "", "inside": "in"},
    }
    return made.get(kind, made["field"])


def read(form: Mapping[str, str]) -> Node:
    """The tree that a form was sent with."""
    return _read(form, ROOT, [0]) if f"{ROOT}.type" in form else empty_group()


def _read(form: Mapping[str, str], at: str, seen: list[int]) -> Node:
    seen[0] += 1
    node = new_node(form.get(f"{at}.type", "group"))
    for name in node.keys() - {"type", "nodes"}:
        node[name] = form.get(f"{at}.{name}", node[name])[:2000]
    if node["type"] == "group":
        number = 0
        while f"{at}.{number}.type" in form and seen[0] < _MOST_NODES:
            node["nodes"].append(_read(form, f"{at}.{number}", seen))
            number += 1
    return node


def apply(tree: Node, action: str) -> Node:
    """The tree after a button: `add:<place>:<kind>` or `remove:<place>`."""
    verb, _sep, rest = action.partition(":")
    place, _sep, kind = rest.partition(":")
    steps = [int(step) for step in place.split(".")[1:] if step.isascii() and step.isdigit()]
    if verb == "add":
        node = _at(tree, steps)
        if node is not None and node["type"] == "group":
            node["nodes"].append(new_node(kind))
    elif verb == "remove" and steps:
        parent = _at(tree, steps[:-1])
        if parent is not None and steps[-1] < len(parent.get("nodes", ())):
            del parent["nodes"][steps[-1]]
    return tree


def _at(tree: Node, steps: Sequence[int]) -> Node | None:
    here = tree
    for step in steps:
        nodes = here.get("nodes", [])
        if step >= len(nodes):
            return None
        here = nodes[step]
    return here


def condition_of(tree: Node, fields: Mapping[str, FactField]) -> dict[str, Any]:
    """The condition that a tree means; rows that are not filled in are left out."""
    if tree["type"] == "group":
        parts = [part for node in tree["nodes"] if (part := condition_of(node, fields))]
        if not parts:
            return {}
        return {_JOINS.get(tree["join"], "$and"): parts}
    if tree["type"] == "segment":
        if not tree["segment"]:
            return {}
        asked = {"$segment": tree["segment"]}
        return asked if tree["inside"] == "in" else {"$not": asked}
    if tree["type"] == "event":
        return _event(tree)
    field = fields.get(tree["field"])
    if field is None or not tree["op"]:
        return {}
    return {field.name: _comparison(tree["op"], tree["value"].strip(), field.kind)}


def _event(tree: Node) -> dict[str, Any]:
    if not tree["event"]:
        return {}
    count = tree["count"].strip()
    asked: dict[str, Any] = {
        "type": tree["event"],
        "count": {tree["op"]: int(count) if count.isascii() and count.isdigit() else count},
    }
    if tree["days"].strip():
        asked["within"] = f"{tree['days'].strip()}d"
    return {"$event": asked}


def _comparison(op: str, text: str, kind: str) -> Any:
    if op in _NO_VALUE:
        return {"$exists": op == "exists"}
    if op.endswith("anniversary"):
        return {"$anniversary": {"within": f"{'-' if op.startswith('-') else ''}{text}d"}}
    if op == "within":
        return {"$gt": f"-{text}d", "$lte": "now"}
    if op == "earlier":
        return {"$lte": f"-{text}d"}
    if op == "ahead":
        return {"$gt": "now", "$lte": f"+{text}d"}
    if op in (*_LISTING, "$all"):
        return {op: [_value(part.strip(), kind) for part in text.split(",") if part.strip()]}
    return {op: _value(text, kind)}


def _value(text: str, kind: str) -> Any:
    if kind == "boolean":
        return text != "false"
    if kind == "number":
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            return text
    return text


def tree_of(condition: Mapping[str, Any], fields: Mapping[str, FactField]) -> Node | None:
    """The tree that means a condition; None when the form has no words for all of it."""
    nodes = []
    for key, value in condition.items():
        node = _node(key, value, fields)
        if node is None:
            return None
        nodes.append(node)
    if len(nodes) == 1 and nodes[0]["type"] == "group":
        return nodes[0]
    return {"type": "group", "join": "all", "nodes": nodes}


def _node(key: str, value: Any, fields: Mapping[str, FactField]) -> Node | None:
    for join, operator in _JOINS.items():
        if key == operator and isinstance(value, Sequence):
            inner = [tree_of(part, fields) for part in value]
            if any(node is None for node in inner):
                return None
            rows = [_single(node) for node in inner if node is not None]
            return {"type": "group", "join": join, "nodes": rows}
    if key == "$segment":
        return {"type": "segment", "segment": value, "inside": "in"}
    if key == "$not" and isinstance(value, Mapping) and list(value) == ["$segment"]:
        return {"type": "segment", "segment": value["$segment"], "inside": "out"}
    if key == "$event":
        return _event_node(value)
    field = fields.get(key)
    if field is None:
        return None
    found = _row(value, field)
    return None if found is None else {"type": "field", "field": key} | found


def _single(group: Node) -> Node:
    """A group of all with one row is that row."""
    alone = group["join"] == "all" and len(group["nodes"]) == 1
    return group["nodes"][0] if alone else group


def _event_node(value: Mapping[str, Any]) -> Node | None:
    count = value.get("count", {"$gte": 1})
    compared = count if isinstance(count, Mapping) else {"$eq": count}
    within = str(value.get("within") or "")
    operators = dict(count_operators())
    days = within.removesuffix("d")
    in_days = not within or (within.endswith("d") and days.isdigit())
    if "where" in value or len(compared) != 1 or not in_days:
        return None
    [(op, number)] = compared.items()
    if op not in operators:
        return None
    return {"type": "event", "event": value["type"], "op": op, "count": str(number), "days": days}


def _row(value: Any, field: FactField) -> Node | None:
    """Operator and value of a row, by trying what each operator of the form would mean."""
    wanted = value if isinstance(value, Mapping) else {"$eq": value}
    for op, _words in operators_of(field.kind):
        text = _text_of(op, wanted)
        if text is not None and _comparison(op, text, field.kind) == dict(wanted):
            return {"op": op, "value": text}
    return None


def _text_of(op: str, wanted: Mapping[str, Any]) -> str | None:
    if op in _NO_VALUE:
        return ""
    if op.endswith("anniversary"):
        inner = wanted.get("$anniversary")
        within = inner.get("within", "") if isinstance(inner, Mapping) else ""
        return str(within).removeprefix("-").removesuffix("d")
    if op in _TIMED:
        spans = [item for item in wanted.values() if isinstance(item, str) and item != "now"]
        return spans[0].lstrip("+-").removesuffix("d") if spans else None
    if op not in wanted:
        return None
    found = wanted[op]
    if isinstance(found, list):
        return ", ".join(map(str, found))
    return str(found).lower() if isinstance(found, bool) else str(found)
