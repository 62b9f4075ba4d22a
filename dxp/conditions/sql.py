"""The SQL backend: one expression that holds for the same people as the Python closures.

What SQL cannot answer exactly (patterns beyond a piece of text, versions, folded lists) becomes a
bound: the expression then holds for too many people, `exact` is false, and the caller asks the
Python backend about those that were found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, String, and_, false, func, literal, not_, or_, select, true

from dxp.conditions import nodes as n
from dxp.conditions import values
from dxp.conditions.language import Condition
from dxp.conditions.patterns import MAX_TEXT, plain
from dxp.conditions.sql_values import (
    Bool,
    ColumnValue,
    DecimalValue,
    SqlValue,
    both,
    json_value,
    surely,
)


@dataclass(frozen=True, kw_only=True)
class SqlEvents:
    """The columns of an event log; `subject` is compared with that of `SqlSource`."""

    subject: Any
    type: Any
    occurred_at: Any
    data: Any


@dataclass(frozen=True, kw_only=True)
class SqlSource:
    """Where a query finds what conditions ask about.

    Attributes:
        dialect: `sqlite` or `postgresql`.
        subject: the column that names the person of a row.
        fact: the value of a fact by its name; None when SQL does not know it.
        now: relative dates count from here.
        zone: the column with the name of the person's time zone.
        default_zone: of whom none, or no known one, is told.
        zones: names that `zone` may hold.
        events: None: conditions do not count events.
        segment: whether the row's person is in a segment, by its key.
        calendars: as in `Situation`.
    """

    dialect: str
    subject: Any
    fact: Callable[[str], SqlValue | None]
    now: datetime
    zone: Any = None
    default_zone: str = "UTC"
    zones: Collection[str] = ()
    events: SqlEvents | None = None
    segment: Callable[[str], Bool] | None = None
    calendars: Mapping[str, values.MonthDay] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SqlCondition:
    """A condition as an expression for WHERE.

    Attributes:
        expression: true or false, never NULL.
        exact: whether it holds for exactly those for whom the condition does; otherwise for them
            and perhaps for others.
    """

    expression: Bool
    exact: bool


def sql_condition(condition: Condition, source: SqlSource) -> SqlCondition:
    """Turn a condition into SQL over the columns of `source`."""
    compiler = _Compiler(source)
    expression = compiler.node(condition.root, _Outer(source), upper=True)
    return SqlCondition(expression=expression, exact=compiler.exact)


def data_condition(event: n.Event, data: Any, *, dialect: str, now: datetime) -> SqlCondition:
    """What a count of events asks of an event's data, over the JSON column that holds it."""
    if event.where is None:
        return SqlCondition(expression=true(), exact=True)
    document = json_value(data, dialect=dialect)
    assert document is not None
    source = SqlSource(dialect=dialect, subject=None, fact=lambda _name: None, now=now)
    compiler = _Compiler(source)
    expression = compiler.node(event.where, _Inner(document), upper=True)
    return SqlCondition(expression=expression, exact=compiler.exact)


class _Outer:
    """Where names of facts are looked up: the row of a person."""

    def __init__(self, source: SqlSource) -> None:
        self._source = source

    def find(self, name: str) -> SqlValue | None:
        found = self._source.fact(name)
        head = name
        while found is None and "." in head:
            head = head.rpartition(".")[0]
            found = _walk(self._source.fact(head), name[len(head) + 1 :])
        return found


class _Inner:
    """Where names are looked up: an object inside JSON."""

    def __init__(self, document: SqlValue) -> None:
        self._document = document

    def find(self, name: str) -> SqlValue | None:
        return _walk(self._document, name)


def _walk(here: SqlValue | None, path: str) -> SqlValue | None:
    for step in path.split("."):
        here = None if here is None else here.child(step)
    return here


