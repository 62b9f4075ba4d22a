"""What is refused, so that no condition can hold up a request or break a database."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dxp.conditions import compile_condition
from dxp.conditions.patterns import compiled, plain
from dxp.errors import Unprocessable


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(a*)*b",
        "(a?){30}a{30}",
        ".*.*.*x",
        "(?=a)b",
        r"(a)\1",
        "a?" * 20,
        "(x+x+)+y",
        "(" * 3,
        "a" * 201,
        "a{9999999999999}",
    ],
)
def test_a_pattern_that_could_run_away_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|repeat|choice"):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["^C-\\d+$", "@example\\.com$", "(Mobile|Tablet)", "https?://(www\\.)?shop", "[a-z]+-.*"],
)
def test_everyday_patterns_are_accepted(pattern: str) -> None:
    assert compiled(pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "text", "start", "end"),
    [("^C-", "C-", True, False), ("a\\.b$", "a.b", False, True), ("", "", False, False)],
)
def test_a_piece_of_text_is_known_as_such(pattern: str, text: str, start: bool, end: bool) -> None:
    found = plain(re.compile(pattern))
    assert found is not None
    assert (found.text, found.start, found.end) == (text, start, end)


@pytest.mark.parametrize("pattern", ["a.b", "a|b", "\\d", "a+", "(a)"])
def test_more_than_a_piece_of_text_is_not(pattern: str) -> None:
    assert plain(re.compile(pattern)) is None


@pytest.mark.parametrize(
    ("condition", "pointer", "code"),
    [
        ({"a": "x\x00"}, "/a", "invalid_operand"),
        ({"a": {"$eq": "\ud800"}}, "/a/$eq", "invalid_operand"),
        ({"a": float("inf")}, "/a", "invalid_operand"),
        ({"a": {"$gt": 2**63}}, "/a/$gt", "invalid_operand"),
        ({"a": {"$in": list(range(1001))}}, "/a/$in", "invalid_operand"),
        ({"a": {"$in": [[1]]}}, "/a/$in", "invalid_operand"),
        ({"a": {"$gt": "-99999w"}}, "/a/$gt", "invalid_operand"),
        ({"a": {"$anniversary": {"within": "181d"}}}, "/a/$anniversary", "invalid_operand"),
        ({"a": {"$anniversary": "7d"}}, "/a/$anniversary", "invalid_operand"),
        ({"": 1}, "/", "invalid_name"),
        ({"a/b": {"$near": 1}}, "/a~1b/$near", "unknown_operator"),
        ({"$segment": 3}, "/$segment", "invalid_operand"),
        ({"a": {"$elemMatch": {"$segment": "x"}}}, "/a/$elemMatch/$segment", "unknown_operator"),
        ({"a": {"$elemMatch": {"b": 1, "$segment": "x"}}}, "/a/$elemMatch/b", "unknown_operator"),
        ({"$event": {"type": "x", "count": -1}}, "/$event/count", "invalid_operand"),
        ({"$event": {"type": "x", "count": {"$regex": "1"}}}, "/$event/count", "invalid_operand"),
        ({"$event": {"type": "x", "within": "0d"}}, "/$event/within", "invalid_operand"),
        ({"$event": {"type": "x", "since": "1d"}}, "/$event/since", "invalid_operand"),
        ({"$event": {"type": "x", "until": "2026-02-30"}}, "/$event/until", "invalid_operand"),
        ({"$event": {"type": "x", "after": "1d"}}, "/$event", "invalid_operand"),
        ({"$event": {"type": ""}}, "/$event", "invalid_operand"),
        ({"$event": {"type": "x", "where": {"$event": 1}}}, "/$event/where/$event", "not_here"),
        (
            {"$event": {"type": "x", "where": {"at": {"$gt": "-1d"}}}},
            "/$event/where/at/$gt",
            "not_here",
        ),
        ({"$and": [{"a": 1}] * 501}, "", "too_large"),
    ],
)
def test_each_fault_is_named_at_its_place(condition: Any, pointer: str, code: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        compile_condition(condition, events=True)
    found = [(fault.pointer, fault.code) for fault in caught.value.errors]
    assert (pointer, code) in found or (code == "too_large" and found[0][1] == code)


def test_events_are_counted_only_where_somebody_can_answer() -> None:
    with pytest.raises(Unprocessable) as caught:
        compile_condition({"$event": {"type": "order.placed"}})
    assert caught.value.errors[0].code == "events_not_here"


@pytest.mark.parametrize("operator", ["$not", "$elemMatch", "$size"])
def test_operators_nest_only_so_deep(operator: str) -> None:
    condition: dict[str, Any] = {"$eq": 1}
    for _step in range(400):
        condition = {operator: condition}
    with pytest.raises(Unprocessable) as caught:
        compile_condition({"a": condition})
    assert caught.value.errors[0].code == "too_deep"
