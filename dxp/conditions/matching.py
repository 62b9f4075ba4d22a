"""The Python backend: compiled closures, the answer to "why", and when the answer may change."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Literal

from dxp.conditions import nodes as n
from dxp.conditions import values
from dxp.conditions.patterns import MAX_TEXT
from dxp.contracts.people import SEGMENTS_FACT

Facts = Mapping[str, Any]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
    "$veq": operator.eq,
    "$vgt": operator.gt,
    "$vgte": operator.ge,
    "$vlt": operator.lt,
    "$vlte": operator.le,
}


def _no_events(_event: n.Event) -> Sequence[datetime]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What conditions ask besides facts.

    Attributes:
        now: relative dates count from here.
        zone: of the person; their day begins at its midnight.
        events: the moments at which a kind of event happened to the person, latest first: at
            least the latest `event.most` of those that fit.
        segments: keys of those that the person is in; None: as the fact `crm.segments` says.
        calendars: month and day of a date in calendars other than the Gregorian, by name.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    zone: tzinfo = UTC
    events: Callable[[n.Event], Sequence[datetime]] = _no_events
    segments: Collection[str] | None = None
    calendars: Mapping[str, values.MonthDay] = field(default_factory=dict)


FindingState = Literal["value", "empty", "absent", "failed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One comparison and how it went, for the answer to "why".

    Attributes:
        fact: the name that was looked at; for `$event` the type, for `$segment` the key.
        operator: such as `$gte`.
        wanted: the value in the condition.
        actual: the value of the fact, the number of events, or whether the person is in the
            segment; None as `state` says.
        state: why `actual` is None, or `value`. `empty`: the fact was told, and there is nothing;
            `absent`: nobody told it; `failed`: who tells it failed, so it was compared as missing.
        result: whether the comparison held.
    """

    fact: str
    operator: str
    wanted: Any
    actual: Any
    result: bool
    state: FindingState = "value"

    def as_dict(self) -> dict[str, Any]:
        return {
            "fact": self.fact,
            "operator": self.operator,
            "wanted": self.wanted,
            "actual": self.actual,
            "state": self.state,
            "result": self.result,
        }


Holds = Callable[[Facts, Situation], bool]
Passes = Callable[[Any, Situation], bool]


def compile_node(node: n.Node) -> Holds:
    """A function that says whether a node holds."""
    if isinstance(node, n.Check):
        passes, fact = compile_test(node.test), node.fact
        return lambda facts, at: passes(values.lookup(facts, fact), at)
    if isinstance(node, n.Not):
        part = compile_node(node.part)
        return lambda facts, at: not part(facts, at)
    if isinstance(node, n.Event):
        counted = compile_test(node.count)
        return lambda _facts, at: counted(_count(node, at), at)
    if isinstance(node, n.InSegment):
        return lambda facts, at: _is_in(node.key, facts, at)
    parts = tuple(map(compile_node, node.parts))
    if isinstance(node, n.All):
        return lambda facts, at: all(part(facts, at) for part in parts)
    return lambda facts, at: any(part(facts, at) for part in parts)


def data_matcher(event: n.Event, now: datetime) -> Callable[[Facts], bool]:
    """A function that says whether an event's data is what a count asks for."""
    if event.where is None:
        return lambda _data: True
    holds, at = compile_node(event.where), Situation(now=now)
    return lambda data: holds(data, at)


def compile_test(test: n.Test) -> Passes:
    """A function that says whether a value passes."""
    return _TESTS[type(test)](test)


def explain(
    node: n.Node,
    facts: Facts,
    at: Situation,
    found: list[Finding],
    *,
    failed: Callable[[str], bool],
) -> None:
    """Add each comparison with the actual value, in the order of the source.

    Args:
        failed: whether who tells a fact failed, by the fact's name.
    """
    if isinstance(node, n.Check):
        actual = values.lookup(facts, node.fact)
        found.append(
            Finding(
                fact=node.fact,
                operator=node.operator,
                wanted=node.wanted,
                actual=None if actual is values.MISSING else actual,
                result=compile_test(node.test)(actual, at),
                state=_state(actual, failed=failed(node.fact)),
            )
        )
    elif isinstance(node, n.Event):
        count = _count(node, at)
        held = compile_test(node.count)(count, at)
        found.append(
            Finding(
                fact=node.type, operator="$event", wanted=node.wanted, actual=count, result=held
            )
        )
    elif isinstance(node, n.InSegment):
        inside = _is_in(node.key, facts, at)
        found.append(
            Finding(fact=node.key, operator="$segment", wanted=True, actual=inside, result=inside)
        )
    elif isinstance(node, n.Not):
        explain(node.part, facts, at, found, failed=failed)
    else:
        for part in node.parts:
            explain(part, facts, at, found, failed=failed)


