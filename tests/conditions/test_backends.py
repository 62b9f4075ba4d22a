"""One language, two backends: whom Python finds, the database finds, whichever it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    exists,
    not_,
    select,
)

from dxp.conditions import Condition, Situation, compile_condition
from dxp.conditions.sql import SqlEvents, SqlSource, sql_condition
from dxp.conditions.sql_values import Bool, ColumnValue, SqlValue, json_value
from dxp.db.base import JsonType, UtcDateTime
from tests.conditions.strategies import NAMES, NOW, ZONES, conditions, people

METADATA = MetaData()
PERSON = Table(
    "person",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("zone", String),
    Column("profile", JsonType),
    Column("seen_at", UtcDateTime()),
    Column("points", Integer),
    Column("name", String),
)
MEMBER = Table("member", METADATA, Column("person", Integer), Column("segment", String))
EVENT = Table(
    "event",
    METADATA,
    Column("person", Integer),
    Column("type", String),
    Column("occurred_at", UtcDateTime()),
    Column("data", JsonType),
)
CALENDARS = {"half": lambda day: (day.month, max(1, day.day // 2))}


@pytest.fixture
def engine(blank_database: str) -> Iterator[Engine]:
    made = create_engine(blank_database, json_serializer=json.dumps)
    METADATA.create_all(made)
    yield made
    made.dispose()


def _source(dialect: str) -> SqlSource:
    columns = {
        "seen": ColumnValue(PERSON.c.seen_at, "moment", dialect=dialect),
        "points": ColumnValue(PERSON.c.points, "number", dialect=dialect),
        "name": ColumnValue(PERSON.c.name, "string", dialect=dialect),
    }

    def fact(name: str) -> SqlValue | None:
        if name in NAMES:
            return json_value(PERSON.c.profile, [name], dialect=dialect)
        return columns.get(name)

    def segment(key: str) -> Bool:
        rows = select(MEMBER.c.person).where(
            MEMBER.c.person == PERSON.c.id, MEMBER.c.segment == key
        )
        return exists(rows.correlate(PERSON))

    return SqlSource(
        dialect=dialect,
        subject=PERSON.c.id,
        fact=fact,
        now=NOW,
        zone=PERSON.c.zone,
        zones=ZONES,
        events=SqlEvents(
            subject=EVENT.c.person,
            type=EVENT.c.type,
            occurred_at=EVENT.c.occurred_at,
            data=EVENT.c.data,
        ),
        segment=segment,
        calendars=CALENDARS,
    )


def _situation(zone: str | None, segments: set[str], history: list[Any]) -> Situation:
    def moments(event: Any) -> list[datetime]:
        where = event.where and compile_condition(event.wanted["where"])
        return sorted(
            (
                at
                for type_, at, data in history
                if type_ == event.type
                and (where is None or where.matches(data, Situation(now=NOW)))
            ),
            reverse=True,
        )

    return Situation(
        now=NOW,
        zone=ZoneInfo(zone or "UTC"),
        events=moments,
        segments=segments,
        calendars=CALENDARS,
    )


def _write(connection: Connection, found: list[Any]) -> None:
    for number, (profile, zone, segments, history) in enumerate(found):
        connection.execute(PERSON.insert().values(id=number, zone=zone, profile=profile))
        for key in segments:
            connection.execute(MEMBER.insert().values(person=number, segment=key))
        for type_, at, data in history:
            connection.execute(
                EVENT.insert().values(person=number, type=type_, occurred_at=at, data=data)
            )


def _found_by_sql(
    connection: Connection, condition: Condition, *, complement: bool = False
) -> tuple[set[int], bool]:
    made = sql_condition(condition, _source(connection.dialect.name))
    where = not_(made.expression) if complement else made.expression
    return set(connection.scalars(select(PERSON.c.id).where(where))), made.exact


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(source=conditions, found=st.lists(people, min_size=1, max_size=4))
@example(
    source={"$not": {"x": {"$gt": 10}}},
    found=[({"x": None}, None, set(), []), ({}, None, set(), [])],
)
@example(
    source={"x": {"$gt": 5}}, found=[({"x": "3"}, None, set(), []), ({"x": "6"}, None, set(), [])]
)
@example(source={"x": {}}, found=[({"x": {}}, None, set(), []), ({"x": []}, None, set(), [])])
@example(source={"x": True}, found=[({"x": 1}, None, set(), []), ({"x": True}, None, set(), [])])
@example(
    source={"x": 1e25}, found=[({"x": 10**25}, None, set(), []), ({"x": 1e25}, None, set(), [])]
)
@example(source={"x": {"$gt": 1}}, found=[({"x": 10**400}, None, set(), [])])
@example(
    source={"x": {"$lt": "ß"}}, found=[({"x": "z"}, None, set(), []), ({"x": "Z"}, None, set(), [])]
)
def test_python_and_the_database_find_the_same_people(
    engine: Engine, source: dict[str, Any], found: list[Any]
) -> None:
    """Exactly where the database can tell; a bound on both sides where it cannot."""
    condition = compile_condition(source, events=True)
    opposite = compile_condition({"$not": source}, events=True)
    wanted = set()
    for number, (profile, zone, segments, history) in enumerate(found):
        at = _situation(zone, segments, history)
        held = condition.matches(profile, at)
        assert opposite.matches(profile, at) is not held
        if held:
            wanted.add(number)
    others = set(range(len(found))) - wanted
    with engine.connect() as connection, connection.begin() as transaction:
        _write(connection, found)
        inside, exact = _found_by_sql(connection, condition)
        outside, _ = _found_by_sql(connection, opposite)
        beyond, _ = _found_by_sql(connection, condition, complement=True)
        transaction.rollback()
    assert inside | beyond == wanted | others
    assert not inside & beyond
    assert wanted <= inside
    assert others <= outside
    if exact:
        assert (inside, outside) == (wanted, others)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({"seen": {"$gt": "-30d"}}, {0}),
        ({"seen": {"$gte": "2026-03-01T01:00:00+01:00"}}, {0}),
        ({"seen": {"$lt": "2026-03-01"}}, {1}),
        ({"seen": {"$not": {"$lt": "now"}}}, {2}),
        ({"seen": None}, {2}),
        ({"points": {"$gte": 10}}, {0}),
        ({"points": {"$in": [3, "10"]}}, {1}),
        ({"points": {"$type": "number"}}, {0, 1}),
        ({"points": "10"}, set()),
        ({"name": {"$regex": "^Ad"}}, {0}),
        ({"name": {"$regex": "a$"}}, {0, 1}),
        ({"name": {"$ne": "Ada"}}, {1, 2}),
        ({"name": {"$gt": "Z"}}, {1}),
        ({"unknown": None}, {0, 1, 2}),
    ],
)
def test_typed_columns_answer_as_facts_do(
    engine: Engine, source: dict[str, Any], wanted: set[int]
) -> None:
    rows = [
        {"seen": datetime(2026, 3, 9, tzinfo=UTC), "points": 10, "name": "Ada"},
        {"seen": datetime(2025, 3, 9, tzinfo=UTC), "points": 3, "name": "eva"},
        {"seen": None, "points": None, "name": None},
    ]
    condition = compile_condition(source)
    at = Situation(now=NOW)
    assert {number for number, row in enumerate(rows) if condition.matches(row, at)} == wanted
    with engine.connect() as connection, connection.begin() as transaction:
        for number, row in enumerate(rows):
            connection.execute(
                PERSON.insert().values(
                    id=number, seen_at=row["seen"], points=row["points"], name=row["name"]
                )
            )
        found, exact = _found_by_sql(connection, condition)
        transaction.rollback()
    assert found == wanted
    assert exact is ("unknown" not in source)
