"""A person's data: exported, erased with the ledger kept, merged into another's."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from dxp.api import (
    ErasureContext,
    EventRow,
    MergeContext,
    Platform,
    Plugin,
    Subject,
    SubjectContext,
    SystemActor,
)
from dxp_loyalty.models import Account, Entry, EntryNote, Lot, OccasionDate, OccasionGrant
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.entries import Cause

STAFF = SystemActor(name="test")
LONG_BEFORE = datetime(2025, 6, 1, tzinfo=UTC)


def erase(platform: Platform, subject_id: uuid.UUID) -> None:
    with platform.db.write() as session:
        context = ErasureContext(
            session=session, platform=platform, subject_ids=[subject_id], actor=STAFF
        )
        platform.plugins.call(Plugin.erase_subjects, context)


def merge(platform: Platform, *, winner: uuid.UUID, loser: uuid.UUID) -> None:
    with platform.db.write() as session:
        context = MergeContext(
            session=session, platform=platform, winner_id=winner, loser_id=loser, actor=STAFF
        )
        platform.plugins.call(Plugin.merge_subjects, context)
        session.execute(update(Subject).where(Subject.id == loser).values(merged_into_id=winner))


def account_of(platform: Platform, subject_id: uuid.UUID) -> Account:
    with platform.db.read() as session:
        return session.scalars(select(Account).where(Account.subject_id == subject_id)).one()


def owe(programme: Any, subject_id: uuid.UUID, points: int) -> None:
    """Earn, spend, and return what earned: a debt."""
    platform, ledger = programme.platform, programme.loyalty.ledger
    with platform.db.write() as session:
        account = open_account(session, platform, subject_id, wallet="points")
        cause = Cause(source=f"event:{uuid.uuid4()}", actor=STAFF)
        earned = ledger.earn(session, account, points, cause=cause)
        ledger.spend(session, account, points, cause=Cause(source="spend", actor=STAFF))
        returned = Cause(source=f"return:{uuid.uuid4()}", actor=STAFF)
        programme.loyalty.reversals.reverse(session, account, earned.seq, points, cause=returned)


def test_everything_is_exported(programme: Any, member: uuid.UUID, platform: Platform) -> None:
    """As JSON."""
    programme.give(member, 70)
    programme.birthday_rule()
    programme.birthday(member, 3, 20, set_at=LONG_BEFORE)
    with platform.db.read() as session:
        context = SubjectContext(session=session, platform=platform, subject_id=member, actor=STAFF)
        answers = platform.plugins.call(Plugin.export_subject, context)
    (found,) = [answer.value for answer in answers if answer.plugin == "loyalty"]
    copy = json.loads(json.dumps(found))
    assert copy["wallets"][0]["entries"][0]["points"] == 70
    assert copy["birthday"]["month"] == 3
    assert copy["occasions"][0]["occurs_on"] == "2026-03-20"


def test_an_erased_ledger_still_verifies(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Its notes are gone, its numbers stay."""
    programme.give(member, 70)
    reward = programme.reward(cost=30)
    with platform.db.write() as session:
        programme.loyalty.redemptions.authorise(
            session, subject_id=member, reward_id=reward.id, cart_ref="cart of Grace"
        )
    erase(platform, member)
    with platform.db.read() as session:
        assert session.scalars(select(EntryNote)).all() == []
        assert session.scalar(select(Entry.amount)) == 70
    assert account_of(platform, member).held == 0
    programme.check()


def test_nothing_that_is_left_tells_the_birthday(
    programme: Any, member: uuid.UUID, consents: Any, platform: Platform, clock: Any, client: Any
) -> None:
    """Rule 14: no date, no moment, no identifier that holds one."""
    programme.birthday_rule()
    consents.given.add((member, "birthday"))
    programme.birthday(member, 3, 10, set_at=LONG_BEFORE)
    programme.run()
    grant = programme.grants(member)[0]
    url = f"/api/v1/me/occasions/{grant.id}/claim"
    client.as_customer(member).post(url, headers={"Idempotency-Key": "k"})
    erase(platform, member)
    with platform.db.read() as session:
        assert session.get(OccasionDate, member) is None
        told = select(EventRow.type).where(
            EventRow.subject_id == member, EventRow.type.startswith("loyalty.birthday")
        )
        assert session.scalars(told).all() == []
    for row in programme.grants(member):
        assert row.state in ("claimed", "cancelled", "revoked")
        assert row.id.version == 4
        moments = [
            getattr(row, column.key)
            for column in OccasionGrant.__mapper__.columns
            if column.key.endswith(("_at", "_on", "_until")) or column.key == "timezone"
        ]
        assert moments == [None] * len(moments)
    clock.advance(days=400)
    programme.run()
    assert len(programme.grants(member)) == 2
    programme.check()


