"""Points that members give each other."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import Problem, SystemActor
from dxp_loyalty.models import Account, Entry, Lot
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.entries import Cause

ACTOR = SystemActor(name="test")


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"plugins": {"loyalty": {"transfer_limit": 100, "transfer_daily_limit": 150}}}


def give(programme: Any, giver: uuid.UUID, taker: uuid.UUID, points: int) -> Any:
    with programme.platform.db.write() as session:
        return programme.loyalty.transfers.transfer(session, giver, taker, points, actor=ACTOR)


def test_points_keep_their_end_on_the_way(programme: Any, member: uuid.UUID) -> None:
    """The ones that end first go first, and both entries are one transfer."""
    other, platform = programme.member(), programme.platform
    ends = programme.clock.now() + timedelta(days=30)
    with platform.db.write() as session:
        account = open_account(session, platform, member, wallet="points")
        cause = Cause(source="event:1", actor=ACTOR)
        programme.loyalty.ledger.earn(session, account, 40, cause=cause, expires_at=ends)
    programme.give(member, 50)
    made = give(programme, member, other, 60)
    assert (programme.available(member), programme.available(other)) == (30, 60)
    with platform.db.read() as session:
        rows = session.execute(
            select(Lot.amount, Lot.expires_at)
            .join(Account, Account.id == Lot.account_id)
            .where(Account.subject_id == other)
            .order_by(Lot.amount)
        ).all()
        entries = session.scalars(select(Entry).where(Entry.tx_id == made.id)).all()
    assert [tuple(row) for row in rows] == [(20, None), (40, ends)]
    assert sorted(entry.amount for entry in entries) == [-60, 60]
    programme.check()


def test_what_is_given_repays_the_takers_debt(programme: Any, member: uuid.UUID) -> None:
    """As any points that come."""
    other, platform = programme.member(), programme.platform
    with platform.db.write() as session:
        account = open_account(session, platform, other, wallet="points")
        earned = programme.loyalty.ledger.earn(
            session, account, 30, cause=Cause(source="event:1", actor=ACTOR)
        )
        programme.loyalty.ledger.spend(
            session, account, 30, cause=Cause(source="spend:1", actor=ACTOR)
        )
        programme.loyalty.reversals.reverse(
            session, account, earned.seq, 30, cause=Cause(source="return:1", actor=ACTOR)
        )
    programme.give(member, 50)
    give(programme, member, other, 40)
    assert programme.available(other) == 10
    programme.check()


@pytest.mark.parametrize(
    ("points", "code"),
    [(0, "invalid_points"), (101, "limit_reached"), (60, "insufficient_points")],
)
def test_transfers_have_limits(programme: Any, member: uuid.UUID, points: int, code: str) -> None:
    """Of amounts, of the programme, and of what is there; nothing moves."""
    programme.give(member, 50)
    with pytest.raises(Problem) as refusal:
        give(programme, member, programme.member(), points)
    assert refusal.value.code == code
    assert programme.available(member) == 50


def test_a_day_has_a_limit_too(programme: Any, member: uuid.UUID) -> None:
    """Counted over all who get something."""
    programme.give(member, 1000)
    for _ in range(3):
        give(programme, member, programme.member(), 50)
    with pytest.raises(Problem) as refusal:
        give(programme, member, programme.member(), 1)
    assert refusal.value.code == "limit_reached"
    programme.clock.advance(days=1, minutes=1)
    give(programme, member, programme.member(), 100)


def test_nobody_gives_to_themselves(programme: Any, member: uuid.UUID) -> None:
    """Nor to whom they were merged with."""
    other = programme.member()
    programme.give(member, 50)
    with programme.platform.db.write() as session:
        programme.platform.privacy.merges.merge(session, ACTOR, winner_id=member, loser_id=other)
    for taker in (member, other):
        with pytest.raises(Problem) as refusal:
            give(programme, member, taker, 10)
        assert refusal.value.code == "same_member"


def test_the_api_needs_its_own_permission(client: Any, programme: Any, member: uuid.UUID) -> None:
    """And answers the transfer; a repeated key moves nothing more."""
    programme.give(member, 50)
    other = programme.member()
    body = {"from": str(member), "to": str(other), "points": 20}
    once = {"Idempotency-Key": "t-1"}
    url = "/api/v1/transfers"
    assert (
        client.as_key("loyalty.adjustments.write").post(url, json=body, headers=once).status_code
        == 403
    )
    server = client.as_key("loyalty.transfers.write")
    answers = [server.post(url, json=body, headers=once) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert (answers[0].json["from"], answers[0].json["points"]) == (str(member), 20)
    assert programme.available(other) == 20
