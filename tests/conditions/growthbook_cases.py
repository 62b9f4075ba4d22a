"""What GrowthBook's public cases for `evalCondition` say, condition by condition.

Facts of its specification 0.7, in a form of our own: each condition once, with the attributes
for which it holds and those for which it does not. `DIFFERENT` are the cases in which this
language answers otherwise; the reasons are in docs/conditions.md.
"""

from __future__ import annotations

from typing import Any, Literal

Facts = dict[str, Any]
Meaning = tuple[dict[str, Any], list[Facts], list[Facts]]
Difference = tuple[dict[str, Any], Facts, bool, bool | Literal["refused"]]

SANTA: dict[str, Any] = {
    "$and": [
        {"father.age": {"$gt": 65}},
        {"$or": [{"bday": {"$regex": "-12-25$"}}, {"name": "santa"}]},
    ]
}


def _born(name: str, day: str, age: int) -> Facts:
    return {"name": name, "bday": day, "father": {"age": age}}


def _tags(*found: list[Any] | str) -> list[Facts]:
    return [{"tags": tags} for tags in found]


def _versions(name: str, *found: str) -> list[Facts]:
    return [{name: version} for version in found]


JOINED: list[Meaning] = [
    ({}, [{"hello": "world"}], []),
    ({"$not": {"name": "hello"}}, [{"name": "world"}], [{"name": "hello"}]),
    (
        SANTA,
        [
            _born("santa", "1980-12-25", 70),
            _born("santa", "1980-12-20", 70),
            _born("barbara", "1980-12-25", 70),
        ],
        [
            _born("santa", "1980-12-25", 65),
            _born("barbara", "1980-11-25", 70),
            _born("john smith", "1956-12-20", 40),
        ],
    ),
    (
        {"$nor": [{"name": "john"}, {"age": {"$lt": 30}}]},
        [{"name": "jim", "age": 40}],
        [{"name": "john", "age": 20}, {"name": "john", "age": 40}, {"name": "jim", "age": 20}],
    ),
    (
        {"$or": [{"foo": 1}, {"bar": 1}], "baz": 2},
        [{"foo": 1, "bar": 2, "baz": 2}],
        [{"foo": 1, "bar": 2, "baz": 1}],
    ),
    (
        {"$and": [{"foo": 1}, {"bar": 1}], "$or": [{"baz": 1}, {"empty": 1}]},
        [{"foo": 1, "bar": 1, "baz": 2, "empty": 1}],
        [{"foo": 1, "bar": 1, "baz": 2}],
    ),
]

EQUAL: list[Meaning] = [
    (
        {"str": "str", "num": 10, "flag": False},
        [{"str": "str", "num": 10, "flag": False}],
        [],
    ),
    (
        {"occupation": {"$eq": "engineer"}},
        [{"occupation": "engineer"}],
        [{"occupation": "civil engineer"}],
    ),
    ({"level": {"$ne": "senior"}}, [{"level": "junior"}], [{"level": "senior"}]),
    ({"address.state": "CA"}, [], [{"address": None}, {"address": 123}]),
    (
        {"tags": ["hello", "world"]},
        _tags(["hello", "world"]),
        _tags(["world", "hello"], ["hello"], ["hello", "world", "foo"], "hello world"),
    ),
    (
        {"tags": {"hello": "world"}},
        [{"tags": {"hello": "world"}}],
        [{"tags": {"hello": "world", "yes": "please"}}, {"tags": {}}, {"tags": "hello world"}],
    ),
    (
        {"userId": None},
        [{"userId": None}, {}],
        [{"userId": "123"}, {"userId": 0}, {"userId": ""}, {"userId": False}],
    ),
    ({"userId": False}, [], [{}]),
    ({"userId": {"$eq": False}}, [], [{}]),
    ({"x": {"$eq": 5}}, [], [{"x": "5"}]),
    ({"x": 5}, [], [{"x": "5"}]),
    ({"x": {"$eq": True}}, [], [{"x": 1}]),
]

ORDERED: list[Meaning] = [
    ({"age": {"$gt": 30, "$lt": 60}}, [{"age": 50}], [{"age": 60}, {"age": 30}, {"age": 29}]),
    ({"age": {"$gte": 30, "$lte": 60}}, [{"age": 50}, {"age": 30}, {"age": 60}], [{"age": 61}]),
    (
        {"word": {"$gt": "alphabet", "$lt": "zebra"}},
        [{"word": "always"}],
        [{"word": "alphabet"}, {"word": "zebra"}, {"word": "AZL"}],
    ),
    ({"x": {"$gte": 5}}, [], [{}]),
    ({"x": {"$gt": 5}}, [], [{}]),
]

