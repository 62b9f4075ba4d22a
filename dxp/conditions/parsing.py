"""From JSON to the syntax tree, with every fault named at its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from dxp.conditions import nodes as n
from dxp.conditions import values
from dxp.conditions.patterns import compiled
from dxp.errors import FieldError

MAX_DEPTH = 12
MAX_NODES = 500
MAX_ITEMS = 1000
MAX_COUNT = 1000
MAX_NAME = 200
MAX_ANNIVERSARY_DAYS = 180
NOTHING = n.All(())

_EVENT_KEYS = ("type", "where", "count", "within", "since", "until")
_NESTING = ("$all", "$alli", "$elemMatch", "$not", "$number", "$size")
_COUNT_OPERATORS = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"}
_DATA_ONLY = "cannot be used inside $elemMatch or where, which look at data and not at a person"


class Parser:
    """Parses one condition; `faults` says what was wrong with it.

    Args:
        events: whether the condition may count events.
    """

    def __init__(self, *, events: bool) -> None:
        self.faults: list[FieldError] = []
        self.facts: set[str] = set()
        self.events: list[n.Event] = []
        self.segments: set[str] = set()
        self.timed = False
        self._may_count = events
        self._nodes = 0
        self._inside = 0
        self._in_where = False

    def node(self, source: object, at: str, depth: int) -> n.Node:
        """A condition: about a person, or about an object inside their data."""
        if not isinstance(source, Mapping):
            return self._fault(at, "not_an_object", 'a condition is an object, such as {"a": 1}')
        if depth > MAX_DEPTH:
            return self._fault(at, "too_deep", f"conditions nest at most {MAX_DEPTH} deep")
        parts: list[n.Node] = []
        for key, value in source.items():
            if not self._counted(at):
                return NOTHING
            parts.extend(self._member(str(key), value, f"{at}/{_escaped(str(key))}", depth))
        return parts[0] if len(parts) == 1 else n.All(tuple(parts))

    def _member(self, key: str, value: object, at: str, depth: int) -> list[n.Node]:
        if key in ("$and", "$or", "$nor"):
            return [self._joined(key, value, at, depth)]
        if key == "$not":
            return [n.Not(self.node(value, at, depth + 1))]
        if key in ("$event", "$segment"):
            if self._inside:
                return [self._fault(at, "not_here", f"{key} {_DATA_ONLY}")]
            return [self._event(value, at, depth) if key == "$event" else self._segment(value, at)]
        if key.startswith("$"):
            return [self._fault(at, "unknown_operator", f"{key} is not known here")]
        if not key or len(key) > MAX_NAME or _unstorable(key):
            return [self._fault(at, "invalid_name", f"a name has 1 to {MAX_NAME} characters")]
        if not self._inside:
            self.facts.add(key)
        return self._checks(key, value, at, depth)

    def _joined(self, kind: str, value: object, at: str, depth: int) -> n.Node:
        if not _is_list(value) or not value:
            return self._fault(at, "not_a_list", f"{kind} takes a list of conditions")
        parts = tuple(self.node(item, f"{at}/{i}", depth + 1) for i, item in enumerate(value))
        if kind == "$and":
            return n.All(parts)
        return n.Any_(parts) if kind == "$or" else n.Not(n.Any_(parts))

    def _checks(self, fact: str, value: object, at: str, depth: int) -> list[n.Node]:
        if not _is_operators(value):
            return [n.Check(fact, "$eq", value, self._equals(value, at))]
        if depth > MAX_DEPTH:
            return [self._fault(at, "too_deep", f"conditions nest at most {MAX_DEPTH} deep")]
        checks: list[n.Node] = []
        for operator, wanted in value.items():
            here = f"{at}/{_escaped(str(operator))}"
            if not self._counted(at):
                break
            if operator == "$not" and _is_operators(wanted):
                inner = self._checks(fact, wanted, here, depth + 1)
                checks.append(n.Not(n.All(tuple(inner))))
            else:
                test = self._operator(str(operator), wanted, here, depth)
                checks.append(n.Check(fact, str(operator), wanted, test))
        return checks

    def test(self, value: object, at: str, depth: int) -> n.Test:
        """What is asked of one value: operators, or the value itself."""
        if not _is_operators(value):
            return self._equals(value, at)
        if depth > MAX_DEPTH:
            self._fault(at, "too_deep", f"conditions nest at most {MAX_DEPTH} deep")
            return n.Both(())
        tests = []
        for operator, wanted in value.items():
            if not self._counted(at):
                break
            here = f"{at}/{_escaped(str(operator))}"
            tests.append(self._operator(str(operator), wanted, here, depth))
        return tests[0] if len(tests) == 1 else n.Both(tuple(tests))

    def _operator(self, operator: str, wanted: Any, at: str, depth: int) -> n.Test:
        if operator == "$not":
            return n.Fails(self.test(wanted, at, depth + 1))
        if operator == "$elemMatch":
            return self._element(wanted, at, depth)
        if operator == "$size":
            return n.Size(self.test(wanted, at, depth + 1))
        if operator == "$number":
            return n.Numeric(self.test(wanted, at, depth + 1))
        if operator in ("$all", "$alli"):
            return self._contains(operator, wanted, at, depth)
        maker = _MAKERS.get(operator)
        if maker is None:
            known = ", ".join(sorted([*_MAKERS, *_NESTING]))
            self._fault(at, "unknown_operator", f"{operator} is not known; known: {known}")
            return n.Both(())
        try:
            made = maker(wanted)
        except ValueError as error:
            self._fault(at, "invalid_operand", str(error))
            return n.Both(())
        if isinstance(made, (n.Moment, n.Anniversary)):
            if self._in_where:
                self._fault(at, "not_here", "dates relative to now are asked with within")
            self.timed = True
        return made

    def _equals(self, wanted: object, at: str) -> n.Test:
        try:
            _storable(wanted)
        except ValueError as error:
            self._fault(at, "invalid_operand", str(error))
        return n.Equals(wanted)

    def _element(self, wanted: object, at: str, depth: int) -> n.Test:
        self._inside += 1
        try:
            if _is_operators(wanted) and not _is_joining(wanted):
                return n.Element(self.test(wanted, at, depth + 1), None)
            return n.Element(None, self.node(wanted, at, depth + 1))
        finally:
            self._inside -= 1

    def _contains(self, operator: str, wanted: object, at: str, depth: int) -> n.Test:
        if not _is_list(wanted) or len(wanted) > MAX_ITEMS:
            self._fault(at, "invalid_operand", f"takes a list of at most {MAX_ITEMS} values")
            return n.Both(())
        tests: list[n.Test] = []
        for index, item in enumerate(wanted):
            if operator == "$alli" and isinstance(item, str):
                tests.append(self._operator("$ini", [item], f"{at}/{index}", depth))
            else:
                self._counted(at)
                tests.append(self.test(item, f"{at}/{index}", depth + 1))
        return n.Contains(tuple(tests))

    def _segment(self, value: object, at: str) -> n.Node:
        if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or _unstorable(value):
            return self._fault(at, "invalid_operand", "$segment takes the key of a segment")
        self.segments.add(value)
        return n.InSegment(value)

    def _event(self, value: object, at: str, depth: int) -> n.Node:
        if not self._may_count:
            detail = "events are counted in segments only; make one, and use it with $segment"
            return self._fault(at, "events_not_here", detail)
        if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
            detail = '$event takes an object such as {"type": "order.placed", "within": "30d"}'
            return self._fault(at, "invalid_operand", detail)
        unknown = sorted(set(map(str, value)) - set(_EVENT_KEYS))
        if unknown or not 0 < len(value["type"]) <= MAX_NAME or _unstorable(value["type"]):
            detail = f"$event knows {', '.join(_EVENT_KEYS)}; not {', '.join(unknown)}"
            return self._fault(at, "invalid_operand", detail)
        where = None
        if value.get("where"):
            self._inside += 1
            self._in_where = True
            where = self.node(value["where"], f"{at}/where", depth + 1)
            self._in_where = False
            self._inside -= 1
        try:
            within = None if value.get("within") is None else values.span_of(value["within"])
        except ValueError as error:
            return self._fault(f"{at}/within", "invalid_operand", str(error))
        bounds: dict[str, datetime] = {}
        for name in ("since", "until"):
            try:
                if value.get(name) is not None:
                    bounds[name] = values.fixed_moment(value[name])
            except ValueError as error:
                return self._fault(f"{at}/{name}", "invalid_operand", str(error))
        count = value.get("count", {"$gte": 1})
        most = _largest(count)
        if most is None:
            detail = f"count takes whole numbers from 0 to {MAX_COUNT}, or a comparison with them"
            return self._fault(f"{at}/count", "invalid_operand", detail)
        test = self.test(count, f"{at}/count", depth + 1)
        event = n.Event(value["type"], where, test, within, most + 1, value, **bounds)
        self.events.append(event)
        self.timed = self.timed or within is not None
        return event

    def _counted(self, at: str) -> bool:
        self._nodes += 1
        if self._nodes == MAX_NODES + 1:
            self._fault(at, "too_large", f"a condition has at most {MAX_NODES} parts")
        return self._nodes <= MAX_NODES

    def _fault(self, at: str, code: str, detail: str) -> n.Node:
        self.faults.append(FieldError(pointer=at, code=code, detail=detail))
        return NOTHING


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_operators(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether an object says how to compare, rather than being what to compare with."""
    return isinstance(value, Mapping) and any(str(key).startswith("$") for key in value)


