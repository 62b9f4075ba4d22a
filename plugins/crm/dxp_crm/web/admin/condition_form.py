"""The form for conditions: rows and groups that a person can read, to and from the language.

A form is a tree of nodes, each a mapping: a `group` joins its `nodes` by all, any or none; a
`field` compares a fact; an `event` counts what happened, and has `where` nodes about its data; a
`segment` asks about another one. In the sent form a node's values are named by its place:
`c.0.1.field`. A node in trouble says so under `fault`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dxp.api import FactField
from dxp_crm.services.segments.event_fields import DataField
from dxp_crm.web.admin import condition_events as events
from dxp_crm.web.admin import condition_rows as rows

Node = dict[str, Any]
ROOT = "c"
MOST_NODES = 100
"""Of one form; a larger condition is shown as JSON."""

_JOINS = {"all": "$and", "any": "$or", "none": "$nor"}


def _no_data(_type: str) -> Mapping[str, DataField] | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a form can speak of.

    Attributes:
        fields: facts by name.
        data: members of the data of a type of event; None when there is no such type.
    """

    fields: Mapping[str, FactField]
    data: Callable[[str], Mapping[str, DataField] | None] = _no_data


def empty_group() -> Node:
    """A group without rows."""
    return {"type": "group", "join": "all", "nodes": []}


def new_node(kind: str) -> Node:
    """An empty row of a kind."""
    made: dict[str, Callable[[], Node]] = {
        "group": empty_group,
        "field": lambda: {"type": "field", "field": "", **rows.EMPTY},
        "event": events.empty_event,
        "where": events.empty_where,
        "segment": lambda: {"type": "segment", "segment": "", "inside": "in"},
    }
    return made.get(kind, made["field"])()


def read(form: Mapping[str, str]) -> Node:
    """The tree that a form was sent with."""
    return _read(form, ROOT, [0]) if f"{ROOT}.type" in form else empty_group()


def _read(form: Mapping[str, str], at: str, seen: list[int]) -> Node:
    seen[0] += 1
    node = new_node(form.get(f"{at}.type", "group"))
    for name in node.keys() - {"type", "nodes"}:
        node[name] = form.get(f"{at}.{name}", node[name])
    number = 0
    while "nodes" in node and f"{at}.{number}.type" in form and seen[0] <= MOST_NODES:
        node["nodes"].append(_read(form, f"{at}.{number}", seen))
        number += 1
    return node


def apply(tree: Node, action: str) -> Node:
    """The tree after a button: `add:<place>:<kind>` or `remove:<place>`.

    A new row says under `new` that it is, so that the page can lead there.
    """
    verb, _sep, rest = action.partition(":")
    place, _sep, kind = rest.partition(":")
    steps = [int(step) for step in place.split(".")[1:] if step.isascii() and step.isdigit()]
    if verb == "add" and size_of(tree) < MOST_NODES:
        node = _at(tree, steps)
        fits = {"group": kind != "where", "event": kind == "where"}
        if node is not None and fits.get(node["type"], False):
            node["nodes"].append(new_node(kind) | {"new": True})
    elif verb == "remove" and steps:
        parent = _at(tree, steps[:-1])
        if parent is not None and steps[-1] < len(parent.get("nodes", ())):
            del parent["nodes"][steps[-1]]
            parent["new"] = True
    return tree


def size_of(tree: Node) -> int:
    """How many nodes a tree has."""
    return sum(1 for _node in _walk(tree))


def _walk(tree: Node) -> Iterator[Node]:
    yield tree
    for node in tree.get("nodes", ()):
        yield from _walk(node)


def _at(tree: Node, steps: Sequence[int]) -> Node | None:
    here = tree
    for step in steps:
        nodes = here.get("nodes", [])
        if step >= len(nodes):
            return None
        here = nodes[step]
    return here


