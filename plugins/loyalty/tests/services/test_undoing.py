"""Taking redemptions back: lots, expiries, pieces, limits, and members who were merged."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import Platform, SystemActor
from dxp_loyalty.models import Account, CouponCode, Hold, Lot
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.offering import window_key

ACTOR = SystemActor(name="test")


def redeem(programme: Any, member: uuid.UUID, reward: Any) -> uuid.UUID:
    redemptions = programme.loyalty.redemptions
    with programme.platform.db.write() as session:
        hold = redemptions.authorise(session, subject_id=member, reward_id=reward.id)
        session.flush()
        redemptions.capture(session, hold.id, actor=ACTOR)
        return uuid.UUID(str(hold.id))


def reverse(programme: Any, hold_id: uuid.UUID, points: int | None = None) -> Any:
    with programme.platform.db.write() as session:
        return programme.loyalty.undoing.reverse(
            session, hold_id, points=points, reason_code="returned", actor=ACTOR
        )


def test_points_return_to_their_lots_with_their_expiries(
    programme: Any, member: uuid.UUID, platform: Platform, clock: Any
) -> None:
    """Those consumed last come back first; what has expired meanwhile expires at once."""
    now = clock.now()
    with platform.db.write() as session:
        account = open_account(session, platform, member, wallet="points")
        for name, points, days in (("soon", 60, 5), ("late", 60, 50)):
            programme.loyalty.ledger.earn(
                session,
                account,
                points,
                cause=Cause(source=name, actor=ACTOR),
                expires_at=now + timedelta(days=days),
            )
    hold_id = redeem(programme, member, programme.reward(cost=100))
    reverse(programme, hold_id, 50)
    with platform.db.read() as session:
        lots = session.scalars(select(Lot).order_by(Lot.expires_at)).all()
    assert [(lot.remaining, (lot.expires_at - now).days) for lot in lots] == [(10, 5), (60, 50)]
    clock.advance(days=10)
    reverse(programme, hold_id)
    assert programme.available(member) == 60
    programme.check()


def test_a_part_keeps_the_piece_and_the_whole_gives_it_back(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Stock and the member's limit count the piece until nothing is left of it."""
    programme.give(member, 500)
    reward = programme.reward(cost=100, stock=1, per_member=1)
    hold_id = redeem(programme, member, reward)
    assert not reverse(programme, hold_id, 40).whole
    with platform.db.read() as session:
        (offer,) = programme.loyalty.rewards.offers(session, member)
    assert [reason.code for reason in offer.reasons] == ["limit_reached", "out_of_stock"]
    assert reverse(programme, hold_id, 60).whole
    redeem(programme, member, reward)
    programme.check()


def test_what_a_merged_member_redeemed_comes_back_to_the_one_who_stayed(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """And goes back with the rest when the merge is undone."""
    other = programme.member()
    programme.give(other, 100)
    hold_id = redeem(programme, other, programme.reward(cost=80))
    with platform.db.write() as session:
        merge = platform.privacy.merges.merge(session, ACTOR, winner_id=member, loser_id=other)
    reverse(programme, hold_id, 30)
    assert (programme.available(member), programme.available(other)) == (50, 0)
    programme.check()
    with platform.db.write() as session:
        platform.privacy.merges.undo(session, ACTOR, merge_id=merge.id)
    assert (programme.available(member), programme.available(other)) == (0, 50)
    reverse(programme, hold_id)
    assert programme.available(other) == 100
    programme.check()


def test_a_redemption_given_back_in_part_goes_along_when_a_merge_is_undone(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """With what was given back of it, and with its code; the rest comes back to its member."""
    other = programme.member()
    for one in (member, other):
        programme.give(one, 100)
    reward = programme.reward(cost=80, kind="discount_code", details={"discount_percent": 5})
    with platform.db.write() as session:
        merge = platform.privacy.merges.merge(session, ACTOR, winner_id=member, loser_id=other)
    hold_id = redeem(programme, other, reward)
    gone_id = redeem(programme, other, programme.reward(cost=10))
    reverse(programme, gone_id)
    reverse(programme, hold_id, 30)
    assert programme.available(member) == 150
    programme.check()
    with platform.db.write() as session:
        platform.privacy.merges.undo(session, ACTOR, merge_id=merge.id)
    assert (programme.available(member), programme.available(other)) == (100, 50)
    programme.check()
    with platform.db.read() as session:
        assert session.get_one(Hold, hold_id).reversed == 30
        assert session.scalars(select(CouponCode.subject_id)).one() == other
    assert reverse(programme, hold_id).whole
    assert (programme.available(member), programme.available(other)) == (100, 100)
    programme.check()


def test_a_free_gift_costs_nothing_and_can_be_taken_back(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """It needs no account and moves no points, but its stock and limit are counted."""
    reward = programme.reward(kind="free_gift", cost=0, stock=1, details={"sku": "TEA-1"})
    hold_id = redeem(programme, member, reward)
    with platform.db.read() as session:
        assert session.get_one(Hold, hold_id).fulfilment == {"sku": "TEA-1"}
        assert session.scalars(select(Account)).one().seq == 0
    assert reverse(programme, hold_id).points == 0
    redeem(programme, member, reward)
    programme.check()


def test_a_wallet_of_its_own_pays(programme: Any, member: uuid.UUID, platform: Platform) -> None:
    """Points of another wallet do not."""
    programme.give(member, 500)
    reward = programme.reward(cost=10, wallet="stars")
    with platform.db.write() as session:
        (offer,) = programme.loyalty.rewards.offers(session, member)
        assert [reason.code for reason in offer.reasons] == ["insufficient_points"]
        account = open_account(session, platform, member, wallet="stars")
        cause = Cause(source="stars", actor=ACTOR)
        programme.loyalty.ledger.earn(session, account, 10, cause=cause)
    redeem(programme, member, reward)
    assert programme.available(member) == 500
    programme.check()


@pytest.mark.parametrize(
    ("window", "day", "key"),
    [
        ("day", "2026-03-01T22:30:00", "2026-03-02"),
        ("week", "2026-12-31T12:00:00", "2026-W53"),
        ("week", "2024-12-30T12:00:00", "2025-W01"),
        ("month", "2026-03-31T23:00:00", "2026-04"),
        ("year", "2026-12-31T23:30:00", "2027"),
        ("lifetime", "2026-03-01T00:00:00", "lifetime"),
    ],
)
def test_periods_are_those_of_the_programmes_zone(window: str, day: str, key: str) -> None:
    """Midnight is local, and weeks begin on Monday."""
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    assert window_key(window, moment, timezone="Europe/Athens") == key