class _Compiler:
    """`upper` asks for a bound from above where SQL has no exact answer, else from below."""

    def __init__(self, source: SqlSource) -> None:
        self._source = source
        self._postgres = source.dialect == "postgresql"
        self.exact = True

    def node(self, node: n.Node, names: _Outer | _Inner, *, upper: bool) -> Bool:
        if isinstance(node, n.Not):
            return not_(self.node(node.part, names, upper=not upper))
        if isinstance(node, n.All):
            return both(*(self.node(part, names, upper=upper) for part in node.parts))
        if isinstance(node, n.Any_):
            return or_(false(), *(self.node(part, names, upper=upper) for part in node.parts))
        if isinstance(node, n.InSegment):
            if self._source.segment is None:
                return self._unknown(upper=upper)
            return self._source.segment(node.key)
        if isinstance(node, n.Event):
            return self._event(node, upper=upper)
        value = names.find(node.fact)
        if value is None:
            return self._unknown(upper=upper)
        return self._test(node.test, value, upper=upper)

    def _unknown(self, *, upper: bool) -> Bool:
        self.exact = False
        return true() if upper else false()

    def _event(self, node: n.Event, *, upper: bool) -> Bool:
        events = self._source.events
        if events is None:
            return self._unknown(upper=upper)
        parts = [events.subject == self._source.subject, events.type == node.type]
        if node.within is not None:
            parts.append(events.occurred_at > self._source.now - node.within)
        if node.since is not None:
            parts.append(events.occurred_at >= node.since)
        if node.until is not None:
            parts.append(events.occurred_at < node.until)
        if node.where is not None:
            source = self._source
            where = data_condition(node, events.data, dialect=source.dialect, now=source.now)
            if not where.exact:
                # The number is known from above only, and what follows from it is not known.
                return self._unknown(upper=upper)
            parts.append(where.expression)
        # More than `most` change nothing, so nobody's whole history is counted through.
        latest = select(literal(1).label("one")).where(*parts)
        latest = latest.correlate_except(events.subject.table).limit(node.most)
        rows = latest.subquery()
        query = select(func.count()).select_from(rows).correlate_except(rows)
        number = ColumnValue(query.scalar_subquery(), "number", dialect=self._source.dialect)
        return self._test(node.count, number, upper=upper)

    def _test(self, test: n.Test, value: SqlValue, *, upper: bool) -> Bool:
        if isinstance(test, n.Fails):
            return not_(self._test(test.test, value, upper=not upper))
        if isinstance(test, n.Both):
            return both(*(self._test(part, value, upper=upper) for part in test.tests))
        if isinstance(test, n.Numeric):
            number = DecimalValue(value, dialect=self._source.dialect)
            return self._test(test.test, number, upper=upper)
        if isinstance(test, (n.Matches, n.Version)):
            return self._on_text(test, value, upper=upper)
        if isinstance(test, n.OneOf):
            return self._one_of(test, value, upper=upper)
        if isinstance(test, n.Element):
            return self._element(test, value, upper=upper)
        if isinstance(test, n.Contains):
            each = [
                value.any_element(
                    lambda item, part=part: self._test(part, item, upper=upper)  # type: ignore[misc]
                )
                for part in test.tests
            ]
            return both(value.is_kind("array"), *each)
        return self._plain_test(test, value, upper=upper)

    def _plain_test(self, test: Any, value: SqlValue, *, upper: bool) -> Bool:
        if isinstance(test, n.Equals):
            return self._equals(value, test.wanted)
        if isinstance(test, n.Order):
            return self._order(test, value)
        if isinstance(test, n.Moment):
            return self._moment(test, value)
        if isinstance(test, n.Exists):
            return or_(*(value.is_kind(kind) for kind in values.KINDS if kind != "null"))
        if isinstance(test, n.OfKind):
            return value.is_kind(test.kind)
        if isinstance(test, n.Size):
            size = ColumnValue(value.length(), "number", dialect=self._source.dialect)
            return both(value.is_kind("array"), self._test(test.test, size, upper=upper))
        assert isinstance(test, n.Anniversary)
        return self._anniversary(test, value)

    def _equals(self, value: SqlValue, wanted: Any) -> Bool:
        kind = values.kind_of(wanted)
        if kind == "null":
            others = (value.is_kind(kind) for kind in values.KINDS if kind != "null")
            return not_(or_(*others))
        if kind == "boolean":
            return surely(value.boolean() == (true() if wanted else false()))
        if kind == "number":
            return surely(value.number() == value.bound(values.number_of(wanted)))
        if kind == "string":
            return surely(value.text() == value.compared(wanted))
        if kind == "array":
            parts = [self._same_part(value.item(index), item) for index, item in enumerate(wanted)]
            return both(surely(value.length() == len(wanted)), *parts)
        parts = [self._same_part(value.child(str(key)), item) for key, item in wanted.items()]
        return both(surely(value.members() == len(wanted)), *parts)

    def _same_part(self, value: SqlValue | None, wanted: Any) -> Bool:
        if value is None:
            return false()
        if wanted is None:
            return value.is_kind("null")
        return self._equals(value, wanted)

    @staticmethod
    def _order(test: n.Order, value: SqlValue) -> Bool:
        if isinstance(test.wanted, str):
            return surely(_compared(test.operator, value.text(), value.compared(test.wanted)))
        return surely(_compared(test.operator, value.number(), value.bound(test.wanted)))

    def _moment(self, test: n.Moment, value: SqlValue) -> Bool:
        text = value.text()
        wanted = value.compared(values.moment_text(self._source.now + test.offset))
        return both(
            surely(self._like_form(text, f"^{values.MOMENT_FORM.pattern}$", _GLOBS)),
            surely(_compared(test.operator, text, wanted)),
        )

    def _like_form(self, text: Any, pattern: str, globs: Collection[str]) -> Bool:
        if self._postgres:
            return text.op("~", is_comparison=True)(pattern)  # type: ignore[no-any-return]
        return or_(*(text.op("GLOB", is_comparison=True)(glob) for glob in globs))

    def _one_of(self, test: n.OneOf, value: SqlValue, *, upper: bool) -> Bool:
        if test.folded:
            # Databases fold fewer letters than Python does.
            texts = or_(value.is_kind("string"), value.is_kind("array"))
            plain_items = tuple(item for item in test.items if not isinstance(item, str))
            rest = self._one_of(n.OneOf(plain_items, False), value, upper=upper)
            if plain_items == test.items:
                return rest
            self.exact = False
            return or_(rest, texts) if upper else rest

        def is_item(one: SqlValue) -> Bool:
            return or_(false(), *(self._equals(one, item) for item in test.items))

        return or_(
            and_(not_(value.is_kind("array")), is_item(value)),
            both(value.is_kind("array"), value.any_element(is_item)),
        )

    def _on_text(self, test: n.Matches | n.Version, value: SqlValue, *, upper: bool) -> Bool:
        piece = plain(test.pattern) if isinstance(test, n.Matches) else None
        if piece is None:
            self.exact = False
            return value.is_kind("string") if upper else false()
        text = func.substr(value.text(), 1, MAX_TEXT, type_=String)
        if not piece.end:
            if piece.start:
                return surely(func.substr(text, 1, len(piece.text)) == piece.text)
            find = func.strpos if self._postgres else func.instr
            return surely(find(text, piece.text) > 0)
        # Like Python's, `$` also stands before a line break at the very end.
        return or_(*(self._ends(text, f"{piece.text}{end}", piece.start) for end in ("", "\n")))

    @staticmethod
    def _ends(text: ColumnElement[str], ending: str, whole: bool) -> Bool:
        if whole:
            return surely(text == literal(ending, String))
        size = func.length(text)
        tail = func.substr(text, size - len(ending) + 1, len(ending))
        return surely(and_(size >= len(ending), tail == ending))

    def _element(self, test: n.Element, value: SqlValue, *, upper: bool) -> Bool:
        def passes(item: SqlValue) -> Bool:
            if test.test is not None:
                inner = self._test(test.test, item, upper=upper)
            else:
                assert test.node is not None
                inner = self.node(test.node, _Inner(item), upper=upper)
            return both(not_(item.is_kind("null")), inner)

        return both(value.is_kind("array"), value.any_element(passes))

    def _anniversary(self, test: n.Anniversary, value: SqlValue) -> Bool:
        text = value.text()
        in_own_year = self._like_form(text, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(@.*)?$", _DAY_GLOBS)
        of_any_year = self._like_form(text, r"^--[0-9]{2}-[0-9]{2}(@.*)?$", _ANY_YEAR_GLOBS)
        alternatives = []
        for today, where in self._todays():
            first, last = today + timedelta(days=test.first), today + timedelta(days=test.last)
            kept = sorted(values.observed(first, last, self._source.calendars))
            alternatives.append(
                both(
                    where,
                    or_(
                        surely(and_(in_own_year, func.substr(text, 6, 40).in_(kept))),
                        surely(and_(of_any_year, func.substr(text, 3, 40).in_(kept))),
                    ),
                )
            )
        return or_(*alternatives)

    def _todays(self) -> list[tuple[date, Bool]]:
        """Each date that it is somewhere, with whom it is that date for."""
        now, source = self._source.now, self._source
        usual = now.astimezone(ZoneInfo(source.default_zone)).date()
        if source.zone is None:
            return [(usual, true())]
        others: dict[date, list[str]] = defaultdict(list)
        for name in source.zones:
            today = now.astimezone(ZoneInfo(name)).date()
            if today != usual:
                others[today].append(name)
        elsewhere = [name for names in others.values() for name in names]
        found = [(today, surely(source.zone.in_(names))) for today, names in others.items()]
        return [(usual, not_(surely(source.zone.in_(elsewhere)))), *found]


_DIGITS = "[0-9]"
_DAY = f"{_DIGITS * 4}-[01]{_DIGITS}-[0-3]{_DIGITS}"
_GLOBS = (_DAY, f"{_DAY}T[0-2]{_DIGITS}:[0-5]{_DIGITS}:[0-5]{_DIGITS}.{_DIGITS * 6}Z")
_MONTH_DAY = f"-{_DIGITS * 2}-{_DIGITS * 2}"
_DAY_GLOBS = tuple(f"{_DIGITS * 4}{_MONTH_DAY}{end}" for end in ("", "@*"))
_ANY_YEAR_GLOBS = tuple(f"-{_MONTH_DAY}{end}" for end in ("", "@*"))


def _compared(operator: str, left: Any, right: Any) -> Any:
    if operator == "$gt":
        return left > right
    if operator == "$gte":
        return left >= right
    return left < right if operator == "$lt" else left <= right
