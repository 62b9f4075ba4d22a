"""An order earns once, whatever the events are called that tell it, and by line."""

from __future__ import annotations

import uuid
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.api import NewEvent, Platform, SystemActor
from dxp_loyalty.models import Order
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.orders import earnings_of_order
from dxp_loyalty.services.purchases import purchase_of, spread

ACTOR = SystemActor(name="test")
LINES = [
    {"sku": "tea", "quantity": 2, "total": "20.00", "line_id": "a"},
    {"sku": "cup", "quantity": 1, "total": "9.99", "discount": "3.00"},
]


@pytest.fixture(autouse=True)
def rule(programme: Any, platform: Platform) -> None:
    """A point a dollar."""
    draft = RuleDraft(
        key="per-dollar",
        name="per dollar",
        event_type="order.placed",
        definition={"award": {"type": "per_amount", "points": "1"}},
    )
    with platform.db.write() as session:
        programme.loyalty.earning.create(session, draft, actor=ACTOR)


def tell(platform: Platform, *events: tuple[uuid.UUID, str, str], total: str = "29.99") -> None:
    """Orders as (member, number, source), each under an event id of its own, in one publish."""
    with platform.db.write() as session:
        platform.events.publish_many(
            session,
            [
                NewEvent(
                    type="order.placed",
                    subject_id=member,
                    data={
                        "order_id": number,
                        "total": total,
                        "currency": "USD",
                        "lines": LINES,
                    },
                    source=source,
                    external_id=uuid.uuid4().hex,
                )
                for member, number, source in events
            ],
        )


def test_an_order_earns_once_under_any_event_id(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    for _time in range(2):
        tell(platform, (member, "1", "shop"), (member, "1", "shop"))
    assert programme.available(member) == 29
    programme.check()


def test_an_order_imported_under_another_source_earns_no_second_time(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    tell(platform, (member, "1", "shop"))
    tell(platform, (member, "1", "import"), (member, "2", "import"))
    assert programme.available(member) == 58


def test_an_order_belongs_to_whom_it_was_told_of_first(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    other = programme.member()
    tell(platform, (member, "1", "shop"))
    tell(platform, (other, "1", "shop"))
    assert (programme.available(member), programme.available(other)) == (29, 0)


def test_two_shops_may_number_alike(programme: Any, platform: Platform, member: uuid.UUID) -> None:
    other = programme.member()
    tell(platform, (member, "1", "shop"), (other, "1", "market"))
    assert (programme.available(member), programme.available(other)) == (29, 29)


def test_an_order_of_who_was_merged_is_known(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    other = programme.member()
    tell(platform, (other, "1", "shop"))
    with platform.db.write() as session:
        platform.privacy.merges.merge(session, ACTOR, winner_id=member, loser_id=other)
    tell(platform, (member, "1", "import"))
    assert programme.available(member) == 29


def test_it_is_known_which_line_earned_what(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    tell(platform, (member, "1", "shop"), total="32.00")
    with platform.db.read() as session:
        order = session.scalars(select(Order)).one()
        [earning] = earnings_of_order(session, order.id)
    assert [(line["ref"], line["quantity"]) for line in order.lines] == [("a", 2), ("2", 1)]
    assert earning.parts == {"a": 20, "2": 10, "": 2}
    assert (earning.rule_key, earning.wallet, earning.points) == ("per-dollar", "points", 32)
    assert earning.reversed == 0


def test_a_discount_on_the_whole_order_is_borne_by_all_lines() -> None:
    data = {
        "total": "15.00",
        "lines": [{"total": "20.00", "line_id": "x"}, {"total": "10.00", "line_id": "x"}],
    }
    purchase = purchase_of("order.placed", data, event_id=uuid.uuid4(), at=None)  # type: ignore[arg-type]
    assert [(line.ref, line.paid, line.discount) for line in purchase.lines] == [
        ("x", 10, 10),
        ("#2", 5, 5),
    ]


@settings(deadline=None, max_examples=200)
@given(
    points=st.integers(0, 10**12),
    weights=st.dictionaries(
        st.text(max_size=3),
        st.fractions(min_value=0, max_value=10**6, max_denominator=10**4),
        max_size=6,
    ),
)
def test_spread_points_add_up_and_are_within_one_of_their_share(
    points: int, weights: dict[str, Fraction]
) -> None:
    parts = spread(points, weights)
    assert sum(parts.values()) == points
    in_all = sum(weights.values())
    if in_all:
        for key, weight in weights.items():
            assert abs(parts.get(key, 0) - points * weight / in_all) < 1
