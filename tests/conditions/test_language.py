"""The condition language: what holds, what is refused, and the answer to why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp.conditions import compile_condition
from dxp.errors import Unprocessable

FACTS = {"points": 120, "tier": "gold", "tags": ["vip", "new"], "consent": True, "gone": None}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({}, True),
        ({"points": 120}, True),
        ({"points": {"$gte": 120, "$lt": 121}}, True),
        ({"points": {"$gt": 120}}, False),
        ({"tier": {"$in": ["gold", "silver"]}}, True),
        ({"tier": {"$nin": ["gold"]}}, False),
        ({"tags": {"$in": ["vip"]}}, True),
        ({"tags": {"$elemMatch": {"$regex": "^n"}}}, True),
        ({"missing": {"$exists": False}}, True),
        ({"gone": {"$exists": True}}, False),
        ({"missing": None}, True),
        ({"consent": 1}, False),
        ({"points": {"$gt": "100"}}, False),
        ({"missing": {"$gt": 0}}, False),
        ({"missing": {"$lte": 0}}, False),
        ({"$not": {"missing": {"$gt": 0}}}, True),
        ({"$or": [{"tier": "silver"}, {"points": {"$gte": 100}}]}, True),
        ({"$nor": [{"tier": "silver"}, {"points": 1}]}, True),
        ({"points": {"$not": {"$lt": 100}}}, True),
        ({"tier": {"$regex": "^go"}}, True),
        ({"tier": {"$ne": "gold"}}, False),
    ],
)
def test_a_condition_holds_or_not(condition: dict[str, Any], holds: bool) -> None:
    assert compile_condition(condition).matches(FACTS) is holds


def test_dotted_names_are_whole_keys_or_steps() -> None:
    condition = compile_condition({"crm.country": "FR"})
    assert condition.matches({"crm.country": "FR"})
    assert condition.matches({"crm": {"country": "FR"}})
    assert not condition.matches({"crm": "FR"})
    assert condition.facts == {"crm.country"}


def test_why_names_each_comparison_with_the_actual_value() -> None:
    condition = compile_condition({"points": {"$gte": 500}, "tier": "gold"})
    told = {"state": "value"}
    assert [finding.as_dict() for finding in condition.explain(FACTS)] == [
        {"fact": "points", "operator": "$gte", "wanted": 500, "actual": 120, "result": False}
        | told,
        {"fact": "tier", "operator": "$eq", "wanted": "gold", "actual": "gold", "result": True}
        | told,
    ]


def test_why_tells_what_is_empty_from_what_nobody_told_and_from_what_failed() -> None:
    names = ("crm.country", "crm.ref", "loyalty.points", "loyalty.tier")
    condition = compile_condition({"$nor": [{name: 1} for name in names]})
    findings = condition.explain({"crm.country": None, "loyalty.tier": "x"}, failed=["loyalty."])
    assert [finding.actual for finding in findings] == [None, None, None, "x"]
    assert [finding.state for finding in findings] == ["empty", "absent", "failed", "value"]


@pytest.mark.parametrize(
    ("condition", "pointer", "code"),
    [
        ([], "", "not_an_object"),
        ({"a": {"$near": 1}}, "/a/$near", "unknown_operator"),
        ({"$xor": []}, "/$xor", "unknown_operator"),
        ({"$and": []}, "/$and", "not_a_list"),
        ({"$or": [{"a": {"$in": 3}}]}, "/$or/0/a/$in", "invalid_operand"),
        ({"a": {"$gt": None}}, "/a/$gt", "invalid_operand"),
        ({"a": {"$regex": "("}}, "/a/$regex", "invalid_operand"),
    ],
)
def test_what_is_no_condition_is_refused_at_its_place(
    condition: Any, pointer: str, code: str
) -> None:
    with pytest.raises(Unprocessable) as caught:
        compile_condition(condition)
    assert caught.value.code == "invalid_condition"
    assert (caught.value.errors[0].pointer, caught.value.errors[0].code) == (pointer, code)


def test_a_bottomless_condition_is_refused() -> None:
    condition: dict[str, Any] = {"a": 1}
    for _depth in range(50):
        condition = {"$not": condition}
    with pytest.raises(Unprocessable):
        compile_condition(condition)


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "b", "5"])
names = st.sampled_from(["x", "y", "z"])
leaves = st.one_of(
    st.builds(lambda n, v: {n: v}, names, scalars),
    st.builds(
        lambda n, o, v: {n: {o: v}},
        names,
        st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
        st.integers(-5, 5) | st.sampled_from(["a", "b"]),
    ),
    st.builds(lambda n, v: {n: {"$in": v}}, names, st.lists(scalars, max_size=3)),
    st.builds(lambda n, v: {n: {"$exists": v}}, names, st.booleans()),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda kind, parts: {kind: parts},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)
profiles = st.dictionaries(names, scalars | st.lists(scalars, max_size=3))


@given(conditions, profiles)
def test_not_is_the_exact_complement(condition: dict[str, Any], profile: dict[str, Any]) -> None:
    plain = compile_condition(condition).matches(profile)
    assert compile_condition({"$not": condition}).matches(profile) is not plain


@given(st.lists(conditions, min_size=1, max_size=4), profiles)
def test_joining_is_what_its_name_says(parts: list[Any], profile: dict[str, Any]) -> None:
    each = [compile_condition(part).matches(profile) for part in parts]
    assert compile_condition({"$and": parts}).matches(profile) is all(each)
    assert compile_condition({"$or": parts}).matches(profile) is any(each)