def _state(actual: Any, *, failed: bool) -> FindingState:
    if actual is values.MISSING:
        return "failed" if failed else "absent"
    return "empty" if actual is None else "value"


def next_change(node: n.Node, facts: Facts, at: Situation) -> datetime | None:
    """The first moment after `at.now` at which time alone may change the answer."""
    if isinstance(node, n.Not):
        return next_change(node.part, facts, at)
    if isinstance(node, n.Event):
        return _event_change(node, at)
    if isinstance(node, n.Check):
        return _value_change(node.test, values.lookup(facts, node.fact), at)
    if isinstance(node, n.InSegment):
        return None
    return _earliest(next_change(part, facts, at) for part in node.parts)


def _earliest(moments: Any) -> datetime | None:
    return min(filter(None, moments), default=None)


def _event_change(event: n.Event, at: Situation) -> datetime | None:
    if event.within is None:
        return None
    moments = [moment for moment in at.events(event) if event.counts_at(moment, at.now)]
    counted = compile_test(event.count)
    present = counted(min(len(moments), event.most), at)
    for left in range(min(len(moments), event.most) - 1, -1, -1):
        if counted(left, at) is not present:
            return moments[left] + event.within
    return None


def _value_change(test: n.Test, value: Any, at: Situation) -> datetime | None:
    if isinstance(test, n.Moment):
        return _moment_change(test, value, at)
    if isinstance(test, n.Anniversary):
        return _anniversary_change(test, value, at)
    if isinstance(test, n.Both):
        return _earliest(_value_change(part, value, at) for part in test.tests)
    if isinstance(test, n.Fails):
        return _value_change(test.test, value, at)
    if isinstance(test, n.Element) and values.kind_of(value) == "array":
        if test.test is not None:
            inner = test.test
            return _earliest(_value_change(inner, values.normal(item), at) for item in value)
        assert test.node is not None
        node = test.node
        objects = [item for item in value if isinstance(item, Mapping)]
        return _earliest(next_change(node, item, at) for item in objects)
    if isinstance(test, n.Contains) and values.kind_of(value) == "array":
        return _earliest(
            _value_change(part, values.normal(item), at) for part in test.tests for item in value
        )
    return None


def _moment_change(test: n.Moment, value: Any, at: Situation) -> datetime | None:
    if not isinstance(value, str) or not values.MOMENT_FORM.fullmatch(value):
        return None
    moment = values.moment_of(value)
    if moment is None:
        # No such day, such as 31 February: texts still sort, so look again tomorrow.
        return at.now + timedelta(days=1)
    try:
        due = moment - test.offset
    except OverflowError:
        return None
    if len(value) > len("2026-03-10") and test.operator in ("$gte", "$lt"):
        due += timedelta(microseconds=1)
    return due if due > at.now else None


def _anniversary_change(test: n.Anniversary, value: Any, at: Situation) -> datetime | None:
    kept = values.day_of_year(value)
    if kept is None:
        return None
    today = at.now.astimezone(at.zone).date()
    mark = kept.partition("@")[2]
    calendars = {mark: at.calendars[mark]} if mark in at.calendars else {}
    year = range(test.first, 400 + test.last)
    ahead = [
        step
        for step in year
        if kept in values.observed(day := today + timedelta(days=step), day, calendars)
    ]

    def holds_on(step: int) -> bool:
        return any(step + test.first <= day <= step + test.last for day in ahead)

    present = holds_on(0)
    turns = {turn for day in ahead for turn in (day - test.last, day - test.first + 1)}
    for turn in sorted(turns):
        if turn > 0 and holds_on(turn) is not present:
            midnight = datetime.combine(today + timedelta(days=turn), time(), tzinfo=at.zone)
            return midnight.astimezone(UTC)
    return None


def _is_kept(kept: str, test: n.Anniversary, today: Any, calendars: Any) -> bool:
    first, last = today + timedelta(days=test.first), today + timedelta(days=test.last)
    return kept in values.observed(first, last, calendars)