LISTS: list[Meaning] = [
    ({"num": {"$in": [1, 2, 3]}}, [{"num": 2}], [{"num": 4}]),
    (
        {"tags": {"$in": ["a", "b"]}},
        _tags(["d", "e", "a"], ["d", "b", "f"], ["d", "b", "a"]),
        _tags(["d", "e", "f"], []),
    ),
    ({"num": {"$nin": [1, 2, 3]}}, [{"num": 4}], [{"num": 2}]),
    (
        {"tags": {"$nin": ["a", "b"]}},
        _tags(["d", "e", "f"], []),
        _tags(["d", "e", "a"], ["d", "b", "f"], ["d", "b", "a"]),
    ),
    ({"pets.dog.name": {"$in": ["fido"]}}, [], [{"hello": "world"}]),
    ({"country": {"$in": ["us", "uk"]}}, [], [{"country": "US"}]),
    ({"country": {"$nin": ["us", "uk"]}}, [{"country": "US"}], []),
    ({"country": {"$ini": ["us", "uk"]}}, [{"country": "US"}], [{"country": "CA"}]),
    ({"country": {"$ini": ["US", "UK"]}}, [{"country": "us"}], []),
    ({"country": {"$ini": ["Us", "Uk"]}}, [{"country": "US"}], []),
    ({"tags": {"$ini": ["a", "b"]}}, _tags(["d", "e", "A"]), _tags(["d", "e", "f"])),
    ({"tags": {"$ini": ["A", "B"]}}, _tags(["d", "b", "f"]), []),
    ({"country": {"$nini": ["us", "uk"]}}, [{"country": "CA"}], [{"country": "US"}]),
    ({"country": {"$nini": ["US", "UK"]}}, [], [{"country": "us"}]),
    ({"tags": {"$nini": ["a", "b"]}}, _tags(["d", "e", "f"]), _tags(["d", "e", "A"])),
    ({"tags": {"$nini": ["A", "B"]}}, [], _tags(["d", "b", "f"])),
    # Lower case, letter by letter: no letter becomes two, none becomes another.
    ({"x": {"$ini": ["\u0130"]}}, [], [{"x": "i"}]),
    ({"x": {"$ini": ["STRA\u00dfE"]}}, [], [{"x": "STRASSE"}]),
    ({"x": {"$ini": ["\u03a3"]}}, [{"x": "\u03c3"}], []),
    ({"x": {"$ini": ["\u0410"]}}, [{"x": "\u0430"}], []),
    (
        {"nums": {"$elemMatch": {"$gt": 10}}},
        [{"nums": [0, 5, -20, 15]}],
        [{"nums": [0, 5, -20, 8]}],
    ),
    ({"tags": {"$elemMatch": {"$eq": "bar"}}}, _tags(["foo", "bar", "baz"]), _tags(["foo", "baz"])),
    (
        {"tags": {"$elemMatch": {"$in": ["a", "b"]}}},
        _tags(["d", "e", "b"]),
        _tags(["d", "e", "f"]),
    ),
    (
        {"tags": {"$not": {"$elemMatch": {"$eq": "bar"}}}},
        _tags(["foo", "baz"]),
        _tags(["foo", "bar", "baz"]),
    ),
    (
        {"hobbies": {"$elemMatch": {"name": {"$regex": "^ping"}}}},
        [{"hobbies": [{"name": "bowling"}, {"name": "pingpong"}, {"name": "tennis"}]}],
        [{"hobbies": [{"name": "bowling"}, {"name": "tennis"}]}, {"hobbies": "all"}],
    ),
    ({"x": {"$elemMatch": {"$eq": 0}}}, [{"x": [0]}], []),
    ({"x": {"$elemMatch": {"$eq": False}}}, [{"x": [False]}], []),
    ({"x": {"$elemMatch": {"$eq": ""}}}, [{"x": [""]}], []),
    (
        {"tags": {"$all": ["one", "three"]}},
        _tags(["one", "two", "three"]),
        _tags(["one", "two", "four"], "hello", ["ONE", "two", "THREE"]),
    ),
    (
        {"tags": {"$alli": ["one", "three"]}},
        _tags(["ONE", "two", "THREE"]),
        _tags(["ONE", "two", "four"], "hello"),
    ),
    ({"tags": {"$alli": ["ONE", "THREE"]}}, _tags(["one", "two", "three"]), []),
    ({"tags": {"$alli": ["One", "Three"]}}, _tags(["ONE", "two", "three"]), []),
    ({"tags": {"$size": 0}}, _tags([]), _tags([10])),
    (
        {"tags": {"$size": 3}},
        _tags(["a", "b", "c"]),
        _tags(["a", "b"], ["a", "b", "c", "d"], "abc"),
    ),
    ({"tags": {"$size": {"$gt": 2}}}, _tags([0, 1, 2]), _tags([0, 1], [0])),
]

