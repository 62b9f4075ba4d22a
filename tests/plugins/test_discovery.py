"""Start order, and refusals that name what is wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp.errors import ConfigurationError
from dxp.plugins.discovery import Found, start_order
from dxp.plugins.spec import Plugin


def found(
    name: str,
    *,
    requires: dict[str, str] | None = None,
    after: tuple[str, ...] = (),
    version: str = "1.0",
    api_version: int = 1,
) -> Found:
    plugin = type(
        name.title(),
        (Plugin,),
        {"name": name, "requires": requires or {}, "after": after, "api_version": api_version},
    )
    return Found(plugin=plugin, version=version, distribution=f"dxp-{name}")


def names(order: list[Found]) -> list[str]:
    return [item.plugin.name for item in order]


def test_requirements_come_first_and_ties_go_by_name() -> None:
    order = start_order([found("c"), found("b", requires={"d": ">=1"}), found("d"), found("a")])
    assert names(order) == ["a", "c", "d", "b"]


def test_a_soft_dependency_that_is_absent_changes_nothing() -> None:
    assert names(start_order([found("a", after=("zebra", "b")), found("b")])) == ["b", "a"]


def test_a_circle_is_printed() -> None:
    circle = [found("a", after=("b",)), found("b", after=("c",)), found("c", after=("a",))]
    with pytest.raises(ConfigurationError, match=r"circle: \w -> \w -> \w -> \w"):
        start_order(circle)


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ([found("a", requires={"b": ">=1"})], "'a' requires 'b', which is not installed"),
        (
            [found("a", requires={"b": ">=2"}), found("b", version="1.9")],
            "requires b >=2, but 1.9 is installed",
        ),
        ([found("a", requires={"b": "new"}), found("b")], "which is no version range"),
        ([found("a", api_version=99)], "written for plugin API 99"),
        ([found("a b")], "calls itself 'a b', which cannot be part of tables"),
        ([found("a" * 31)], "at most 30 small letters"),
        ([found("a"), found("b"), found("a")], "two plugins are named 'a'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(plugins: list[Found], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        start_order(plugins)


@given(st.integers(2, 9), st.randoms(use_true_random=False))
def test_any_order_of_discovery_gives_one_start_order(size: int, chance: random.Random) -> None:
    letters = "abcdefghi"[:size]
    plugins = [
        found(letter, after=tuple(chance.sample(letters[:index], chance.randint(0, index))))
        for index, letter in enumerate(letters)
    ]
    wanted = names(start_order(plugins))
    chance.shuffle(plugins)
    order = names(start_order(plugins))
    assert order == wanted
    for item in plugins:
        for earlier in item.plugin.after:
            assert order.index(earlier) < order.index(item.plugin.name)