def test_points_of_a_merged_member_keep_their_expiry(
    programme: Any, member: uuid.UUID, platform: Platform, clock: Any
) -> None:
    """Transfers net to nothing, and the loser's account is empty."""
    other = programme.member()
    programme.give(member, 10)
    ends = clock.now() + timedelta(days=30)
    with platform.db.write() as session:
        account = open_account(session, platform, other, wallet="points")
        cause = Cause(source="event:1", actor=STAFF)
        programme.loyalty.ledger.earn(session, account, 40, cause=cause, expires_at=ends)
    merge(platform, winner=member, loser=other)
    assert programme.available(member) == 50
    with platform.db.read() as session:
        moved = session.scalars(select(Lot).where(Lot.amount == 40, Lot.remaining == 40)).one()
    assert (moved.account_id, moved.expires_at) == (account_of(platform, member).id, ends)
    assert account_of(platform, other).posted == 0
    programme.check()


def test_a_member_without_an_account_takes_over_the_others(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """With its history, and no entry."""
    other = programme.member()
    programme.give(other, 40)
    merge(platform, winner=member, loser=other)
    assert programme.available(member) == 40
    assert account_of(platform, member).seq == 1
    programme.check()


@pytest.mark.parametrize(("has", "left", "debt"), [(100, 40, 0), (20, 0, 40)])
def test_a_debt_is_merged_too(
    programme: Any, member: uuid.UUID, platform: Platform, has: int, left: int, debt: int
) -> None:
    """The winner pays it, or owes what is missing."""
    other = programme.member()
    programme.give(member, has)
    owe(programme, other, 60)
    merge(platform, winner=member, loser=other)
    assert programme.available(member) == left
    assert account_of(platform, member).debt == debt
    assert account_of(platform, other).debt == 0
    programme.check()


def test_an_order_of_a_merged_member_goes_to_the_one_who_stayed(
    programme: Any, member: uuid.UUID, platform: Platform, client: Any
) -> None:
    """Also when the shop still sends the old id."""
    rules = client.as_key("loyalty.rules.write")
    award = {"type": "fixed", "points": "5"}
    body = {"key": "five", "name": "Five", "event_type": "order.placed", "award": award}
    rules.post("/api/v1/loyalty/earning-rules", json=body)
    other = programme.member()
    programme.give(other, 1)
    programme.give(member, 1)
    merge(platform, winner=member, loser=other)
    programme.order(other, "10.00")
    assert programme.available(member) == 7
    programme.check()


def test_of_two_gifts_the_earlier_stays(
    programme: Any, member: uuid.UUID, consents: Any, platform: Platform, clock: Any
) -> None:
    """Rule 13: the other is revoked, unless it was used."""
    other = programme.member()
    programme.birthday_rule()
    consents.given |= {(member, "birthday"), (other, "birthday")}
    programme.birthday(other, 3, 10, set_at=LONG_BEFORE)
    programme.birthday(member, 3, 15, set_at=LONG_BEFORE)
    programme.run()
    clock.advance(days=6)
    programme.run()
    merge(platform, winner=member, loser=other)
    found = [(g.state, g.reason, g.occurs_on.day) for g in programme.grants(member)]
    issued = [item for item in found if item[0] == "issued"]
    revoked = [item for item in found if item[0] == "revoked"]
    kept = programme.grants(other) + programme.grants(member)
    assert [item.occurs_on.day for item in kept if item.state == "issued"] == [10]
    assert len(issued) + len(revoked) >= 1
    assert [item.reason for item in kept if item.state == "revoked"] == ["merged"]


def test_a_birthday_moves_to_a_member_who_told_none(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """And what was planned for the other is planned for the one who stays."""
    other = programme.member()
    programme.birthday_rule()
    programme.birthday(other, 3, 20, set_at=LONG_BEFORE)
    merge(platform, winner=member, loser=other)
    states = {(g.subject_id == member, g.state) for g in programme.grants(member)}
    assert (True, "planned") in states
    assert all(g.state == "cancelled" for g in programme.grants(other))
