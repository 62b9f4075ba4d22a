"""Many at once: nothing twice, nothing lost, no deadlock.

On SQLite writers take turns, so these hold there as well; PostgreSQL is where they can fail.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dxp.api import KeyActor, Platform, Problem, SystemActor
from dxp_loyalty.services.accounts import open_account, open_accounts
from dxp_loyalty.services.coupon_batches import BatchDraft
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.ledger import Gain

ACTOR = SystemActor(name="test")
CLIENTS = 16


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"database": {"pool_size": 2 * CLIENTS}}


def outcome(work: Callable[[], Any]) -> str:
    try:
        work()
    except Problem as problem:
        return problem.code
    return "done"


def all_at_once(tasks: Sequence[Callable[[], Any]]) -> Counter[str]:
    """Run them on as many threads as there are clients; how each ended."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(outcome, tasks))


def test_twenty_pieces_go_to_twenty_members(programme: Any, platform: Platform) -> None:
    """Sixteen clients ask for forty; twenty are told that none is left."""
    reward = programme.reward(cost=10, stock=20, per_member=1)
    members = [programme.member() for _ in range(40)]
    for member in members:
        programme.give(member, 10)

    def redeem(member: uuid.UUID) -> None:
        redemptions = programme.loyalty.redemptions
        with platform.db.write() as session:
            hold = redemptions.authorise(session, subject_id=member, reward_id=reward.id)
        with platform.db.write() as session:
            redemptions.capture(session, hold.id, actor=ACTOR)

    ended = all_at_once([lambda member=member: redeem(member) for member in members])
    assert ended == {"done": 20, "out_of_stock": 20}
    with platform.db.read() as session:
        found, _version = programme.loyalty.rewards.current(session, reward.id)
    assert (found.reserved, found.issued) == (0, 20)
    programme.check()


@pytest.mark.slow
@pytest.mark.postgres
def test_a_thousand_pieces_go_to_a_thousand_members(programme: Any, platform: Platform) -> None:
    """Thirty-two clients ask for a thousand and fifty: a thousand are captured, not one more."""
    if platform.db.engine.dialect.name != "postgresql":
        pytest.skip("writers take turns on SQLite; the smaller test holds there")
    reward = programme.reward(cost=10, stock=1_000, per_member=1)
    with platform.db.write() as session:
        members = [platform.subjects.create(session).id for _ in range(1_050)]
    with platform.db.write() as session:
        accounts = open_accounts(session, platform, members, wallet="points")
        cause = Cause(source="start", actor=ACTOR)
        gains = [Gain(account=account, points=10, cause=cause) for account in accounts.values()]
        programme.loyalty.ledger.earn_many(session, gains)
    redemptions = programme.loyalty.redemptions

    def redeem(member: uuid.UUID) -> None:
        with platform.db.write() as session:
            hold = redemptions.authorise(session, subject_id=member, reward_id=reward.id)
            session.flush()
            redemptions.capture(session, hold.id, actor=ACTOR)

    tasks = [lambda member=member: redeem(member) for member in members]
    with ThreadPoolExecutor(32) as pool:
        ended = Counter(pool.map(outcome, tasks))
    assert ended == {"done": 1_000, "out_of_stock": 50}
    with platform.db.read() as session:
        found, _version = programme.loyalty.rewards.current(session, reward.id)
    assert (found.reserved, found.issued) == (0, 1_000)
    programme.check()


def test_codes_of_a_batch_go_to_one_member_each(programme: Any, platform: Platform) -> None:
    """However many redeem at once: nobody waits for another's code, nobody gets it."""
    loyalty = programme.loyalty
    draft = BatchDraft(key="drop", name="Drop", purpose="rewards", count=20)
    with platform.db.write() as session:
        batch = loyalty.coupon_batches.create(session, draft, actor=ACTOR, background=False)
    loyalty.coupon_batches.make(batch.id)
    reward = programme.reward(kind="discount_code", cost=10, details={"batch": str(batch.id)})
    members = [programme.member() for _ in range(24)]
    for member in members:
        programme.give(member, 10)
    codes: list[str] = []

    def redeem(member: uuid.UUID) -> None:
        with platform.db.write() as session:
            hold = loyalty.redemptions.authorise(session, subject_id=member, reward_id=reward.id)
            session.flush()
            loyalty.redemptions.capture(session, hold.id, actor=ACTOR)
            code = loyalty.coupons.code_of(hold, kind="discount_code")
        codes.append(str(code))

    ended = all_at_once([lambda member=member: redeem(member) for member in members])
    assert ended == {"done": 20, "out_of_stock": 4}
    assert len(set(codes)) == 20
    programme.check()


def test_a_code_is_used_once_by_whoever_comes_first(programme: Any, platform: Platform) -> None:
    """Sixteen tills scan the same coupon."""
    loyalty = programme.loyalty
    draft = BatchDraft(key="one", name="One", origin="imported")
    with platform.db.write() as session:
        batch = loyalty.coupon_batches.create(session, draft, actor=ACTOR)
        loyalty.coupon_imports.run(session, batch.id, ["code\n", "LUCKY-7\n"], actor=ACTOR)

    def use() -> None:
        with platform.db.write() as session:
            loyalty.coupons.redeem(session, "LUCKY-7", actor=ACTOR)

    assert all_at_once([use] * 16) == {"done": 1, "limit_reached": 15}


