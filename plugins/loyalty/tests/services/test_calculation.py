"""The one calculation, against a plain retelling of its rules, and each of its terms by itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxp_loyalty.services.calculation import (
    CampaignTerms,
    Earned,
    Programme,
    RuleInForce,
    Usage,
    calculate,
)
from dxp_loyalty.services.purchases import purchase_of
from dxp_loyalty.services.rule_language import check_definition, parse_definition
from dxp_loyalty.services.wallet_terms import WalletTerms

FRIDAY_EVENING = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
OPEN = CampaignTerms(id=uuid.uuid4(), key="spring", active=True, starts_at=None, ends_at=None)
PROGRAMME = Programme(
    zone=PARIS,
    main="points",
    wallets={"stars": WalletTerms(key="stars", rounding="up", pending_days=7)},
    campaigns={"spring": OPEN},
)
TEA = {"sku": "tea", "category": "tea", "quantity": 2, "total": "20.00", "line_id": "t"}
CUP = {
    "sku": "cup",
    "category": "ware",
    "quantity": 1,
    "total": "9.50",
    "discount": "0.50",
    "line_id": "c",
}


def rule(key: str, **definition: Any) -> RuleInForce:
    award = {"type": "per_amount", "points": "1"} | definition.pop("award", {})
    stored = check_definition("order.placed", {"award": award} | definition)
    return RuleInForce(
        key=key,
        rule_id=uuid.uuid5(uuid.NAMESPACE_DNS, key),
        version_id=uuid.uuid4(),
        since=FRIDAY_EVENING - timedelta(days=9),
        event_type="order.placed",
        active=True,
        definition=parse_definition(stored),
    )


def earned(
    *rules: RuleInForce,
    total: str = "31.00",
    lines: Any = (TEA, CUP),
    facts: Mapping[str, Any] | None = None,
    usage: Usage | None = None,
    at: datetime = FRIDAY_EVENING,
    programme: Programme = PROGRAMME,
    **data: Any,
) -> list[Earned]:
    told = {"order_id": "1", "total": total, "currency": "EUR", "lines": list(lines), **data}
    purchase = purchase_of("order.placed", told, event_id=uuid.uuid4(), at=at)
    return calculate(purchase, rules, facts or {}, usage or Usage(), programme)


def points(*rules: RuleInForce, **told: Any) -> dict[str, int]:
    return {item.rule.key: item.points for item in earned(*rules, **told)}


def test_a_rate_is_exact_however_it_divides() -> None:
    thirds = rule("thirds", award={"points": "3", "per": "3"})
    assert points(thirds, total="10.00", lines=()) == {"thirds": 10}


@pytest.mark.parametrize(("mode", "got"), [("down", 30), ("nearest", 31), ("up", 31)])
def test_rounding_is_stated(mode: str, got: int) -> None:
    assert points(rule("a", award={"rounding": mode}), total="30.50") == {"a": got}


def test_a_rule_looks_at_some_lines_only() -> None:
    tea = rule("tea", line_condition={"line.category": "tea"})
    cheap = rule("cheap", line_condition={"line.price": {"$lt": 10}})
    assert points(tea, cheap) == {"tea": 20, "cheap": 9}
    assert points(tea, lines=[CUP]) == {}
    assert points(tea, lines=()) == {}


@pytest.mark.parametrize(("basis", "got"), [("paid", 31), ("full", 31), ("undiscounted", 21)])
def test_a_discounted_part_earns_or_not(basis: str, got: int) -> None:
    """Of 31.00, 1.50 is postage; 0.50 was taken off the cup."""
    found = points(rule("a", basis=basis), total="31.00")
    assert found == {"a": got}


def test_the_full_price_earns_what_was_taken_off() -> None:
    assert points(rule("a", basis="full"), total="31.50") == {"a": 32}


def test_points_by_the_piece() -> None:
    award = {"type": "per_piece", "points": "5"}
    assert points(rule("a", award=award, line_condition={"line.sku": "tea"})) == {"a": 10}


def test_a_currency_that_is_not_the_rules_earns_nothing() -> None:
    assert points(rule("a", award={"currency": "USD"})) == {}


def test_conditions_ask_the_order_the_member_and_segments() -> None:
    web = rule("web", condition={"order.channel": "web", "order.total": {"$gte": 31}})
    vip = rule("vip", condition={"crm.segments": {"$in": ["vip"]}})
    inside = rule("inside", condition={"$segment": "vip"})
    facts = {"crm.segments": ["vip"]}
    assert set(points(web, vip, inside, channel="web", facts=facts)) == {"web", "vip", "inside"}
    assert points(web, vip, inside, channel="store") == {}


@pytest.mark.parametrize(
    ("window", "at", "holds"),
    [
        ({"weekdays": [5], "from": "18:00", "until": "20:00"}, FRIDAY_EVENING, True),
        ({"weekdays": [5], "from": "17:00", "until": "18:00"}, FRIDAY_EVENING, False),
        ({"weekdays": [6]}, FRIDAY_EVENING, False),
        ({"weekdays": [5]}, FRIDAY_EVENING, True),
        ({"from": "18:30", "until": "18:31"}, FRIDAY_EVENING, True),
        ({"from": "18:00", "until": "18:30"}, FRIDAY_EVENING, False),
        (
            {"weekdays": [5], "from": "22:00", "until": "02:00"},
            FRIDAY_EVENING + timedelta(hours=7),
            True,
        ),
        (
            {"weekdays": [5], "from": "22:00", "until": "02:00"},
            FRIDAY_EVENING - timedelta(hours=17),
            False,
        ),
    ],
)
def test_windows_are_hours_of_the_programmes_week(window: Any, at: datetime, holds: bool) -> None:
    """17:30 UTC is 18:30 in Paris."""
    assert bool(points(rule("a", windows=[window]), at=at)) is holds


def test_an_exclusive_rule_stands_alone_in_its_wallet() -> None:
    rules = [
        rule("a"),
        rule("b", stacking="exclusive", priority=1, award={"points": "0.1"}),
        rule("c", stacking="exclusive", priority=2, award={"points": "0.2"}),
        rule("stars", wallet="stars", award={"points": "0.1"}),
    ]
    assert points(*rules) == {"c": 6, "stars": 4}


def test_of_best_of_rules_the_one_that_gives_most_gives_beside_additive_ones() -> None:
    rules = [
        rule("a"),
        rule("b", stacking="best_of", priority=5),
        rule("c", stacking="best_of", award={"points": "2"}),
    ]
    assert points(*rules) == {"a": 31, "c": 62}


def test_an_exhausted_exclusive_rule_makes_room_for_others() -> None:
    alone = rule("b", stacking="exclusive", caps=[{"window": "ever", "times": 1}])
    usage = Usage(points={(alone.rule_id, "ever"): 31}, times={(alone.rule_id, "ever"): 1})
    assert points(rule("a"), alone, usage=usage) == {"a": 31}
    assert points(rule("a"), alone) == {"b": 31}


def test_multipliers_multiply_what_the_others_gave() -> None:
    double = rule("x2", award={"type": "multiplier", "factor": "2", "points": None})
    tea = rule(
        "tea",
        award={"type": "multiplier", "factor": "1.5", "points": None},
        line_condition={"line.category": "tea"},
    )
    assert points(rule("a"), double, tea) == {"a": 31, "tea": 10, "x2": 31}
    assert points(double) == {}


def test_caps_give_what_is_left_and_say_so() -> None:
    capped = rule("a", caps=[{"window": "month", "points": 40}])
    usage = Usage(points={(capped.rule_id, "2026-11"): 30})
    [item] = earned(capped, usage=usage)
    assert (item.points, item.limited_by, sum(item.parts.values())) == (10, "cap", 10)
    assert item.inputs["limited_by"] == "cap"
    assert points(capped, usage=Usage(points={(capped.rule_id, "2026-11"): 40})) == {}
    assert points(capped, usage=Usage(points={(capped.rule_id, "2026-10"): 40})) == {"a": 31}


def test_rules_of_one_campaign_share_its_budget_by_priority() -> None:
    rules = [rule("a", campaign="spring"), rule("b", campaign="spring", priority=9)]
    assert points(*rules, usage=Usage(budgets={"spring": 40})) == {"b": 31, "a": 9}


@pytest.mark.parametrize(
    "terms",
    [
        {"active": False, "starts_at": None, "ends_at": None},
        {"active": True, "starts_at": FRIDAY_EVENING + timedelta(1), "ends_at": None},
        {"active": True, "starts_at": None, "ends_at": FRIDAY_EVENING},
    ],
)
def test_a_campaign_that_is_not_under_way_gives_nothing(terms: Any) -> None:
    shut = CampaignTerms(id=OPEN.id, key="spring", **terms)
    programme = Programme(zone=PARIS, main="points", wallets={}, campaigns={"spring": shut})
    assert points(rule("a", campaign="spring"), programme=programme) == {}


def test_the_wallet_says_what_the_rule_does_not() -> None:
    [item] = earned(rule("a", wallet="stars", award={"points": "0.1"}))
    assert (item.wallet, item.points) == ("stars", 4)
    assert item.available_at == FRIDAY_EVENING + timedelta(days=7)
    [item] = earned(
        rule("a", wallet="stars", award={"points": "0.1", "rounding": "down"}, pending_days=0)
    )
    assert (item.points, item.available_at) == (3, FRIDAY_EVENING)


def naive(rules: list[dict[str, Any]], total: int, prices: list[int]) -> dict[str, int]:
    """The same in the plainest words: amounts in whole units, one wallet, every line is `tea`
    when its price is even."""
    beyond = total - sum(prices)
    raw: list[tuple[int, str, int, dict[str, Any]]] = []
    for item in rules:
        lines = [price for price in prices if not item["tea"] or price % 2 == 0]
        base = sum(lines) + (0 if item["tea"] else beyond)
        exact = Fraction(base * item["points"], item["per"])
        given = {"down": floor, "up": ceil, "nearest": lambda x: floor(x + Fraction(1, 2))}[
            item["rounding"]
        ](exact)
        room = min(item["cap"], 50 if item["budget"] else given)
        raw.append((-item["priority"], item["key"], min(given, room), item))
    giving = sorted((one for one in raw if one[2] > 0), key=lambda one: one[:2])
    alone = [one for one in giving if one[3]["stacking"] == "exclusive"]
    if alone:
        giving = alone[:1]
    else:
        rivals = [one for one in giving if one[3]["stacking"] == "best_of"]
        best = sorted(rivals, key=lambda one: -one[2])
        giving = [one for one in giving if one[3]["stacking"] == "additive" or one in best[:1]]
    left = 50
    found: dict[str, int] = {}
    for _priority, key, given, item in giving:
        got = min(given, left) if item["budget"] else given
        left -= got if item["budget"] else 0
        if got:
            found[key] = got
    return found


@settings(deadline=None, max_examples=300)
@given(
    rules=st.lists(
        st.fixed_dictionaries(
            {
                "points": st.integers(1, 9),
                "per": st.integers(1, 9),
                "rounding": st.sampled_from(["down", "nearest", "up"]),
                "priority": st.integers(-1, 1),
                "stacking": st.sampled_from(["additive", "additive", "best_of", "exclusive"]),
                "tea": st.booleans(),
                "cap": st.integers(1, 200),
                "budget": st.booleans(),
            }
        ),
        max_size=5,
    ),
    prices=st.lists(st.integers(0, 60), max_size=4),
    beyond=st.integers(0, 9),
)
def test_it_is_what_a_plain_retelling_says(
    rules: list[dict[str, Any]], prices: list[int], beyond: int
) -> None:
    named = [item | {"key": f"r{number}"} for number, item in enumerate(rules)]
    total = sum(prices) + beyond
    in_force = [
        rule(
            item["key"],
            award={
                "points": str(item["points"]),
                "per": str(item["per"]),
                "rounding": item["rounding"],
            },
            line_condition={"line.category": "tea"} if item["tea"] else {},
            priority=item["priority"],
            stacking=item["stacking"],
            caps=[{"window": "day", "points": item["cap"]}],
            campaign="spring" if item["budget"] else None,
        )
        for item in named
    ]
    lines = [
        {"sku": "x", "quantity": 1, "total": str(price), "category": "" if price % 2 else "tea"}
        for price in prices
    ]
    found = earned(*in_force, total=str(total), lines=lines, usage=Usage(budgets={"spring": 50}))
    assert {item.rule.key: item.points for item in found} == naive(named, total, prices)
    assert all(sum(item.parts.values()) == item.points for item in found)
