"""A preview is what the order earns; a simulation of what is in force is what was earned."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, inspect, select, text

from dxp.api import NewEvent, NotFound, Platform, SystemActor, Unprocessable
from dxp_loyalty.jobs import simulate
from dxp_loyalty.models import Earning, Entry
from dxp_loyalty.services import replay, simulations
from dxp_loyalty.services.campaigns import CampaignDraft
from dxp_loyalty.services.earning import RuleDraft

ACTOR = SystemActor(name="test")
DRAFT = {
    "award": {"type": "per_amount", "points": "2"},
    "line_condition": {"line.category": "tea"},
    "caps": [{"window": "week", "points": 90}],
    "campaign": "spring",
}


@pytest.fixture(autouse=True)
def rules(programme: Any, platform: Platform) -> dict[str, uuid.UUID]:
    """A base rule with a cap, a campaign on tea, and a multiplier."""
    definitions: dict[str, dict[str, Any]] = {
        "base": {
            "award": {"type": "per_amount", "points": "1"},
            "caps": [{"window": "day", "points": 100}],
        },
        "tea": {
            "award": {"type": "per_piece", "points": "5"},
            "line_condition": {"line.category": "tea"},
            "campaign": "spring",
        },
        "double": {
            "award": {"type": "multiplier", "factor": "2"},
            "condition": {"order.total": {"$gte": 50}},
        },
    }
    with platform.db.write() as session:
        draft = CampaignDraft(key="spring", texts={"en": {"name": "Spring"}}, budget=60)
        programme.loyalty.campaigns.create(session, draft, actor=ACTOR)
        return {
            key: programme.loyalty.earning.create(
                session,
                RuleDraft(key=key, name=key, event_type="order.placed", definition=definition),
                actor=ACTOR,
            ).id
            for key, definition in definitions.items()
        }


def cart(prices: list[int], beyond: int = 0) -> dict[str, Any]:
    lines = [
        {
            "sku": f"s{number}",
            "quantity": number + 1,
            "total": f"{price}.00",
            "category": "tea" if price % 2 else "ware",
        }
        for number, price in enumerate(prices)
    ]
    return {"total": f"{sum(prices) + beyond}.00", "currency": "USD", "lines": lines}


def order(platform: Platform, member: uuid.UUID, data: dict[str, Any]) -> None:
    number = uuid.uuid4().hex
    event = NewEvent(
        type="order.placed",
        subject_id=member,
        data={"order_id": number, **data},
        source="shop",
        external_id=number,
    )
    with platform.db.write() as session:
        platform.events.publish_many(session, [event])


def counts(platform: Platform) -> dict[str, int]:
    with platform.db.read() as session:
        connection = session.connection()
        return {
            name: connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0
            for name in inspect(connection).get_table_names()
        }


def revise(programme: Any, rule_id: uuid.UUID, **values: Any) -> None:
    with programme.platform.db.write() as session:
        earning = programme.loyalty.earning
        rule = earning.get(session, rule_id)
        draft = RuleDraft(key=rule.key, name=rule.key, event_type="order.placed", **values)
        earning.revise(session, rule_id, draft, expected_version=rule.version, actor=ACTOR)


def ask(programme: Any, rule_id: uuid.UUID, *, days: int = 30, number: int | None = None) -> Any:
    with programme.platform.db.write() as session:
        return programme.loyalty.simulations.ask(
            session, rule_id, days=days, number=number, actor=ACTOR
        )


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    carts=st.lists(
        st.tuples(st.lists(st.integers(0, 40), max_size=3), st.integers(0, 5)),
        min_size=1,
        max_size=4,
    )
)
def test_a_preview_is_what_the_order_earns(
    carts: list[tuple[list[int], int]], programme: Any, platform: Platform
) -> None:
    member = programme.member()
    for prices, beyond in carts:
        data = cart(prices, beyond)
        before = programme.available(member)
        with platform.db.read() as session:
            found = programme.loyalty.previews.of_cart(session, data, subject_id=member)
        order(platform, member, data)
        assert sum(one.earned.points for one in found) == programme.available(member) - before


def test_a_preview_for_nobody_knows_no_caps_and_one_for_the_unknown_is_refused(
    programme: Any, platform: Platform
) -> None:
    with platform.db.read() as session:
        previews = programme.loyalty.previews
        found = previews.of_cart(session, cart([30]), subject_id=None)
        assert [(one.earned.rule.key, one.earned.points) for one in found] == [("base", 30)]
        with pytest.raises(NotFound) as caught:
            previews.of_cart(session, cart([30]), subject_id=uuid.uuid4())
    assert caught.value.code == "unknown_subject"


def test_simulating_what_is_in_force_gives_what_was_earned(
    programme: Any, platform: Platform, rules: dict[str, uuid.UUID], clock: Any
) -> None:
    members = [programme.member() for _number in range(3)]
    for number in range(24):
        order(platform, members[number % 3], cart([number, 60 - number], number % 2))
        clock.advance(hours=5)
    result = ask(programme, rules["base"]).result
    with platform.db.read() as session:
        points, entries = session.execute(
            select(func.sum(Earning.points), func.count()).select_from(Earning)
        ).one()
    assert points > 0
    assert result["before"] == result["after"] == {"points": points, "entries": entries}
    assert (result["cost"], result["winners"], result["losers"]) == (0, 0, 0)
    assert (result["events"], result["orders"], result["members"]) == (24, 24, 3)
    assert sum(old for _day, old, _new in result["by_day"]) == points
    assert result["budgets"]["spring"]["before"] == 60


def test_a_draft_is_compared_and_nothing_but_its_numbers_is_written(
    programme: Any, platform: Platform, rules: dict[str, uuid.UUID], clock: Any
) -> None:
    ada, bob = programme.member(), programme.member()
    for member, prices in ((ada, [31]), (bob, [40]), (ada, [33])):
        order(platform, member, cart(prices))
    definition = {"award": {"type": "per_amount", "points": "3"}, "condition": {"order.total": 40}}
    revise(programme, rules["base"], definition=definition, draft=True)
    clock.advance(hours=1)
    before = counts(platform)
    result = ask(programme, rules["base"]).result
    after = counts(platform)
    assert after.pop("loyalty_simulation") == before.pop("loyalty_simulation") + 1
    assert after == before
    assert (result["winners"], result["won"]) == (1, 80)
    assert (result["losers"], result["lost"]) == (1, 64)
    assert result["cost"] == 80 - 64
    assert result["by_rule"]["base"] == [104, 120]
    order(platform, ada, cart([2]))
    with platform.db.read() as session:
        last = session.scalars(
            select(Entry.amount).where(Entry.kind == "earn").order_by(Entry.recorded_at.desc())
        ).first()
    assert last == 2


def test_a_draft_shows_how_its_budget_would_burn(
    programme: Any, platform: Platform, rules: dict[str, uuid.UUID], member: uuid.UUID, clock: Any
) -> None:
    for _number in range(3):
        order(platform, member, cart([21]))
        clock.advance(days=1)
    revise(programme, rules["tea"], definition=DRAFT, draft=True)
    burnt = ask(programme, rules["tea"]).result["budgets"]["spring"]
    assert (burnt["at_start"], burnt["before"], burnt["after"]) == (60, 15, 60)
    assert burnt["exhausted"] is not None
    old = ask(programme, rules["tea"], number=1).result
    assert old["cost"] == 0


def test_much_is_replayed_by_a_job_that_says_how_far_it_is(
    programme: Any,
    platform: Platform,
    rules: dict[str, uuid.UUID],
    member: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
    clock: Any,
) -> None:
    monkeypatch.setattr(simulations, "AT_ONCE", 2)
    monkeypatch.setattr(replay, "BATCH", 2)
    for _number in range(5):
        order(platform, member, cart([10]))
        clock.advance(minutes=1)
    asked = ask(programme, rules["base"])
    assert (asked.state, asked.result, asked.total) == ("queued", None, 5)
    platform.jobs.run_pending()
    with platform.db.read() as session:
        done = programme.loyalty.simulations.get(session, asked.id)
    assert (done.state, done.done, done.result["before"]["points"]) == ("done", 5, 50)
    programme.loyalty.simulations.run(asked.id)
    assert simulate.__doc__


def test_orders_that_were_told_twice_are_replayed_once(
    programme: Any, platform: Platform, rules: dict[str, uuid.UUID], member: uuid.UUID, clock: Any
) -> None:
    for source in ("shop", "shop", "import"):
        with platform.db.write() as session:
            event = NewEvent(
                type="order.placed",
                subject_id=member,
                data={"order_id": "1", **cart([10])},
                source=source,
                external_id=uuid.uuid4().hex,
            )
            platform.events.publish_many(session, [event])
        clock.advance(minutes=1)
    assert ask(programme, rules["base"]).result["before"]["points"] == 10


def test_what_cannot_be_simulated_is_refused(
    programme: Any,
    platform: Platform,
    rules: dict[str, uuid.UUID],
    member: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
    clock: Any,
) -> None:
    for arguments, code in (
        ((uuid.uuid4(), None), "unknown_rule"),
        ((rules["base"], 9), "unknown_version"),
    ):
        with pytest.raises(NotFound) as caught:
            ask(programme, arguments[0], number=arguments[1])
        assert caught.value.code == code
    order(platform, member, cart([1]))
    clock.advance(minutes=1)
    monkeypatch.setattr(simulations, "MAX_EVENTS", 0)
    with pytest.raises(Unprocessable) as refused:
        ask(programme, rules["base"])
    assert refused.value.code == "simulation_too_large"
