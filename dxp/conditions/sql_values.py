"""Values inside rows: what SQLite and PostgreSQL say of a column or of a place in a JSON document.

Each answer is guarded by the value's kind, since SQLite finds that '3' > 5 and PostgreSQL refuses
to cast; and each is two-valued, since SQL's NULL is neither true nor false.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Float,
    Integer,
    Numeric,
    String,
    and_,
    case,
    cast,
    collate,
    column,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    null,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from dxp.conditions.values import DECIMAL

Bool = ColumnElement[bool]
ColumnKind = Literal["string", "number", "boolean", "moment", "day"]
_LARGEST = "1.7976931348623157e308"


def surely(expression: Any) -> Bool:
    """True or false, never NULL."""
    return func.coalesce(expression, false())


class SqlValue(ABC):
    """A value of a row. Texts, numbers and booleans are NULL unless the value is one."""

    @abstractmethod
    def is_kind(self, kind: str) -> Bool:
        """Whether it is of a kind of `dxp.conditions.values.KINDS`; never NULL."""

    @abstractmethod
    def text(self) -> ColumnElement[str]: ...

    @abstractmethod
    def number(self) -> ColumnElement[float]: ...

    @abstractmethod
    def boolean(self) -> Bool: ...

    def child(self, key: str) -> SqlValue | None:
        """A member of an object; None when this can be none."""
        return None

    def item(self, index: int) -> SqlValue | None:
        """An element of an array; None when this can be none."""
        return None

    def length(self) -> ColumnElement[int]:
        """Of an array; NULL for anything else."""
        return cast(null(), Integer)

    def members(self) -> ColumnElement[int]:
        """How many members an object has; NULL for anything else."""
        return cast(null(), Integer)

    def any_element(self, holds: Callable[[SqlValue], Bool]) -> Bool:
        """Whether an element of the array is such."""
        return false()

    def compared(self, text: str) -> ColumnElement[str]:
        """A constant to compare `text()` with."""
        return literal(text, String)

    def bound(self, number: float) -> ColumnElement[float]:
        """A constant to compare `number()` with."""
        return literal(number, Float)


class ColumnValue(SqlValue):
    """A typed column, or any expression over columns.

    Args:
        kind: of what it holds; moments and days are compared as the texts they are in JSON.
    """

    def __init__(self, expression: Any, kind: ColumnKind, *, dialect: str) -> None:
        self._expression = expression
        self._kind = kind
        self._postgres = dialect == "postgresql"

    def is_kind(self, kind: str) -> Bool:
        if kind == "null":
            return self._expression.is_(None)  # type: ignore[no-any-return]
        own = "string" if self._kind in ("moment", "day") else self._kind
        return self._expression.is_not(None) if kind == own else false()

    def text(self) -> ColumnElement[str]:
        if self._kind == "moment":
            return self._moment()
        if self._kind == "day":
            plain = type_coerce(self._expression, String)
            return func.to_char(self._expression, "YYYY-MM-DD") if self._postgres else plain
        if self._kind != "string":
            return cast(null(), String)
        return _sorted_by_code(self._expression, postgres=self._postgres)

    def number(self) -> ColumnElement[float]:
        return cast(self._expression if self._kind == "number" else null(), Float)

    def boolean(self) -> Bool:
        return cast(self._expression if self._kind == "boolean" else null(), Boolean)

    def _moment(self) -> ColumnElement[str]:
        if self._postgres:
            utc = func.timezone("UTC", self._expression)
            made = func.to_char(utc, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            return _sorted_by_code(made, postgres=True)
        stored = type_coerce(self._expression, String)
        return func.replace(stored, " ", "T", type_=String) + "Z"


class SqliteJson(SqlValue):
    """A value of a JSON document in SQLite: at `path` of `document`, or an element of an array."""

    def __init__(self, document: Any, path: str = "$") -> None:
        self._document = document
        self._path = path
        self._type: Any = func.json_type(document, path, type_=String)
        self._value: Any = func.json_extract(document, path)

    @classmethod
    def element(cls, row: Any) -> SqliteJson:
        """An element as `json_each` gives it: only objects and arrays are JSON themselves."""
        made = cls(case((row.c.type.in_(("object", "array")), row.c.value), else_=null()))
        made._type, made._value = row.c.type, row.c.value
        return made

    def is_kind(self, kind: str) -> Bool:
        types = {
            "boolean": ("true", "false"),
            "number": ("integer", "real"),
            "string": ("text",),
        }.get(kind, (kind,))
        return surely(self._type.in_(types))

    def text(self) -> ColumnElement[str]:
        return case((self._type == "text", type_coerce(self._value, String)), else_=null())

    def number(self) -> ColumnElement[float]:
        is_number = self._type.in_(("integer", "real"))
        return case((is_number, cast(self._value, Float)), else_=null())

    def boolean(self) -> Bool:
        return case((self._type == "true", true()), (self._type == "false", false()), else_=null())

    def child(self, key: str) -> SqlValue | None:
        if '"' in key or "\\" in key:
            return None
        return SqliteJson(self._document, f'{self._path}."{key}"')

    def item(self, index: int) -> SqlValue | None:
        return SqliteJson(self._document, f"{self._path}[{index}]")

    def length(self) -> ColumnElement[int]:
        size = func.json_array_length(self._document, self._path)
        return case((self._type == "array", size), else_=null())

    def members(self) -> ColumnElement[int]:
        each = func.json_each(self._document, self._path).table_valued("key")
        size = _counted(each)
        return case((self._type == "object", size), else_=null())

    def any_element(self, holds: Callable[[SqlValue], Bool]) -> Bool:
        array = case(
            (self._type == "array", func.json_extract(self._document, self._path)), else_="[]"
        )
        rows = func.json_each(array).table_valued("key", "value", "type").alias()
        return _any(rows, holds(self.element(rows)))

    def bound(self, number: float) -> ColumnElement[float]:
        # Read from text, as the document's own numbers are: SQLite rounds the last digit its way.
        return cast(literal(repr(number), String), Float)


class PostgresJson(SqlValue):
    """A value of a JSONB document in PostgreSQL."""

    def __init__(self, value: Any) -> None:
        self._value = type_coerce(value, JSONB)
        self._type: Any = func.jsonb_typeof(self._value, type_=String)

    def _plain(self) -> ColumnElement[str]:
        return self._value.op("#>>", return_type=String())(literal_column("'{}'"))

    def is_kind(self, kind: str) -> Bool:
        return surely(self._type == kind)

    def text(self) -> ColumnElement[str]:
        text = self._plain()
        return _sorted_by_code(case((self._type == "string", text), else_=null()), postgres=True)

    def number(self) -> ColumnElement[float]:
        """As a double; PostgreSQL refuses to make one of what is too large."""
        text = self._plain()
        exact = case((self._type == "number", cast(text, Numeric)), else_=null())
        largest = cast(literal(_LARGEST, String), Numeric)
        return case(
            (exact > largest, cast(literal("Infinity", String), Float(53))),
            (exact < -largest, cast(literal("-Infinity", String), Float(53))),
            else_=cast(exact, Float(53)),
        )

    def boolean(self) -> Bool:
        text = self._plain()
        return case((self._type == "boolean", text == "true"), else_=null())

    def child(self, key: str) -> SqlValue | None:
        return PostgresJson(self._value.op("->", return_type=JSONB())(literal(key, String)))

    def item(self, index: int) -> SqlValue | None:
        return PostgresJson(self._value.op("->", return_type=JSONB())(literal(index, Integer)))

    def length(self) -> ColumnElement[int]:
        return case((self._type == "array", func.jsonb_array_length(self._value)), else_=null())

    def members(self) -> ColumnElement[int]:
        guarded = case(
            (self._type == "object", self._value), else_=literal_column("'{}'::jsonb", JSONB)
        )
        keys = func.jsonb_object_keys(guarded).table_valued("key")
        size = _counted(keys)
        return case((self._type == "object", size), else_=null())

    def any_element(self, holds: Callable[[SqlValue], Bool]) -> Bool:
        array = case(
            (self._type == "array", self._value), else_=literal_column("'[]'::jsonb", JSONB)
        )
        rows = func.jsonb_array_elements(array).table_valued(column("value", JSONB)).alias()
        return _any(rows, holds(PostgresJson(rows.c.value)))

    def bound(self, number: float) -> ColumnElement[float]:
        return literal(number, Float(53))


class DecimalValue(SqlValue):
    """A value read as a number: a number, or a text of `dxp.conditions.values.DECIMAL`."""

    def __init__(self, value: SqlValue, *, dialect: str) -> None:
        self._value = value
        text = value.text()
        if dialect == "postgresql":
            # Cast inside the case only: PostgreSQL refuses to make a number of another text.
            form: Bool = text.op("~", is_comparison=True)(f"^{DECIMAL.pattern}$")
            number = cast(cast(text, Numeric), Float(53))
        else:
            form, number = _is_decimal_on_sqlite(text), cast(text, Float)
        written = case((form, number), else_=null())
        self._number = func.coalesce(value.number(), written, type_=Float(53))

    def is_kind(self, kind: str) -> Bool:
        return self._number.is_not(None) if kind == "number" else false()

    def text(self) -> ColumnElement[str]:
        return cast(null(), String)

    def number(self) -> ColumnElement[float]:
        return self._number

    def boolean(self) -> Bool:
        return cast(null(), Boolean)

    def bound(self, number: float) -> ColumnElement[float]:
        return self._value.bound(number)


def _is_decimal_on_sqlite(text: ColumnElement[str]) -> Bool:
    """What `values.DECIMAL` says, in a dialect that has globs alone."""
    bare = case((func.substr(text, 1, 1) == "-", func.substr(text, 2)), else_=text)
    dot = func.instr(bare, ".")
    whole = case((dot > 0, func.substr(bare, 1, dot - 1)), else_=bare)
    rest = case((dot > 0, func.substr(bare, dot + 1)), else_="0")

    def digits(part: Any, most: int) -> Bool:
        others = part.op("GLOB", is_comparison=True)("*[^0-9]*")
        return and_(func.length(part).between(1, most), not_(others))

    return and_(digits(whole, 15), digits(rest, 6))


def json_value(document: Any, path: Sequence[str] = (), *, dialect: str) -> SqlValue | None:
    """A place in a JSON column; None when no path can name it.

    Args:
        document: a column of JSON (SQLite) or JSONB (PostgreSQL).
        path: keys of objects, from the outside in.
    """
    here: SqlValue | None = (
        PostgresJson(document) if dialect == "postgresql" else SqliteJson(document)
    )
    for key in path:
        here = None if here is None else here.child(key)
    return here


def _counted(rows: Any) -> Any:
    return select(func.count()).select_from(rows).correlate_except(rows).scalar_subquery()


def _any(rows: Any, holds: Bool) -> Bool:
    return exists(select(literal(1)).select_from(rows).where(holds).correlate_except(rows))


def _sorted_by_code(expression: Any, *, postgres: bool) -> ColumnElement[str]:
    """Texts compare by code point, as in Python and in SQLite, whatever the database's locale."""
    return collate(expression, "C") if postgres else expression


def both(*parts: Bool) -> Bool:
    """All of them, also when there is none."""
    return and_(true(), *parts)
