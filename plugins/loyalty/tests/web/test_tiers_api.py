"""Tiers over the API: one's own, and a member's by staff."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dxp.api import SystemActor
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.tier_plans import PlanDraft, TierDraft

STAFF = SystemActor(name="test")


@pytest.fixture
def tiers(programme: Any) -> dict[str, str]:
    """Ids of silver at 100 points and gold at 300, in a calendar year."""
    plans = programme.loyalty.tier_plans
    with programme.platform.db.write() as session:
        plan = plans.save_plan(session, PlanDraft(), expected_version=None, actor=STAFF)
        return {
            key: str(
                plans.add_tier(
                    session,
                    TierDraft(
                        key=key,
                        threshold=Decimal(threshold),
                        texts={"en": {"name": key.title()}, "fr": {"name": french}},
                    ),
                    expected_version=plan.version,
                    actor=STAFF,
                ).id
            )
            for key, threshold, french in (("silver", 100, "Argent"), ("gold", 300, "Or"))
        }


def earn(programme: Any, member: uuid.UUID, points: int) -> None:
    cause = Cause(source=f"event:{uuid.uuid4()}", actor=STAFF)
    with programme.platform.db.write() as session:
        account = open_account(session, programme.platform, member, wallet="points")
        programme.loyalty.ledger.earn(session, account, points, cause=cause)


def test_without_tiers_there_is_nothing_to_tell(client: Any, member: uuid.UUID) -> None:
    """And no error."""
    answer = client.as_customer(member).get("/api/v1/me/tier")
    assert (answer.status_code, answer.json["tier"], answer.json["tiers"]) == (200, None, [])


def test_a_member_sees_where_they_stand(
    client: Any, programme: Any, member: uuid.UUID, tiers: dict[str, str]
) -> None:
    """What is missing, until when, and what comes if nothing more does."""
    earn(programme, member, 120)
    year = programme.clock.now().year
    told = client.as_customer(member).get("/api/v1/me/tier").json
    assert (told["tier"]["key"], told["valid_until"]) == ("silver", f"{year + 1}-12-31")
    assert (told["next"]["tier"]["key"], told["next"]["missing"]) == ("gold", "180")
    assert told["next"]["progress"] == 0.4
    assert (told["keep"]["missing"], told["keep"]["by"]) == ("100", f"{year + 1}-12-31")
    assert (told["projected"], told["projected_from"]) == (None, f"{year + 2}-01-01")
    assert told["summary"].startswith("180 points more by")


def test_it_is_told_in_the_members_language(
    client: Any, programme: Any, member: uuid.UUID, tiers: dict[str, str]
) -> None:
    """Names with it."""
    earn(programme, member, 120)
    told = client.as_customer(member).get("/api/v1/me/tier?locale=fr").json
    assert (told["tier"]["name"], told["next"]["tier"]["name"]) == ("Argent", "Or")


def test_staff_give_a_tier_and_take_it_back(
    client: Any, programme: Any, member: uuid.UUID, tiers: dict[str, str]
) -> None:
    """With its history."""
    staff = client.as_key("loyalty.tiers.read", "loyalty.tiers.write")
    url = f"/api/v1/loyalty/members/{member}/tier"
    until = (programme.clock.now() + timedelta(days=30)).date().isoformat()
    body = {"tier_id": tiers["gold"], "until": until, "reason": "Jury prize"}
    given = staff.put(url, json=body)
    assert (given.status_code, given.json["tier"]["key"], given.json["given"]) == (
        200,
        "gold",
        True,
    )
    assert [step["cause"] for step in given.json["history"]] == ["manual"]
    assert staff.delete(url).status_code == 204
    assert staff.get(url).json["tier"] is None
    late = staff.put(url, json=body | {"until": "2001-01-01"})
    assert (late.status_code, late.json["code"]) == (422, "invalid_tier")
    assert staff.put(url, json=body | {"tier_id": str(uuid.uuid4())}).status_code == 404