def _count(event: n.Event, at: Situation) -> int:
    moments = at.events(event)
    if not event.limited:
        return len(moments)
    return sum(event.counts_at(moment, at.now) for moment in moments)


def _is_in(key: str, facts: Facts, at: Situation) -> bool:
    inside = facts.get(SEGMENTS_FACT) if at.segments is None else at.segments
    return inside is not None and key in inside


def _equals(test: n.Equals) -> Passes:
    return lambda value, _at: values.same(value, test.wanted)


def _order(test: n.Order) -> Passes:
    compare, wanted = _COMPARE[test.operator], test.wanted
    if isinstance(wanted, str):
        return lambda value, _at: isinstance(value, str) and compare(value, wanted)

    def check(value: Any, _at: Situation) -> bool:
        return values.kind_of(value) == "number" and compare(values.number_of(value), wanted)

    return check


def _moment(test: n.Moment) -> Passes:
    compare, offset = _COMPARE[test.operator], test.offset

    def check(value: Any, at: Situation) -> bool:
        if not isinstance(value, str) or not values.MOMENT_FORM.fullmatch(value):
            return False
        return compare(value, values.moment_text(at.now + offset))

    return check


def _one_of(test: n.OneOf) -> Passes:
    def folded(value: Any) -> Any:
        return value.lower() if test.folded and isinstance(value, str) else value

    def is_item(value: Any) -> bool:
        value = folded(values.normal(value))
        return any(values.same(value, item) for item in test.items)

    def check(value: Any, _at: Situation) -> bool:
        if values.kind_of(value) == "array":
            return any(is_item(item) for item in value)
        return is_item(value)

    return check


def _exists(_test: n.Exists) -> Passes:
    return lambda value, _at: value is not None and value is not values.MISSING


def _of_kind(test: n.OfKind) -> Passes:
    return lambda value, _at: values.kind_of(value) == test.kind


def _matches(test: n.Matches) -> Passes:
    search = test.pattern.search
    return lambda value, _at: isinstance(value, str) and search(value[:MAX_TEXT]) is not None


def _version(test: n.Version) -> Passes:
    compare, wanted = _COMPARE[test.operator], test.wanted
    return lambda value, _at: (
        isinstance(value, str) and compare(values.padded_version(value), wanted)
    )


def _size(test: n.Size) -> Passes:
    passes = compile_test(test.test)
    return lambda value, at: values.kind_of(value) == "array" and passes(len(value), at)


def _element(test: n.Element) -> Passes:
    if test.test is not None:
        passes = compile_test(test.test)
    else:
        assert test.node is not None
        holds = compile_node(test.node)

        def passes(item: Any, at: Situation) -> bool:
            return holds(item if isinstance(item, Mapping) else {}, at)

    return lambda value, at: (
        values.kind_of(value) == "array"
        and any(item is not None and passes(values.normal(item), at) for item in value)
    )


def _contains(test: n.Contains) -> Passes:
    each = tuple(map(compile_test, test.tests))
    return lambda value, at: (
        values.kind_of(value) == "array"
        and all(any(passes(values.normal(item), at) for item in value) for passes in each)
    )


def _anniversary(test: n.Anniversary) -> Passes:
    def check(value: Any, at: Situation) -> bool:
        kept = values.day_of_year(value)
        today = at.now.astimezone(at.zone).date()
        return kept is not None and _is_kept(kept, test, today, at.calendars)

    return check


def _numeric(test: n.Numeric) -> Passes:
    passes = compile_test(test.test)
    return lambda value, at: passes(values.decimal_of(value), at)


def _both(test: n.Both) -> Passes:
    each = tuple(map(compile_test, test.tests))
    return lambda value, at: all(passes(value, at) for passes in each)


def _fails(test: n.Fails) -> Passes:
    passes = compile_test(test.test)
    return lambda value, at: not passes(value, at)


_TESTS: dict[type[Any], Callable[[Any], Passes]] = {
    n.Equals: _equals,
    n.Order: _order,
    n.Moment: _moment,
    n.OneOf: _one_of,
    n.Exists: _exists,
    n.OfKind: _of_kind,
    n.Matches: _matches,
    n.Version: _version,
    n.Size: _size,
    n.Element: _element,
    n.Contains: _contains,
    n.Anniversary: _anniversary,
    n.Numeric: _numeric,
    n.Both: _both,
    n.Fails: _fails,
}