KINDS: list[Meaning] = [
    (
        {"pets.dog.name": {"$exists": False}},
        [{"hello": "world"}],
        [{"pets": {"dog": {"name": "fido"}}}],
    ),
    (
        {"pets.dog.name": {"$exists": True}},
        [{"pets": {"dog": {"name": "fido"}}}],
        [{"hello": "world"}],
    ),
    ({"a": {"$type": "string"}}, [{"a": "a"}], [{"a": 1}]),
    ({"a": {"$type": "null"}}, [{"a": None}], [{"a": 1}]),
    ({"a": {"$type": "boolean"}}, [{"a": False}], [{"a": 1}]),
    ({"a": {"$type": "number"}}, [{"a": 1}], [{"a": "a"}]),
    ({"a": {"$type": "object"}}, [{"a": {"a": "b"}}], [{"a": 1}]),
    ({"a": {"$type": "array"}}, [{"a": [1, 2]}], [{"a": 1}]),
    ({"x": {"$type": "object"}}, [{"x": {}}], []),
]

PATTERNS: list[Meaning] = [
    (
        {"userAgent": {"$regex": "(Mobile|Tablet)"}},
        [{"userAgent": "Android Mobile Browser"}],
        [{"userAgent": "Chrome Desktop Browser"}],
    ),
    ({"userAgent": {"$regex": "(mobile|tablet)"}}, [], [{"userAgent": "Android Mobile Browser"}]),
    ({"name": {"$not": {"$regex": "^hello"}}}, [{"name": "world"}], [{"name": "hello world"}]),
]

_BETWEEN = [
    # operators, lower, upper, versions between them, versions outside
    ("", "9.99.8", "11.0.1", ["10.12.13"], []),
    ("", "10.2.11", "10.20.11", ["10.12.11"], []),
    ("", "10.0.2", "10.0.20", ["10.0.12"], []),
    ("", "30.0.0", "50.0.0", [], ["60.0.0"]),
    ("", "10.30.0", "10.50.0", [], ["10.60.0", "10.20.0"]),
    ("", "10.2.30", "10.2.50", [], ["10.2.60"]),
    ("", "30.0.16", "50.0.16", [], ["20.0.16"]),
    ("", "10.30.10", "10.30.20", [], ["10.30.2"]),
    ("e", "30.1.2", "60.1.2", ["30.1.2", "60.1.2"], ["61.1.2", "29.1.2"]),
    ("e", "5.30.2", "5.60.2", ["5.30.2"], []),
    ("e", "5.10.30", "5.10.60", ["5.10.30"], []),
    ("e", "1.30.2", "1.60.2", ["1.60.2"], []),
    ("e", "1.2.30", "1.2.60", ["1.2.60"], ["1.2.29"]),
    (
        "",
        "1.0.0-alpha",
        "1.0.0-beta",
        ["1.0.0-alpha.10"],
        ["1.0.0-alpha", "1.0.0-beta", "1.0.0-ALPHA"],
    ),
    ("", "1.0.0-alpha.2", "1.0.0-beta.1", [], ["1.0.0-alpha.1"]),
]

_LESS = """
    0.9.99 1.0.0|0.9.0 0.10.0|1.0.0-0.0 1.0.0-0.0.0|1.0.0-9999 1.0.0--|1.0.0-99 1.0.0-100
    1.0.0-alpha 1.0.0-alpha.1|1.0.0-alpha.1 1.0.0-alpha.beta|1.0.0-alpha.beta 1.0.0-beta
    1.0.0-beta 1.0.0-beta.2|1.0.0-beta.2 1.0.0-beta.11|1.0.0-beta.11 1.0.0-rc.1
    1.0.0-rc.1 1.0.0|1.0.0-0 1.0.0--1|1.0.0-0 1.0.0-1|1.0.0-1.0 1.0.0-1.-1
    1.2.3-a.b.c 1.2.3-a.b.c.d
"""
_GREATER = """
    0.0.0 0.0.0-foo|0.0.1 0.0.0|1.0.0 0.9.9|0.10.0 0.9.0|0.99.0 0.10.0|2.0.0 1.2.3
    v0.0.0 0.0.0-foo|v0.0.1 0.0.0|v1.0.0 0.9.9|v0.10.0 0.9.0|v0.99.0 0.10.0|v2.0.0 1.2.3
    0.0.0 v0.0.0-foo|0.0.1 v0.0.0|1.0.0 v0.9.9|0.10.0 v0.9.0|0.99.0 v0.10.0|2.0.0 v1.2.3
    1.2.3 1.2.3-asdf|1.2.3 1.2.3-4|1.2.3 1.2.3-4-foo|1.2.3-5-foo 1.2.3-5|1.2.3-5 1.2.3-4
    1.2.3-5-foo 1.2.3-5-Foo|3.0.0 2.7.2+asdf|1.2.3-a.10 1.2.3-a.5|1.2.3-a.b 1.2.3-a.5
    1.2.3-a.b 1.2.3-a|1.2.3-a.b.c.10.d.5 1.2.3-a.b.c.5.d.100|1.2.3-r2 1.2.3-r100
    1.2.3-r100 1.2.3-R2|a.b.c.d.e.f 1.2.3|10.0.0 9.0.0|10000.0.0 9999.0.0
"""
_ALIKE = """
    1.2.3 1.2.3|1.2.3+build.abc.123 1.2.3|1.2.3 v1.2.3|1.2.3-0 v1.2.3-0|1.2.3-1 1.2.3-1
    1.2.3-1 v1.2.3-1|1.2.3-beta 1.2.3-beta|1.2.3-beta v1.2.3-beta
    1.2.3-beta+build 1.2.3-beta+otherbuild|1.2.3-beta+build v1.2.3-beta+otherbuild
    1-2-3 1.2.3|1-2-3 1-2.3+build99|1-2-3 v1.2.3|1.2.3.4 1.2.3-4
"""
_UNLIKE = "2.2.3 1.2.3|1.2.3-alpha 1.2.3"


