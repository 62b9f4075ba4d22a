"""A plugin's own kind of reward: declared, checked, given, taken back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from dxp.api import Conflict, FieldError, Platform, Plugin, Problem, SystemActor
from dxp_loyalty.models import Hold
from dxp_loyalty.plugin import LoyaltyPlugin

ACTOR = SystemActor(name="test")


class Trees(Plugin):
    """Plants trees, without importing the plugin whose hooks it implements."""

    name = "trees"
    after = ("loyalty",)
    planted: list[tuple[str, int]] = []  # what the outside world would hold

    def loyalty_reward_kinds(self, ctx: Any) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "name": "tree",
                "label": "A tree is planted",
                "limited": True,
                "settings": [
                    {"name": "species", "label": "Species", "required": True},
                    {"name": "trees", "label": "Trees", "kind": "number", "least": 1, "most": 9},
                ],
            }
        ]

    def loyalty_check_reward(self, ctx: Any) -> Sequence[FieldError]:
        if ctx.settings["species"] == "plastic":
            detail = "Plastic does not grow."
            return [FieldError(pointer="/details/species", code="no_tree", detail=detail)]
        return ()

    def loyalty_rewards_left(self, ctx: Any) -> Mapping[uuid.UUID, int]:
        return {key: 2 - len(self.planted) for key in ctx.rewards}

    def loyalty_fulfil_reward(self, ctx: Any) -> Mapping[str, Any]:
        if ctx.settings["species"] == "rare":
            raise Conflict("The nursery is closed; come back tomorrow", code="nursery_closed")
        self.planted.append((ctx.settings["species"], ctx.points))
        return {"certificate": f"T-{len(self.planted)}", "_plot": "7b"}

    def loyalty_undo_reward(self, ctx: Any) -> None:
        assert ctx.given["_plot"] == "7b"
        if ctx.whole:
            self.planted.pop()


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    Trees.planted.clear()
    return [LoyaltyPlugin, Trees]


def test_a_plugins_own_kind_is_redeemed_and_taken_back(
    programme: Any, client: Any, member: uuid.UUID, platform: Platform
) -> None:
    """What it gave is shown, except what it keeps for itself."""
    programme.give(member, 500)
    reward = programme.reward(kind="tree", cost=100, details={"species": "oak", "trees": 2})
    me = client.as_customer(member)
    body = {"reward_id": str(reward.id), "capture": True}
    made = me.post("/api/v1/redemptions", json=body, headers={"Idempotency-Key": "1"}).json
    assert made["fulfilment"] == {"certificate": "T-1"}
    assert me.get("/api/v1/me/rewards").json[0]["left"] == 1
    assert Trees.planted == [("oak", 100)]
    with platform.db.write() as session:
        undoing = programme.loyalty.undoing
        hold_id = uuid.UUID(made["id"])
        undoing.reverse(session, hold_id, points=10, reason_code="other", actor=ACTOR)
        assert Trees.planted == [("oak", 100)]
        undoing.reverse(session, hold_id, reason_code="other", actor=ACTOR)
    assert Trees.planted == []
    programme.check()


def test_a_kind_that_refuses_takes_no_points(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """The redemption stays open, and can be voided."""
    programme.give(member, 500)
    reward = programme.reward(kind="tree", details={"species": "rare"})
    redemptions = programme.loyalty.redemptions
    with platform.db.write() as session:
        hold = redemptions.authorise(session, subject_id=member, reward_id=reward.id)
    with pytest.raises(Conflict, match="nursery"), platform.db.write() as session:
        redemptions.capture(session, hold.id, actor=ACTOR)
    with platform.db.write() as session:
        assert session.get_one(Hold, hold.id).state == "open"
        redemptions.void(session, hold.id, actor=ACTOR)
    assert programme.available(member) == 500
    programme.check()


def test_what_the_plugin_says_is_left_limits_like_a_stock(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Nothing is set aside of what nobody can give."""
    programme.give(member, 500)
    reward = programme.reward(kind="tree", details={"species": "oak"})
    Trees.planted += [("oak", 0), ("oak", 0)]
    with pytest.raises(Problem) as caught, platform.db.write() as session:
        programme.loyalty.redemptions.authorise(session, subject_id=member, reward_id=reward.id)
    assert caught.value.code == "out_of_stock"


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"kind": "tree", "details": {}}, "/details/species"),
        ({"kind": "tree", "details": {"species": "plastic"}}, "/details/species"),
        ({"kind": "tree", "details": {"species": "oak", "trees": 10}}, "/details/trees"),
        ({"kind": "tree", "details": {"species": "oak", "colour": "red"}}, "/details/colour"),
        ({"kind": "tree", "cost": 0, "details": {"species": "oak"}}, "/cost"),
        ({"kind": "free_gift", "cost": 5}, "/cost"),
        ({"kind": "cloud"}, "/kind"),
        ({"kind": "discount_code", "details": {"discount_amount": "5"}}, "/details/currency"),
        ({"kind": "discount_code", "details": {"batch": "0" * 32}}, "/details/batch"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_told_at_their_place(
    programme: Any, values: dict[str, Any], pointer: str
) -> None:
    """By the declared fields first, then by the plugin."""
    with pytest.raises(Problem) as caught:
        programme.reward(**values)
    assert caught.value.code == "invalid_reward"
    assert [error.pointer for error in caught.value.errors] == [pointer]


@pytest.mark.parametrize(
    "gate", [{"loyalty.no_such_fact": 1}, {"loyalty.points_available": {"$near": 1}}], ids=str
)
def test_a_gate_that_asks_what_nobody_tells_is_refused(
    programme: Any, gate: dict[str, Any]
) -> None:
    """A typing error would shut out everybody."""
    with pytest.raises(Problem) as caught:
        programme.reward(gate=gate)
    assert caught.value.code == "invalid_condition"


def test_a_gate_tells_tiers_from_other_conditions(programme: Any) -> None:
    """So that a storefront can say what is missing."""
    gates = programme.loyalty.rewards.gates
    gate = {"loyalty.tier": {"$in": ["gold"]}, "$segment": "staff"}
    inside = {"crm.segments": ["staff"]}
    codes = [
        [problem.code for problem in gates.why_not(gate, facts)]
        for facts in ({}, inside, {"loyalty.tier": "gold"}, inside | {"loyalty.tier": "gold"})
    ]
    assert codes == [["tier_required", "not_eligible"], ["tier_required"], ["not_eligible"], []]
