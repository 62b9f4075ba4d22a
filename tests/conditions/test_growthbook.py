"""The operators as GrowthBook's public specification of conditions defines them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, select

from dxp.conditions import compile_condition
from dxp.conditions.sql import SqlSource, sql_condition
from dxp.conditions.sql_values import json_value
from dxp.db.base import JsonType
from dxp.errors import Unprocessable
from tests.conditions.growthbook_cases import CASES, DIFFERENT
from tests.conditions.strategies import NOW

ADA = {
    "id": 7,
    "name": "Ada",
    "tags": ["red", "Blue"],
    "none": None,
    "flag": False,
    "empty": [],
    "address": {"city": "Lyon", "lines": ["a", "b"]},
    "orders": [{"sku": "A", "n": 2}, {"sku": "B", "n": 5}],
    "version": "1.2.10-rc.1+build.5",
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"address.city": "Lyon"}, True),
        ({"address.city.name": None}, True),
        ({"tags": ["red", "Blue"]}, True),
        ({"tags": ["Blue", "red"]}, False),
        ({"address": {"lines": ["a", "b"], "city": "Lyon"}}, True),
        ({"address": {"city": "Lyon"}}, False),
        ({"id": 7.0}, True),
        ({"id": "7"}, False),
        ({"flag": None}, False),
        ({"missing": None}, True),
        ({"missing": {"$ne": "x"}}, True),
        ({"flag": {"$in": [0]}}, False),
        ({"tags": {"$in": ["green", "red"]}}, True),
        ({"tags": {"$nin": ["green"]}}, True),
        ({"empty": {"$in": ["green"]}}, False),
        ({"tags": {"$ini": ["BLUE"]}}, True),
        ({"name": {"$nini": ["ADA"]}}, False),
        ({"tags": {"$all": ["red", {"$regex": "^B"}]}}, True),
        ({"tags": {"$all": ["red", "blue"]}}, False),
        ({"tags": {"$alli": ["RED", "blue"]}}, True),
        ({"name": {"$all": ["Ada"]}}, False),
        ({"tags": {"$size": 2}}, True),
        ({"tags": {"$size": {"$gt": 2}}}, False),
        ({"name": {"$size": 3}}, False),
        ({"orders": {"$elemMatch": {"sku": "B", "n": {"$gte": 5}}}}, True),
        ({"orders": {"$elemMatch": {"sku": "A", "n": {"$gte": 5}}}}, False),
        ({"orders": {"$elemMatch": {"$or": [{"sku": "C"}, {"n": 2}]}}}, True),
        ({"tags": {"$not": {"$elemMatch": {"$eq": "green"}}}}, True),
        ({"none": {"$exists": False}}, True),
        ({"flag": {"$exists": True}}, True),
        ({"none": {"$type": "null"}}, True),
        ({"missing": {"$type": "null"}}, False),
        ({"flag": {"$type": "boolean"}}, True),
        ({"address": {"$type": "object"}}, True),
        ({"empty": {"$type": "array"}}, True),
        ({"name": {"$regex": "(da|eve)$"}}, True),
        ({"name": {"$regexi": "^ADA"}}, True),
        ({"missing": {"$notRegex": "a"}}, True),
        ({"name": {"$notRegexi": "ADA"}}, False),
        ({"name": {"$gt": "ADA", "$lt": "B"}}, True),
        ({"id": {"$gt": "5"}}, False),
        ({"none": {"$lte": 0}}, False),
        ({"version": {"$vgt": "1.2.9", "$vlt": "1.2.10"}}, True),
        ({"version": {"$veq": "v1.2.10-rc.1"}}, True),
        ({"version": {"$vgte": "1.2.10-rc.1", "$vlte": "1.2.10-rc.1"}}, True),
        ({"version": {"$vne": "1.2.10"}}, True),
        ({"id": {"$vgt": "1.0.0"}}, False),
        ({"id": {"$vne": "1.0.0"}}, True),
        ({"$nor": [{"name": "Eve"}, {"id": 8}]}, True),
        ({"$or": [{"id": 1}, {"id": 2}], "name": "Ada"}, False),
    ],
)
def test_an_operator_means_what_the_specification_says(
    condition: dict[str, Any], holds: bool
) -> None:
    assert compile_condition(condition).matches(ADA) is holds


PERSON = Table(
    "person", MetaData(), Column("id", Integer, primary_key=True), Column("profile", JsonType)
)


@pytest.fixture
def engine(blank_database: str) -> Iterator[Engine]:
    made = create_engine(blank_database, json_serializer=json.dumps)
    PERSON.metadata.create_all(made)
    yield made
    made.dispose()


def _source(dialect: str) -> SqlSource:
    return SqlSource(
        dialect=dialect,
        subject=PERSON.c.id,
        fact=lambda name: json_value(PERSON.c.profile, name.split("."), dialect=dialect),
        now=NOW,
    )


def test_the_public_cases_hold_in_python_and_in_the_database(engine: Engine) -> None:
    """Where the database finds a few too many it says so, and Python decides about those."""
    plain = [
        (condition, facts, answer)
        for condition, answer, facts in (
            (condition, ours, facts)
            for condition, facts, _theirs, ours in DIFFERENT
            if ours != "refused"
        )
    ]
    for condition, holds, fails in CASES:
        plain += [(condition, facts, True) for facts in holds]
        plain += [(condition, facts, False) for facts in fails]
    assert len(plain) + sum(ours == "refused" for *_case, ours in DIFFERENT) >= 230
    with engine.connect() as connection, connection.begin() as transaction:
        for number, (_condition, facts, _answer) in enumerate(plain):
            connection.execute(PERSON.insert().values(id=number, profile=facts))
        for number, (source, facts, answer) in enumerate(plain):
            condition = compile_condition(source)
            assert condition.matches(facts) is answer, (source, facts)
            made = sql_condition(condition, _source(connection.dialect.name))
            mine = select(PERSON.c.id).where(PERSON.c.id == number, made.expression)
            found = connection.scalar(mine) is not None
            assert found is answer or (found and not made.exact), (source, facts)
        transaction.rollback()


@pytest.mark.parametrize("condition", [case[0] for case in DIFFERENT if case[3] == "refused"])
def test_what_would_quietly_select_nobody_or_everybody_is_refused(
    condition: dict[str, Any],
) -> None:
    with pytest.raises(Unprocessable):
        compile_condition(condition)