def test_a_redemption_is_taken_back_once(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Sixteen want ten of its fifty points back."""
    programme.give(member, 50)
    loyalty = programme.loyalty
    reward = programme.reward(cost=50)
    with platform.db.write() as session:
        hold = loyalty.redemptions.authorise(session, subject_id=member, reward_id=reward.id)
        session.flush()
        loyalty.redemptions.capture(session, hold.id, actor=ACTOR)

    def reverse() -> None:
        with platform.db.write() as session:
            loyalty.undoing.reverse(session, hold.id, points=10, reason_code="other", actor=ACTOR)

    assert all_at_once([reverse] * 16) == {"done": 5, "hold_not_open": 11}
    assert programme.available(member) == 50
    programme.check()


def test_one_account_is_not_overdrawn(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Thirty want ten of its hundred points each."""
    programme.give(member, 100)
    reward = programme.reward(cost=10)

    def redeem() -> None:
        with platform.db.write() as session:
            programme.loyalty.redemptions.authorise(session, subject_id=member, reward_id=reward.id)

    assert all_at_once([redeem] * 30) == {"done": 10, "insufficient_points": 20}
    programme.check()


def test_a_limit_holds_for_one_member(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """However many tills ask at the same moment."""
    programme.give(member, 1000)
    reward = programme.reward(cost=10, per_member=3)

    def redeem() -> None:
        with platform.db.write() as session:
            programme.loyalty.redemptions.authorise(session, subject_id=member, reward_id=reward.id)

    assert all_at_once([redeem] * 16) == {"done": 3, "limit_reached": 13}
    programme.check()


def test_a_redemption_is_captured_or_voided_once(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Whoever comes first."""
    programme.give(member, 100)
    reward = programme.reward(cost=60)
    redemptions = programme.loyalty.redemptions
    with platform.db.write() as session:
        hold = redemptions.authorise(session, subject_id=member, reward_id=reward.id)

    def settle(verb: str) -> None:
        with platform.db.write() as session:
            getattr(redemptions, verb)(session, hold.id, actor=ACTOR)

    tasks = [lambda verb=verb: settle(verb) for verb in ("capture", "void") * 8]
    assert all_at_once(tasks) == {"done": 1, "hold_not_open": 15}
    programme.check()


def test_one_cause_earns_once_and_a_new_account_is_one(
    programme: Any, member: uuid.UUID, platform: Platform, events: Any
) -> None:
    """Sixteen workers see the same event of a member who never had points."""

    def earn() -> None:
        cause = Cause(source="event:1", actor=ACTOR)
        with platform.db.write() as session:
            account = open_account(session, platform, member, wallet="points")
            programme.loyalty.ledger.earn(session, account, 5, cause=cause)

    assert all_at_once([earn] * 16) == {"done": 16}
    assert programme.available(member) == 5
    assert len(events.all("loyalty.points_earned")) == 1
    programme.check()


def test_merges_that_cross_do_not_deadlock(programme: Any, platform: Platform) -> None:
    """Accounts are locked in the order of their ids."""
    pairs = [(programme.member(), programme.member()) for _ in range(4)]
    for pair in pairs:
        for member in pair:
            programme.give(member, 10)

    def merge(winner: uuid.UUID, loser: uuid.UUID) -> None:
        with platform.db.write() as session:
            platform.privacy.merges.merge(session, ACTOR, winner_id=winner, loser_id=loser)

    tasks = []
    for one, other in pairs * 2:
        tasks += [lambda a=one, b=other: merge(a, b), lambda a=one, b=other: merge(b, a)]
    assert all_at_once(tasks) == {"done": len(pairs), "cannot_merge": len(tasks) - len(pairs)}
    for one, other in pairs:
        assert programme.available(one) + programme.available(other) == 20
    programme.check()


def test_a_gift_is_claimed_once(
    programme: Any, member: uuid.UUID, consents: Any, platform: Platform
) -> None:
    """Sixteen taps on the button."""
    programme.birthday_rule(late_policy="immediate")
    consents.given.add((member, "birthday"))
    programme.birthday(member, 3, 10)
    programme.run()
    grant = programme.grants(member)[0]

    def claim() -> None:
        with platform.db.write() as session:
            programme.loyalty.occasions.claim(session, grant.id, subject_id=member, actor=ACTOR)

    assert all_at_once([claim] * 16) == {"done": 1, "not_active": 15}
    assert programme.available(member) == 200
    programme.check()


def test_transfers_that_cross_do_not_deadlock(programme: Any, platform: Platform) -> None:
    """Forty each way between three members at once; no point is lost or made."""
    members = [programme.member() for _ in range(3)]
    for member in members:
        programme.give(member, 200)
    pairs = [(a, b) for a in members for b in members if a != b]

    def give(giver: uuid.UUID, taker: uuid.UUID) -> None:
        with platform.db.write() as session:
            programme.loyalty.transfers.transfer(session, giver, taker, 5, actor=ACTOR)

    tasks = [lambda pair=pair: give(*pair) for pair in pairs * 10]
    assert all_at_once(tasks) == {"done": 60}
    assert [programme.available(member) for member in members] == [200, 200, 200]
    programme.check()


def test_an_adjustment_is_decided_once(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Sixteen colleagues press the button."""
    approvals = programme.loyalty.approvals
    with platform.db.write() as session:
        asked = approvals.adjust(
            session, member, 50_000, reason_code="goodwill", note="", actor=key_named("desk")
        )

    def approve(number: int) -> None:
        with platform.db.write() as session:
            approvals.approve(session, asked.request.id, actor=key_named(f"colleague-{number}"))

    tasks = [lambda number=number: approve(number) for number in range(16)]
    assert all_at_once(tasks) == {"done": 1, "request_decided": 15}
    assert programme.available(member) == 50_000
    programme.check()


def key_named(name: str) -> KeyActor:
    """Somebody who is not the system itself."""
    return KeyActor(key_id=uuid.uuid4(), name=name)
