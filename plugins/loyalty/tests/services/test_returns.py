"""Orders that come back, line by line."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from dxp.api import Platform, Problem, SystemActor
from dxp.contracts import OrderPlaced
from dxp_loyalty.models import Account, Hold, OrderReturn
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.returns import ReturnedLine
from dxp_loyalty.services.tier_plans import PlanDraft, TierDraft

STAFF = SystemActor(name="test")


class Shop:
    """A programme with a point for each unit of money, and one member who buys there."""

    def __init__(self, programme: Any, member: uuid.UUID) -> None:
        self.programme, self.member = programme, member
        self.platform, self.clock = programme.platform, programme.clock
        self.loyalty = programme.loyalty
        self.rule: dict[str, Any] = {"award": {"type": "per_amount", "points": "1", "per": "1"}}

    def open(self, **definition: Any) -> None:
        draft = RuleDraft(
            key=f"rule-{uuid.uuid4().hex[:6]}",
            name="One for one",
            event_type=OrderPlaced.type,
            definition={**self.rule, **definition},
        )
        with self.platform.db.write() as session:
            self.loyalty.earning.create(session, draft, actor=STAFF)

    def buy(self, *lines: tuple[int, str], total: str | None = None) -> str:
        """Lines are pieces and what was paid for them; answers the order's number."""
        number = f"o-{uuid.uuid4().hex[:8]}"
        paid = total or str(sum(Decimal(price) for _pieces, price in lines))
        told = [
            {"sku": f"s-{n}", "quantity": pieces, "total": price}
            for n, (pieces, price) in enumerate(lines, 1)
        ]
        payload = OrderPlaced(order_id=number, total=paid, currency="EUR", lines=told)
        with self.platform.db.write() as session:
            self.platform.events.publish(
                session,
                payload,
                subject_id=self.member,
                source="shop",
                external_id=number,
                occurred_at=self.clock.now(),
            )
        return number

    def back(self, number: str, *lines: tuple[str, int], name: str | None = None) -> OrderReturn:
        asked = [ReturnedLine(ref=ref, quantity=pieces) for ref, pieces in lines] or None
        with self.platform.db.write() as session:
            return self.loyalty.returns.take(
                session, number, name or uuid.uuid4().hex, asked, actor=STAFF
            )

    def redeem(self, points: int, cart: str) -> None:
        reward = self.programme.reward(cost=points)
        with self.platform.db.write() as session:
            hold = self.loyalty.redemptions.authorise(
                session, subject_id=self.member, reward_id=reward.id, cart_ref=cart
            )
        with self.platform.db.write() as session:
            self.loyalty.redemptions.capture(session, hold.id, actor=STAFF)

    def spend(self, points: int) -> None:
        with self.platform.db.write() as session:
            account = open_account(session, self.platform, self.member, wallet="points")
            cause = Cause(source=f"spend:{uuid.uuid4()}", actor=STAFF)
            self.loyalty.ledger.spend(session, account, points, cause=cause)

    @property
    def available(self) -> int:
        return self.programme.available(self.member)

    def debt(self, member: uuid.UUID | None = None) -> int:
        with self.platform.db.read() as session:
            found = session.scalars(
                select(Account.debt).where(Account.subject_id == (member or self.member))
            )
            return sum(found)


@pytest.fixture
def shop(programme: Any, member: uuid.UUID) -> Any:
    made = Shop(programme, member)
    yield made
    programme.check()


def test_a_line_takes_back_what_it_had_earned(shop: Shop) -> None:
    """And the rest of the order keeps its points."""
    shop.open()
    number = shop.buy((2, "30.00"), (1, "45.00"))
    assert shop.available == 75
    assert shop.back(number, ("1", 1)).points_taken == 15
    assert shop.back(number, ("2", 1)).points_taken == 45
    assert shop.available == 15
    assert shop.back(number).points_taken == 15
    assert shop.available == 0


def test_a_return_told_twice_counts_once(shop: Shop) -> None:
    """With other lines under its name it is refused."""
    shop.open()
    number = shop.buy((3, "30.00"))
    for _ in range(2):
        shop.back(number, ("1", 1), name="r-1")
    assert shop.available == 20
    with pytest.raises(Problem) as refusal:
        shop.back(number, ("1", 2), name="r-1")
    assert refusal.value.code == "return_changed"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([("1", 4)], "over_reversal"),
        ([("1", 2), ("1", 2)], "over_reversal"),
        ([("9", 1)], "unknown_line"),
    ],
)
def test_no_more_comes_back_than_was_bought(
    shop: Shop, lines: list[tuple[str, int]], code: str
) -> None:
    """Nor what never was."""
    shop.open()
    number = shop.buy((3, "30.00"))
    with pytest.raises(Problem) as refusal:
        shop.back(number, *lines)
    assert refusal.value.code == code
    assert shop.available == 30
    shop.back(number)
    with pytest.raises(Problem) as refusal:
        shop.back(number)
    assert refusal.value.code == "over_reversal"


