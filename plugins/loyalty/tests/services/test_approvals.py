"""Four eyes on large adjustments."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import KeyActor, Platform, Problem, SystemActor
from dxp_loyalty.models import AdjustmentRequest, Entry
from dxp_loyalty.services.approvals import Outcome

STAFF = SystemActor(name="test")


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"plugins": {"loyalty": {"adjustment_limit": 100}}}


def somebody(name: str) -> KeyActor:
    return KeyActor(key_id=uuid.uuid5(uuid.NAMESPACE_DNS, name), name=name)


def ask(programme: Any, member: uuid.UUID, points: int, who: str = "ada", **more: Any) -> Outcome:
    values = {"reason_code": "goodwill", "note": "For the wait", **more}
    with programme.platform.db.write() as session:
        return programme.loyalty.approvals.adjust(
            session, member, points, actor=somebody(who), **values
        )


def decide(programme: Any, request: Any, verb: str, who: str) -> Any:
    with programme.platform.db.write() as session:
        return getattr(programme.loyalty.approvals, verb)(session, request.id, actor=somebody(who))


def test_up_to_the_limit_one_person_is_enough(programme: Any, member: uuid.UUID) -> None:
    """Above it nothing is in the ledger before a second one agrees."""
    assert ask(programme, member, 100).entry is not None
    programme.clock.advance(days=2)
    waiting = ask(programme, member, 101).request
    assert waiting is not None
    assert programme.available(member) == 100
    decide(programme, waiting, "approve", "grace")
    assert programme.available(member) == 201
    programme.check()


def test_small_pieces_are_large_together(programme: Any, member: uuid.UUID) -> None:
    """Of one person to one member within a day."""
    assert ask(programme, member, 60).entry is not None
    assert ask(programme, member, 60).request is not None
    assert ask(programme, member, 60, who="grace").entry is not None
    assert ask(programme, programme.member(), 60).entry is not None


def test_nobody_approves_their_own(programme: Any, member: uuid.UUID) -> None:
    """They may withdraw it."""
    waiting = ask(programme, member, 500).request
    with pytest.raises(Problem) as refusal:
        decide(programme, waiting, "approve", "ada")
    assert refusal.value.code == "same_person"
    assert decide(programme, waiting, "reject", "ada").state == "withdrawn"
    for verb in ("approve", "reject"):
        with pytest.raises(Problem) as refusal:
            decide(programme, waiting, verb, "grace")
        assert refusal.value.code == "request_decided"
    assert programme.available(member) == 0


def test_what_is_no_longer_there_is_not_taken(programme: Any, member: uuid.UUID) -> None:
    """The request stays open."""
    programme.give(member, 300)
    waiting = ask(programme, member, -300, reason_code="fraud").request
    programme.give(member, -200)
    with pytest.raises(Problem) as refusal:
        decide(programme, waiting, "approve", "grace")
    assert refusal.value.code == "insufficient_points"
    with programme.platform.db.read() as session:
        assert session.get(AdjustmentRequest, waiting.id).state == "pending"


def test_a_form_that_is_sent_twice_asks_once(programme: Any, member: uuid.UUID) -> None:
    """By its intent."""
    first = ask(programme, member, 500, once="form:1").request
    again = ask(programme, member, 500, once="form:1").request
    assert first.id == again.id


def test_the_decision_is_in_the_audit_log(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Who asked, who agreed, and what was written."""
    decide(programme, ask(programme, member, 500).request, "approve", "grace")
    with platform.db.read() as session:
        actions = [entry.action for entry in platform.audit.entries(session)]
        entry = session.scalars(select(Entry)).one()
    for action in ("asked", "approved"):
        assert f"loyalty.adjustment.{action}" in actions
    assert "loyalty.points.adjusted" in actions
    assert entry.actor == somebody("grace").key


def test_reasons_are_kept_by_staff(programme: Any, member: uuid.UUID) -> None:
    """One may be added, and any switched off."""
    reasons, platform = programme.loyalty.reasons, programme.platform
    with pytest.raises(Problem) as refusal:
        ask(programme, member, 5, reason_code="jury-prize")
    assert refusal.value.code == "unknown_reason_code"
    with platform.db.write() as session:
        texts = {"en": {"name": "Jury prize"}}
        reasons.save(session, "jury-prize", texts=texts, active=True, actor=STAFF)
        reasons.save(session, "fraud", texts={}, active=False, actor=STAFF)
    assert ask(programme, member, 5, reason_code="jury-prize").entry is not None
    with pytest.raises(Problem):
        ask(programme, member, 5, reason_code="fraud")
    with platform.db.read() as session:
        names = [one.name for one in reasons.listed(session, "en") if one.active]
    assert "Jury prize" in names
    assert "Fraud" not in names


def test_the_api_answers_that_it_waits(client: Any, programme: Any, member: uuid.UUID) -> None:
    """202, and the wallet as it was."""
    server = client.as_key("loyalty.adjustments.write")
    answer = server.post(
        f"/api/v1/members/{member}/adjustments",
        json={"points": 500, "reason_code": "goodwill"},
        headers={"Idempotency-Key": "a-1"},
    )
    assert (answer.status_code, answer.json["status"]) == (202, "pending")
    assert answer.json["wallets"][0]["available"] == 0


def test_an_erased_members_request_is_withdrawn_without_its_words(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """The copy of their data had them."""
    waiting = ask(programme, member, 500).request
    with platform.db.read() as session:
        found = programme.loyalty.people.export(session, member)
    assert found["adjustments_asked_for"][0]["note"] == "For the wait"
    with platform.db.write() as session:
        platform.privacy.erasure.erase(session, STAFF, subject_id=member)
    with platform.db.read() as session:
        row = session.get(AdjustmentRequest, waiting.id)
        assert (row.state, row.note) == ("withdrawn", "")