def _compared(operator: str, pairs: str) -> list[Meaning]:
    """Pairs of the version of a fact and the one it is compared with."""
    each = [pair.split() for line in pairs.split("\n") for pair in line.split("|") if pair.strip()]
    return [({"v": {operator: bound}}, _versions("v", told), []) for told, bound in each]


VERSIONS: list[Meaning] = [
    (
        {"version": {f"$vgt{end}": lower, f"$vlt{end}": upper}},
        _versions("version", *inside),
        _versions("version", *outside),
    )
    for end, lower, upper, inside, outside in _BETWEEN
]
VERSIONS += _compared("$vlt", _LESS) + _compared("$vgt", _GREATER)
VERSIONS += _compared("$veq", _ALIKE) + _compared("$vne", _UNLIKE)

CASES = [*JOINED, *EQUAL, *ORDERED, *LISTS, *KINDS, *PATTERNS, *VERSIONS]


def _in_groups(*forbidden: str) -> dict[str, Any]:
    def has(*names: str) -> list[dict[str, Any]]:
        return [{"$groups": {"$elemMatch": {"$eq": name}}} for name in names]

    return {
        "$and": [
            *has("a", "b"),
            {"$or": has("c", "e")},
            *({"$not": one} for one in has(*forbidden)),
        ]
    }


_GROUPS: Facts = {"$groups": ["a", "b", "c", "d"]}

DIFFERENT: list[Difference] = [
    # condition, facts, GrowthBook's answer, ours
    (_in_groups("f", "g"), _GROUPS, True, "refused"),
    (_in_groups("d", "g"), _GROUPS, False, "refused"),
    ({"num": {"$in": 1}}, {"num": 1}, False, "refused"),
    ({"num": {"$nin": 1}}, {"num": 1}, False, "refused"),
    ({"num": {"$ini": 1}}, {"num": 1}, False, "refused"),
    ({"num": {"$nini": 1}}, {"num": 1}, False, "refused"),
    ({"$or": []}, {"hello": "world"}, True, "refused"),
    ({"$and": []}, {"hello": "world"}, True, "refused"),
    ({"name": {"$regx": "hello"}}, {"name": "hello"}, False, "refused"),
    ({"name": {"$regex": "/???***[)"}}, {"name": "hello"}, False, "refused"),
    ({"name": {"$regex": "/???***[)"}}, {"hello": "hello"}, False, "refused"),
    ({"id": {"$inGroup": "group_id"}}, {"id": 1}, True, "refused"),
    ({"id": {"$inGroup": "group_id"}}, {"id": 5}, False, "refused"),
    ({"id": {"$inGroup": "group_id"}}, {"id": "2"}, True, "refused"),
    ({"id": {"$inGroup": "group_id"}}, {"id": "3"}, False, "refused"),
    ({"id": {"$inGroup": "unknowngroup_id"}}, {"id": 1}, False, "refused"),
    ({"id": {"$notInGroup": "group_id"}}, {"id": 1}, False, "refused"),
    ({"id": {"$notInGroup": "group_id"}}, {"id": 5}, True, "refused"),
    ({"id": {"$notInGroup": "unknowngroup_id"}}, {"id": 1}, True, "refused"),
    ({"age": {"$gt": -10, "$lt": 10, "$gte": -9, "$lte": 9, "$ne": 10}}, {}, True, False),
    ({"x": {"$lt": 5}}, {}, True, False),
    ({"x": {"$lte": 5}}, {}, True, False),
    ({"n": {"$gt": 5, "$lt": 10}}, {"n": "8"}, True, False),
    ({"n": {"$gt": "5", "$lt": "10"}}, {"n": 8}, True, False),
]