def test_an_order_nobody_counted_cannot_come_back(shop: Shop) -> None:
    """404."""
    with pytest.raises(Problem) as refusal:
        shop.back("o-unknown")
    assert refusal.value.code == "unknown_order"


def test_points_already_spent_become_a_debt(shop: Shop) -> None:
    """After the free points of other lots."""
    shop.open()
    number = shop.buy((1, "50.00"))
    shop.programme.give(shop.member, 10)
    shop.spend(45)
    shop.back(number)
    assert (shop.available, shop.debt()) == (0, 35)


def test_points_redeemed_for_the_order_go_back_to_their_lots(shop: Shop) -> None:
    """In proportion to what came back, with their end, and all in all exactly."""
    shop.programme.give(shop.member, 100)
    shop.open()
    number = f"o-{uuid.uuid4().hex[:8]}"
    shop.redeem(100, number)
    payload = OrderPlaced(
        order_id=number,
        total="30.00",
        currency="EUR",
        lines=[{"sku": "a", "quantity": 3, "total": "30.00"}],
    )
    shop.programme.publish(shop.member, payload)
    given = [shop.back(number, ("1", 1)).points_given for _ in range(3)]
    assert given == [33, 33, 34]
    assert shop.available == 100


def test_a_redemption_counts_what_a_return_gave_back_of_it(shop: Shop) -> None:
    """Taking it back afterwards gives the rest, and no point twice."""
    shop.open()
    shop.programme.give(shop.member, 100)
    number = shop.buy((2, "20"))
    shop.redeem(50, number)
    assert shop.back(number, ("1", 1)).points_given == 25
    with shop.platform.db.write() as session:
        (hold,) = session.scalars(select(Hold))
        assert (hold.state, hold.reversed) == ("captured", 25)
        done = shop.loyalty.undoing.reverse(session, hold.id, reason_code="returned", actor=STAFF)
    assert (done.points, done.whole) == (25, True)
    assert shop.back(number).points_given == 0
    assert shop.available == 100


def test_what_returns_gave_back_before_it_was_counted_is_counted(shop: Shop) -> None:
    """By the migration that brings the count."""
    revision: Any = import_module(
        "dxp_loyalty.migrations.versions.0012_gates_reversals_and_coupons"
    )
    shop.open()
    shop.programme.give(shop.member, 100)
    number = shop.buy((2, "20"))
    shop.redeem(50, number)
    shop.redeem(10, "another-cart")
    shop.back(number, ("1", 1))
    with shop.platform.db.write() as session:
        session.execute(update(Hold).values(reversed=0))
        session.execute(text(revision._GIVEN_BACK))
        counted = session.execute(select(Hold.amount, Hold.reversed)).all()
    assert sorted(map(tuple, counted)) == [(10, 0), (50, 25)]


def test_what_expired_unused_is_not_taken_a_second_time(shop: Shop) -> None:
    """A late return costs only what was spent of its points."""
    shop.open(expires_after_days=10)
    number = shop.buy((1, "50.00"))
    shop.spend(20)
    shop.clock.advance(days=11)
    shop.programme.give(shop.member, 100)
    shop.back(number)
    assert (shop.available, shop.debt()) == (80, 0)


def test_a_merged_members_return_is_paid_by_who_has_the_points(shop: Shop) -> None:
    """Not by a debt of an account that nobody looks at."""
    shop.open()
    number = shop.buy((2, "50.00"))
    winner = shop.programme.member()
    shop.programme.give(winner, 5)
    with shop.platform.db.write() as session:
        merge = shop.platform.privacy.merges.merge(
            session, STAFF, winner_id=winner, loser_id=shop.member
        )
    assert shop.programme.available(winner) == 55
    shop.back(number, ("1", 1))
    assert shop.programme.available(winner) == 30
    assert shop.debt() == shop.debt(winner) == 0
    with shop.platform.db.write() as session:
        shop.platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
    assert (shop.programme.available(winner), shop.available) == (5, 25)


def test_a_bonus_for_the_whole_order_comes_back_with_its_lines(shop: Shop) -> None:
    """By their shares of its value; of an order without lines it comes back as a whole."""
    shop.rule = {"award": {"type": "fixed", "points": "10"}}
    shop.open()
    number = shop.buy((1, "10.00"), (1, "30.00"))
    assert shop.back(number, ("1", 1)).points_taken == 3
    assert shop.back(number, ("2", 1)).points_taken == 7
    bare = shop.buy(total="12.00")
    assert shop.back(bare).points_taken == 10


