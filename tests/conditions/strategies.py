"""Random conditions, profiles and events for the tests of the language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
NAMES = ("x", "y", "z")
ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Tehran")
SEGMENTS = ("vip", "new")
TYPES = ("order", "view")

texts = st.one_of(
    st.sampled_from(
        [
            "a",
            "b",
            "A",
            "5",
            "",
            "ab",
            "é",
            "ß",
            "علی",
            "𝔘",
            "a\n",
            "vip",
            "10",
            "1.2.3",
        ]
    ),
    st.sampled_from(["2.50", "-3", "1.", "-", "1\n", "1.0000000", "0012"]),
    st.text(
        alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=4
    ),
)
numbers = st.one_of(
    st.integers(-5, 5),
    st.integers(-(2**53) - 2, 2**53 + 2),
    st.sampled_from([10**17, 2**63 - 1, -(2**63) + 1, 1e25, 0.1, 0.30000000000000004, 1e300, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)
scalars = st.none() | st.booleans() | numbers | texts
days = st.sampled_from(
    ["2026-03-10", "1990-02-29", "2000-03-09", "--03-11", "--02-29", "--03-10@half", "2026-13-45"]
)
moments = st.sampled_from(
    [
        "2026-03-10T09:00:00.000000Z",
        "2026-03-09T09:00:00.000000Z",
        "2026-02-08T09:00:00.000001Z",
        "2026-03-10T10:00:00+01:00",
    ]
)
plain_values = scalars | days | moments
values = st.recursive(
    plain_values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["k", "l", "m-n"]), inner, max_size=2)
    ),
    max_leaves=5,
)
larger = st.sampled_from([2**63, -(2**63) - 1, 10**25, 10**400])
profiles = st.dictionaries(st.sampled_from(NAMES), values | larger, max_size=3)
orderable = numbers | texts | moments | st.sampled_from(["now", "-30d", "+1d", "-1d"])
patterns = st.sampled_from(
    ["a", "^a", "a$", "^a$", "^$", "", "[ab]", "a.*b", "^\\d+$", "é|ß", "\\."]
)
versions = st.sampled_from(["1.2.3", "v1.2.4", "1.2.3-rc.1", "10"])


def _pair(operators: list[str], wanted: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda op, value: {op: value}, st.sampled_from(operators), wanted)


simple_tests = st.one_of(
    values.filter(lambda value: not isinstance(value, dict) or bool(value)),
    _pair(["$eq", "$ne"], values),
    _pair(["$gt", "$gte", "$lt", "$lte"], orderable),
    _pair(["$in", "$nin", "$ini", "$nini"], st.lists(scalars, max_size=3)),
    _pair(["$exists"], st.booleans()),
    _pair(["$type"], st.sampled_from(["null", "boolean", "number", "string", "array", "object"])),
    _pair(["$regex", "$regexi", "$notRegex", "$notRegexi"], patterns),
    _pair(["$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte"], versions),
    _pair(
        ["$anniversary"],
        st.sampled_from([{"within": days} for days in ("0d", "1d", "20d", "-1d", "-15d")]),
    ),
)
tests = st.recursive(
    simple_tests,
    lambda inner: st.one_of(
        st.builds(lambda test: {"$not": test}, inner),
        st.builds(lambda test: {"$size": test}, inner),
        st.builds(lambda test: {"$number": test}, inner),
        _pair(["$number"], _pair(["$gt", "$lte", "$eq"], numbers)),
        st.builds(lambda test: {"$elemMatch": test}, inner.filter(lambda t: isinstance(t, dict))),
        st.builds(lambda test: {"$elemMatch": {"k": test}}, inner),
        st.builds(lambda parts: {"$all": parts}, st.lists(inner, max_size=2)),
    ),
    max_leaves=4,
)
counts = st.one_of(
    st.integers(0, 3),
    _pair(["$gte", "$gt", "$lt", "$lte", "$ne"], st.integers(0, 3)),
    _pair(["$in"], st.lists(st.integers(0, 3), max_size=2)),
)


def _event(
    type_: str, where: Any, count: Any, within: Any, between: tuple[str | None, str | None]
) -> dict[str, Any]:
    found: dict[str, Any] = {"type": type_, "count": count}
    if where:
        found["where"] = where
    if within:
        found["within"] = within
    since, until = between
    if since:
        found["since"] = since
    if until:
        found["until"] = until
    return {"$event": found}


def _is_timeless(test: Any) -> bool:
    """What is asked of an event's data is not relative to now; within says that."""
    wanted = list(test.values()) if isinstance(test, dict) else []
    return not any(one in ("now", "-30d", "+1d", "-1d") or "within" in str(one) for one in wanted)


spans = st.sampled_from([None, "1d", "36h", "30d", "1mo"])
betweens = st.tuples(
    st.sampled_from([None, "2026-03-01", "2026-03-09T09:00:00+01:00"]),
    st.sampled_from([None, "2026-03-10", "2026-02-20T12:00Z"]),
)
event_nodes = st.builds(
    _event,
    st.sampled_from(TYPES),
    st.none() | st.builds(lambda test: {"x": test}, simple_tests.filter(_is_timeless)),
    counts,
    spans,
    betweens,
)
leaves = st.one_of(
    st.builds(lambda name, test: {name: test}, st.sampled_from([*NAMES, "x.k", "y.m-n"]), tests),
    st.builds(lambda key: {"$segment": key}, st.sampled_from(SEGMENTS)),
    event_nodes,
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda kind, parts: {kind: parts},
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=5,
)
histories = st.lists(
    st.tuples(
        st.sampled_from(TYPES),
        st.integers(0, 40 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        st.dictionaries(st.just("x"), plain_values, max_size=1),
    ),
    max_size=4,
)
people = st.tuples(
    profiles,
    st.none() | st.sampled_from(ZONES),
    st.sets(st.sampled_from(SEGMENTS)),
    histories,
)