def _is_joining(value: object) -> bool:
    return isinstance(value, Mapping) and any(key in ("$and", "$or", "$nor") for key in value)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unstorable(text: str) -> bool:
    """Characters that not every database can hold."""
    return "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text)


def _storable(wanted: object, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"a value nests at most {MAX_DEPTH} deep")
    if isinstance(wanted, str) and _unstorable(wanted):
        raise ValueError("a text has no NUL and no half of a character")
    if isinstance(wanted, float) and not math.isfinite(wanted):
        raise ValueError("a number is finite")
    if isinstance(wanted, int) and abs(wanted) >= 2**63:
        raise ValueError("a whole number has at most 64 bits")
    if isinstance(wanted, Mapping):
        for key, value in wanted.items():
            _storable(str(key), depth + 1)
            _storable(value, depth + 1)
    elif _is_list(wanted):
        if len(wanted) > MAX_ITEMS:
            raise ValueError(f"a list has at most {MAX_ITEMS} values")
        for item in wanted:
            _storable(item, depth + 1)


def _largest(count: object) -> int | None:
    """The largest number that a count is compared with; None when it is no such comparison."""
    if not isinstance(count, Mapping):
        return count if _is_count(count) else None  # type: ignore[return-value]
    found: list[int] = []
    for operator, wanted in count.items():
        if operator not in _COUNT_OPERATORS:
            return None
        items = wanted if operator in ("$in", "$nin") else [wanted]
        if not _is_list(items) or not all(map(_is_count, items)):
            return None
        found.extend(items)
    return max(found, default=0) if count else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _equals(wanted: object) -> n.Test:
    _storable(wanted)
    return n.Equals(wanted)