def test_nothing_of_a_return_is_left_of_who_is_erased(shop: Shop) -> None:
    """Neither its name nor its lines; the numbers stay for the ledger."""
    shop.open()
    number = shop.buy((3, "30.00"))
    shop.back(number, ("1", 1), name="return of Grace")
    with shop.platform.db.read() as session:
        found = shop.loyalty.people.export(session, shop.member)
    assert found["returns"][0]["id"] == "return of Grace"
    with shop.platform.db.write() as session:
        shop.platform.privacy.erasure.erase(session, STAFF, subject_id=shop.member)
    with shop.platform.db.read() as session:
        row = session.scalars(select(OrderReturn)).one()
    assert row.lines == {}
    assert "Grace" not in row.return_id


@pytest.mark.parametrize(
    ("plan", "threshold", "tiers"),
    [
        ({"basis": "orders"}, 2, [None, "silver", "silver", None]),
        ({"basis": "spend", "currency": "EUR"}, 60, [None, "silver", None, None]),
        ({"basis": "spend", "currency": "USD"}, 1, [None, None, None, None]),
    ],
)
def test_tiers_by_orders_and_by_spend_follow_returns(
    shop: Shop,
    run_jobs: Callable[[], int],
    plan: dict[str, Any],
    threshold: int,
    tiers: list[str | None],
) -> None:
    """An order counts until all of it came back; money less what came back of it."""
    plans = shop.loyalty.tier_plans
    with shop.platform.db.write() as session:
        made = plans.save_plan(session, PlanDraft(**plan), expected_version=None, actor=STAFF)
        texts = {"en": {"name": "Silver"}}
        draft = TierDraft(key="silver", threshold=Decimal(threshold), texts=texts)
        plans.add_tier(session, draft, expected_version=made.version, actor=STAFF)
    run_jobs()

    def tier() -> str | None:
        with shop.platform.db.read() as session:
            found = shop.loyalty.tiers.tiers_of(session, [shop.member]).get(shop.member)
        return None if found is None else found.key

    seen = []
    numbers = [shop.buy((3, "30.00"))]
    seen.append(tier())
    numbers.append(shop.buy((1, "30.00")))
    seen.append(tier())
    shop.back(numbers[0], ("1", 1))
    seen.append(tier())
    shop.back(numbers[0])
    seen.append(tier())
    assert seen == tiers


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "back", "back", "spend", "redeem", "wait", "give"]),
        st.integers(1, 90),
    ),
    min_size=3,
    max_size=14,
)


def allow_refusal(work: Callable[[], Any]) -> None:
    """Too few points, and what came back before, are refused; anything else is a fault."""
    try:
        work()
    except Problem as problem:
        if problem.code not in ("insufficient_points", "over_reversal"):
            raise


def do(shop: Shop, orders: list[str], verb: str, number: int) -> None:
    """One step of a member, or of time."""
    if verb == "buy":
        orders.append(shop.buy((1 + number % 4, f"{number}.37"), (2, f"{number / 3:.2f}")))
    elif verb == "back" and orders:
        shop.back(orders[number % len(orders)], (str(1 + number % 2), 1))
    elif verb == "spend":
        shop.spend(number)
    elif verb == "redeem" and orders:
        shop.redeem(number, orders[-1])
    elif verb == "wait":
        shop.clock.advance(days=number / 2)
    elif verb == "give":
        shop.programme.give(shop.member, number)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_whatever_comes_back_no_point_is_lost_or_made(
    programme: Any, platform: Platform, steps: list[tuple[str, int]]
) -> None:
    """Once all came back, what was earned is taken to the point, and every invariant holds."""
    shop = Shop(programme, programme.member())
    shop.open(expires_after_days=40)
    orders: list[str] = []
    for verb, number in steps:
        allow_refusal(lambda verb=verb, number=number: do(shop, orders, verb, number))
        programme.check()
    for order in orders:
        allow_refusal(lambda order=order: shop.back(order))
    with platform.db.read() as session:
        rows = session.execute(
            select(Account.earned, Account.subject_id).where(Account.subject_id == shop.member)
        ).all()
    assert [row.earned for row in rows] in ([0], [])
    programme.check()


def test_the_api_takes_a_return(client: Any, shop: Shop) -> None:
    """With a key of its own; a line that is not there is told."""
    shop.open()
    number = shop.buy((2, "30.00"))
    url = f"/api/v1/orders/{number}/returns"
    body = {"return_id": "r-1", "lines": [{"line": "1", "quantity": 1}]}
    server = client.as_key("loyalty.returns.write")
    answer = server.post(url, json=body, headers={"Idempotency-Key": "k-1"})
    assert (answer.status_code, answer.json["points_taken"]) == (201, 15)
    again = server.post(url, json=body, headers={"Idempotency-Key": "k-2"})
    assert again.json == answer.json
    wrong = {"return_id": "r-2", "lines": [{"line": "7", "quantity": 1}]}
    refused = server.post(url, json=wrong, headers={"Idempotency-Key": "k-3"})
    assert (refused.status_code, refused.json["code"]) == (422, "unknown_line")
    late = client.as_key("loyalty.adjustments.write").post(
        url, json=body, headers={"Idempotency-Key": "k-4"}
    )
    assert late.status_code == 403