def tidy(tree: Node, words: Words) -> Node:
    """Give every row an operator of its field's kind, such as after another field was chosen."""
    for node in _walk(tree):
        if node["type"] == "field" and node["field"] in words.fields:
            rows.tidy(node, words.fields[node["field"]].kind)
        if node["type"] == "event":
            known = words.data(node["event"]) or {}
            for inner in node["nodes"]:
                if inner["field"] in known:
                    rows.tidy(inner, known[inner["field"]].kind)
    return tree


def check(tree: Node, words: Words) -> list[str]:
    """Note at each row what keeps it from meaning something; returns these notes."""
    for node in _walk(tree):
        fault = None
        if node["type"] == "field" and node["field"]:
            field = words.fields.get(node["field"])
            fault = rows.fault_of(node, "text" if field is None else field.kind)
        elif node["type"] == "event" and node["event"]:
            fault = events.fault_of(node)
            known = words.data(node["event"]) or {}
            for inner in node["nodes"]:
                asked = known.get(inner["field"])
                if inner["field"]:
                    inner["fault"] = rows.fault_of(inner, "text" if asked is None else asked.kind)
        if node["type"] != "where":
            node["fault"] = fault
    return list(dict.fromkeys(node["fault"] for node in _walk(tree) if node.get("fault")))


def condition_of(tree: Node, words: Words) -> dict[str, Any]:
    """The condition that a tree means; rows in which nothing is chosen are left out."""
    if tree["type"] == "group":
        parts = [part for node in tree["nodes"] if (part := condition_of(node, words))]
        if not parts:
            return {}
        return {_JOINS.get(tree["join"], "$and"): parts}
    if tree["type"] == "segment":
        if not tree["segment"]:
            return {}
        asked = {"$segment": tree["segment"]}
        return asked if tree["inside"] == "in" else {"$not": asked}
    if tree["type"] == "event":
        known = words.data(tree["event"]) or {}
        return events.event_of(tree, known) if tree["event"] else {}
    if not tree["field"]:
        return {}
    field = words.fields.get(tree["field"])
    kind = "text" if field is None else field.kind
    if not tree["op"]:
        return {}
    return {tree["field"]: rows.comparison_of(tree, kind)}


def tree_of(condition: Mapping[str, Any], words: Words) -> Node | None:
    """The tree that means a condition; None when the form has no words for all of it."""
    tree = _group(condition, words)
    return None if tree is None or size_of(tree) > MOST_NODES else tree


def _group(condition: Any, words: Words) -> Node | None:
    if not isinstance(condition, Mapping):
        return None
    nodes = []
    for key, value in condition.items():
        node = _node(key, value, words)
        if node is None:
            return None
        nodes.append(node)
    if len(nodes) == 1 and nodes[0]["type"] == "group":
        return nodes[0]
    return {"type": "group", "join": "all", "nodes": nodes}


def _node(key: str, value: Any, words: Words) -> Node | None:
    for join, operator in _JOINS.items():
        if key == operator and isinstance(value, list):
            inner = [_group(part, words) for part in value]
            # A part that holds for everybody has no row of its own, and would be left out.
            if any(node is None or not node["nodes"] for node in inner):
                return None
            return {
                "type": "group",
                "join": join,
                "nodes": [_single(node) for node in inner if node is not None],
            }
    if key == "$segment":
        return {"type": "segment", "segment": value, "inside": "in"}
    if key == "$not" and isinstance(value, Mapping) and list(value) == ["$segment"]:
        return {"type": "segment", "segment": value["$segment"], "inside": "out"}
    if key == "$event":
        data = words.data(value.get("type", "")) if isinstance(value, Mapping) else None
        return events.row_of(value, data)
    field = words.fields.get(key)
    if field is None:
        return None
    found = rows.row_of(value, field.kind)
    return None if found is None else {"type": "field", "field": key} | found


def _single(group: Node) -> Node:
    """A group of all with one row is that row."""
    alone = group["join"] == "all" and len(group["nodes"]) == 1
    node: Node = group["nodes"][0] if alone else group
    return node