def _order(operator: n.Comparison) -> Callable[[Any], n.Test]:
    def make(wanted: Any) -> n.Test:
        if isinstance(wanted, bool) or not isinstance(wanted, (int, float, str)):
            raise ValueError("an order comparison takes a number or a text")
        _storable(wanted)
        if isinstance(wanted, str):
            offset = values.relative_of(wanted)
            if offset is not None:
                if offset:
                    values.span_of(wanted[1:])
                return n.Moment(operator, offset)
            return n.Order(operator, values.canonical(wanted))
        return n.Order(operator, values.number_of(wanted))

    return make


def _one_of(*, folded: bool) -> Callable[[Any], n.Test]:
    def make(wanted: Any) -> n.Test:
        if not _is_list(wanted) or any(isinstance(item, (Mapping, list)) for item in wanted):
            raise ValueError("takes a list of plain values")
        _storable(wanted)
        if folded:
            wanted = [item.lower() if isinstance(item, str) else item for item in wanted]
        return n.OneOf(tuple(wanted), folded)

    return make


def _exists(wanted: object) -> n.Test:
    if not isinstance(wanted, bool):
        raise ValueError("$exists takes true or false")
    return n.Exists() if wanted else n.Fails(n.Exists())


def _of_kind(wanted: object) -> n.Test:
    if wanted not in values.KINDS:
        raise ValueError(f"$type takes one of {', '.join(values.KINDS)}")
    return n.OfKind(str(wanted))


def _pattern(*, folded: bool) -> Callable[[Any], n.Test]:
    def make(wanted: Any) -> n.Test:
        _storable(wanted)
        return n.Matches(compiled(wanted, folded=folded))

    return make


def _version(operator: n.VersionComparison) -> Callable[[Any], n.Test]:
    def make(wanted: Any) -> n.Test:
        if not isinstance(wanted, str) or len(wanted) > MAX_NAME:
            raise ValueError('a version is a text such as "1.2.3"')
        return n.Version(operator, values.padded_version(wanted))

    return make


def _anniversary(wanted: object) -> n.Test:
    within = wanted.get("within") if isinstance(wanted, Mapping) and len(wanted) == 1 else None
    text = within if isinstance(within, str) else ""
    number = text.removesuffix("d").removeprefix("-")
    if not (text.endswith("d") and number.isascii() and number.isdigit() and len(number) <= 3):
        raise ValueError('$anniversary takes {"within": "7d"} of days to come or "-7d" of past')
    days = int(number)
    if days > MAX_ANNIVERSARY_DAYS:
        raise ValueError(f"$anniversary looks at most {MAX_ANNIVERSARY_DAYS} days ahead or back")
    return n.Anniversary(-days, 0) if text.startswith("-") else n.Anniversary(0, days)


def _complement(maker: Callable[[Any], n.Test]) -> Callable[[Any], n.Test]:
    return lambda wanted: n.Fails(maker(wanted))


_MAKERS: dict[str, Callable[[Any], n.Test]] = {
    "$eq": _equals,
    "$ne": _complement(_equals),
    "$gt": _order("$gt"),
    "$gte": _order("$gte"),
    "$lt": _order("$lt"),
    "$lte": _order("$lte"),
    "$in": _one_of(folded=False),
    "$nin": _complement(_one_of(folded=False)),
    "$ini": _one_of(folded=True),
    "$nini": _complement(_one_of(folded=True)),
    "$exists": _exists,
    "$type": _of_kind,
    "$regex": _pattern(folded=False),
    "$regexi": _pattern(folded=True),
    "$notRegex": _complement(_pattern(folded=False)),
    "$notRegexi": _complement(_pattern(folded=True)),
    "$veq": _version("$veq"),
    "$vne": _complement(_version("$veq")),
    "$vgt": _version("$vgt"),
    "$vgte": _version("$vgte"),
    "$vlt": _version("$vlt"),
    "$vlte": _version("$vlte"),
    "$anniversary": _anniversary,
}
