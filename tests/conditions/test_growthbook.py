"""The operators as GrowthBook's public specification of conditions defines them."""

from __future__ import annotations

from typing import Any

import pytest

from dxp.conditions import compile_condition

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
