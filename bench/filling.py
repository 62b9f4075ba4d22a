"""Filling a database with very many customers: set-based, a slice of rows in each statement.

Some few of the customers are `WATCHED`: they have the same events and memberships whatever the size
of the crowd around them, so that reading about them can be compared between sizes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    Select,
    String,
    Table,
    case,
    cast,
    create_engine,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as POSTGRES_UUID

from dxp.db import Base

WATCHED = 50
WATCHED_EVENTS = 400
"""Events of each of the watched; everybody else has `EVENTS` on average."""

EVENTS = 4
SEGMENTS = 50
MEMBERSHIPS = 4
"""Segments that each customer is in."""

_SLICE = 50_000
_BEGINNING = "2025-01-01 00:00:00"
_SPAN_SECONDS = 365 * 86_400
_FIRST_MILLISECOND = 0x0194_0000_0000
# Multiplying by an odd number modulo a power of two visits each remainder once, far apart.
_FAR_APART = 2_654_435_761
_RANDOM = 1 << 32
_SYLLABLES = "babedibofugahejikolumanepiqorusatevixoyuzacohidaligomurenipuforetavu"
_KINDS = {"subject": 1, "event": 2, "segment": 3}

Row = Mapping[str, Any]
Advance = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Fill:
    """Rows of one table: `count` of them, row `n` made by an expression for each column."""

    table: str
    count: int
    columns: Row


def number_id(kind: str, number: int) -> uuid.UUID:
    """The id of a row that was filled in, by its number."""
    ending = number * _FAR_APART % _RANDOM
    return uuid.UUID(f"{_FIRST_MILLISECOND + number:012x}7000800{_KINDS[kind]}{ending:012x}")


def rows_of(customers: int) -> int:
    """How many rows `fill` writes."""
    return sum(part.count for part in _parts(customers, "sqlite"))


def fill(url: str, *, customers: int, advance: Advance) -> None:
    """Write everything, and leave the database as one that grew to this size.

    Args:
        advance: told of the rows that each statement wrote.
    """
    engine = create_engine(url)
    try:
        parts = list(_parts(customers, engine.dialect.name))
        with engine.connect() as connection:
            _hurry(connection)
            tables = [Base.metadata.tables[part.table] for part in parts]
            with _without_indexes(connection, tables):
                for part in parts:
                    _write(connection, part, advance)
        _tidy(engine)
    finally:
        engine.dispose()


def _parts(customers: int, dialect: str) -> Iterator[Fill]:
    n = literal_column("n", BigInteger)
    sql = _Dialect(dialect)
    when = sql.moment(n * _SPAN_SECONDS // customers)
    who = sql.id("subject", n)
    yield Fill(
        table="dxp_subject",
        count=customers,
        columns={"id": who, "created_at": when, "anonymous": literal_column("false")},
    )
    yield Fill(
        table="crm_customer",
        count=customers,
        columns={
            "subject_id": who,
            "ref": _text("bench-", n),
            "name": _name(n),
            "email": _text("bench-", n, "@shop.example"),
            "country": literal("FR", String),
            "tags": sql.document("[]"),
            "fields": sql.document("{}"),
            "birthday_edits": literal(0),
            "search": _text("bench-", n),
            "version": literal(1),
            "created_at": when,
            "updated_at": when,
        },
    )
    yield Fill(
        table="dxp_event", count=_events(customers), columns=_event_columns(sql, n, customers)
    )
    yield Fill(
        table="crm_segment",
        count=SEGMENTS,
        columns={
            "id": sql.id("segment", n),
            "key": _text("crowd-", n),
            "names": sql.document('{"en": "Crowd"}'),
            "kind": literal("static", String),
            "condition": sql.document("{}"),
            "version": literal(1),
            "status": literal("active", String),
            "built": literal(0),
            "to_build": literal(0),
            "size": literal(0),
            "created_at": when,
            "updated_at": when,
        },
    )
    # By segment, then by customer, as the table's own key has it.
    each = customers * MEMBERSHIPS // SEGMENTS
    segment = n // each
    member = (n % each) * (SEGMENTS // MEMBERSHIPS) + segment % (SEGMENTS // MEMBERSHIPS)
    yield Fill(
        table="crm_segment_member",
        count=each * SEGMENTS,
        columns={
            "segment_id": sql.id("segment", segment),
            "subject_id": sql.id("subject", member),
            "since": sql.moment(n % _SPAN_SECONDS),
        },
    )


def _events(customers: int) -> int:
    return customers * EVENTS + WATCHED * WATCHED_EVENTS


def _event_columns(sql: _Dialect, n: Any, customers: int) -> Row:
    """Events in the order in which they came, those of the watched strewn among the others."""
    total, watched = _events(customers), WATCHED * WATCHED_EVENTS
    place = n * watched // total
    is_watched = place > (n - 1) * watched // total if total > watched else literal(True)
    person = case((is_watched, place % WATCHED), else_=n * 7919 % customers)
    turn = case((is_watched, place // WATCHED), else_=n)
    bought = turn % 5 == 0
    when = sql.moment(n * (_SPAN_SECONDS - 1) // total)
    return {
        "id": sql.id("event", n),
        "type": case((bought, "order.placed"), else_="page.viewed"),
        "subject_id": sql.id("subject", person),
        "origin_id": sql.no_id(),
        "source": literal("bench", String),
        "external_id": _text("crowd-", n),
        "occurred_at": when,
        "received_at": when,
        "data": sql.as_document(
            case(
                (bought, _text('{"order_id": "', n, '", "total": "10.00", "currency": "EUR"}')),
                else_='{"path": "/tea", "title": "Tea", "referrer": null}',
            )
        ),
    }


class _Dialect:
    """What the two databases write differently."""

    def __init__(self, name: str) -> None:
        self._postgresql = name == "postgresql"

    def id(self, kind: str, number: Any) -> Any:
        text = (
            self._hex(number + _FIRST_MILLISECOND, 12)
            .concat(f"7000800{_KINDS[kind]}")
            .concat(self._hex(number * _FAR_APART % _RANDOM, 12))
        )
        return cast(text, POSTGRES_UUID) if self._postgresql else text

    def no_id(self) -> Any:
        return cast(null(), POSTGRES_UUID) if self._postgresql else null()

    def moment(self, seconds: Any) -> Any:
        if self._postgresql:
            first = cast(literal(f"{_BEGINNING}+00", String), TIMESTAMP(timezone=True))
            return first + seconds * literal_column("interval '1 second'")
        later = cast(seconds, String).concat(" seconds")
        return func.strftime("%Y-%m-%d %H:%M:%f000", _BEGINNING, later)

    def document(self, text: str) -> Any:
        return self.as_document(literal(text, String))

    def as_document(self, text: Any) -> Any:
        return cast(text, JSONB) if self._postgresql else text

    def _hex(self, number: Any, width: int) -> Any:
        if self._postgresql:
            return func.lpad(func.to_hex(cast(number, BigInteger)), width, "0", type_=String)
        return func.printf(f"%0{width}x", number, type_=String)


def _text(before: str, number: Any, after: str = "") -> Any:
    return literal(before, String).concat(cast(number, String)).concat(after)


def _name(number: Any) -> Any:
    """Two words of two and three syllables: 34 ** 2 first names and 34 ** 3 family names."""
    syllables = len(_SYLLABLES) // 2
    mixed = number * _FAR_APART % _RANDOM

    def syllable(position: int) -> Any:
        place = mixed // syllables**position % syllables
        return func.substr(
            literal(_SYLLABLES, String), cast(place * 2 + 1, Integer), 2, type_=String
        )

    first = syllable(0).concat(syllable(1))
    return first.concat(" ").concat(syllable(2)).concat(syllable(3)).concat(syllable(4))


def _numbers(first: int, count: int) -> Any:
    numbers = select(literal(first, BigInteger).label("n")).cte("numbers", recursive=True)
    return numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < first + count - 1))


def _write(connection: Connection, part: Fill, advance: Advance) -> None:
    table = Base.metadata.tables[part.table]
    for first in range(0, part.count, _SLICE):
        count = min(_SLICE, part.count - first)
        rows: Select[Any] = select(*part.columns.values()).select_from(_numbers(first, count))
        connection.execute(insert(table).from_select(list(part.columns), rows))
        connection.commit()
        advance(count)


def _hurry(connection: Connection) -> None:
    """Nothing here need survive a power cut, and all that refers to something is known to."""
    commands = ["SET session_replication_role = replica", "SET maintenance_work_mem = '256MB'"]
    if connection.dialect.name == "sqlite":
        commands = ["PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000"]
    for command in commands:
        connection.exec_driver_sql(command)
    connection.commit()


@contextmanager
def _without_indexes(connection: Connection, tables: list[Table]) -> Iterator[None]:
    """Indexes are made over the whole at the end, which takes a fraction of the time."""
    indexes = [index for table in tables for index in table.indexes]
    for index in indexes:
        index.drop(connection)
    connection.commit()
    yield
    for index in indexes:
        index.create(connection)
        connection.commit()


def _tidy(engine: Engine) -> None:
    """What PostgreSQL does by itself after a while, and what SQLite does when it is closed."""
    command = "VACUUM ANALYZE"
    if engine.dialect.name == "sqlite":
        command = "PRAGMA wal_checkpoint(TRUNCATE)"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(command)
