"""Wallets, transactions, ledgers and adjustments through the API."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from dxp.api import Platform

RULE = {
    "key": "one-per-dollar",
    "name": "A point for each dollar",
    "event_type": "order.placed",
    "award": {"type": "per_amount", "points": "1", "per": "1"},
}


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


@pytest.fixture
def rules(client: Any) -> Any:
    """A key that keeps earning rules."""
    return client.as_key("loyalty.rules.read", "loyalty.rules.write")


def test_an_order_earns_by_the_rule_in_force(
    client: Any,
    platform: Platform,
    member: uuid.UUID,
    rules: Any,
    programme: Any,
) -> None:
    """The transaction names the rule and tells why."""
    assert rules.post("/api/v1/loyalty/earning-rules", json=RULE).status_code == 201
    programme.order(member, "29.90", order_id="A-17")
    me = client.as_customer(member)
    assert me.get("/api/v1/me/wallets").json[0]["available"] == 29
    (line,) = me.get("/api/v1/me/transactions").json["data"]
    assert (line["points"], line["balance_after"], line["rule_version"]) == (29, 29, 1)
    assert "A-17" in line["why"]
    assert RULE["name"] in line["why"]
    programme.check()


def test_a_replayed_order_earns_once(
    programme: Any, platform: Platform, member: uuid.UUID, rules: Any, events: Any
) -> None:
    """The shop may send it as often as it likes."""
    rules.post("/api/v1/loyalty/earning-rules", json=RULE)
    for _ in range(3):
        programme.order(member, "10.00", order_id="A-1")
    assert programme.available(member) == 10
    assert len(events.all("loyalty.points_earned")) == 1


def test_a_new_version_counts_from_then_on(
    programme: Any, client: Any, platform: Platform, member: uuid.UUID, rules: Any
) -> None:
    """Entries keep the version that made them."""
    made = rules.post("/api/v1/loyalty/earning-rules", json=RULE)
    programme.order(member, "10.00")
    body = {name: value for name, value in RULE.items() if name != "key"}
    body["award"] = {"type": "per_amount", "points": "3", "per": "2", "rounding": "up"}
    url = f"/api/v1/loyalty/earning-rules/{made.json['id']}/versions"
    answer = rules.post(url, json=body, headers={"If-Match": made.headers["ETag"]})
    assert (answer.status_code, answer.json["version"]) == (201, 2)
    programme.order(member, "9.00")
    lines = client.as_customer(member).get("/api/v1/me/transactions").json["data"]
    assert [(line["points"], line["rule_version"]) for line in lines] == [(14, 2), (10, 1)]
    stale = rules.post(url, json=body, headers={"If-Match": made.headers["ETag"]})
    assert stale.status_code == 412
    assert [item["number"] for item in rules.get(url).json["data"]] == [2, 1]


def test_a_rule_asks_its_condition_and_currency(
    programme: Any, platform: Platform, member: uuid.UUID, rules: Any
) -> None:
    """Orders that do not fit earn nothing."""
    award = {**RULE["award"], "currency": "USD"}  # type: ignore[dict-item]
    condition = {"order.channel": "store", "order.total": {"$gte": 20}}
    body = {**RULE, "award": award, "condition": condition}
    assert rules.post("/api/v1/loyalty/earning-rules", json=body).status_code == 201
    programme.order(member, "30.00", channel="web")
    programme.order(member, "19.99", channel="store")
    programme.order(member, "30.00", channel="store", currency="EUR")
    assert programme.available(member) == 0
    programme.order(member, "30.00", channel="store")
    assert programme.available(member) == 30


def test_points_are_pending_until_their_day_and_expire_on_theirs(
    programme: Any, client: Any, platform: Platform, member: uuid.UUID, rules: Any, clock: Any
) -> None:
    """And the wallet says so beforehand."""
    body = {**RULE, "pending_days": 14, "expires_after_days": 60}
    rules.post("/api/v1/loyalty/earning-rules", json=body)
    programme.order(member, "50.00", occurred_at=clock.now())
    me = client.as_customer(member)
    wallet = me.get("/api/v1/me/wallets").json[0]
    assert (wallet["available"], wallet["pending"]) == (0, 50)
    clock.advance(days=14)
    wallet = me.get("/api/v1/me/wallets").json[0]
    assert (wallet["available"], wallet["pending"]) == (50, 0)
    assert wallet["expiring"][0]["points"] == 50
    clock.advance(days=46)
    assert me.get("/api/v1/me/wallets").json[0]["available"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"award": {"type": "per_amount", "points": "0"}},
        {"award": {"type": "fixed", "points": "1.5"}},
        {"award": {"type": "per_amount", "points": "1", "currency": "dollars"}},
        {"condition": {"order.total": {"$near": 3}}},
        {"event_type": "customer.registered"},
        {"event_type": "weather.changed"},
        {"key": "Not A Key"},
        {"pending_days": -1},
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused(rules: Any, change: dict[str, Any]) -> None:
    """With what is wrong, and nothing written."""
    answer = rules.post("/api/v1/loyalty/earning-rules", json={**RULE, **change})
    assert answer.status_code == 422
    assert answer.json["code"] in ("invalid_rule", "invalid_body")
    assert rules.get("/api/v1/loyalty/earning-rules").json["data"] == []


def test_a_condition_fault_points_into_the_rule(rules: Any) -> None:
    """So that an editor finds it."""
    body = {**RULE, "condition": {"order.total": {"$near": 3}}}
    answer = rules.post("/api/v1/loyalty/earning-rules", json=body)
    assert answer.json["errors"][0]["pointer"] == "/condition/order.total/$near"


def test_wallets_answer_304_until_something_changes(
    programme: Any, client: Any, platform: Platform, member: uuid.UUID
) -> None:
    """Also when points are only set aside, which writes no entry."""
    programme.give(member, 300)
    me = client.as_customer(member)
    etag = me.get("/api/v1/me/wallets").headers["ETag"]
    assert me.get("/api/v1/me/wallets", headers={"If-None-Match": etag}).status_code == 304
    body = {"reward_id": str(programme.reward().id)}
    me.post("/api/v1/redemptions", json=body, headers=key())
    assert me.get("/api/v1/me/wallets", headers={"If-None-Match": etag}).status_code == 200


def test_somebody_new_has_an_empty_wallet(client: Any) -> None:
    """Rather than none."""
    (wallet,) = client.as_customer().get("/api/v1/me/wallets").json
    assert wallet["wallet"] == "points"
    assert wallet["available"] == 0


def test_transactions_come_in_pages(
    programme: Any, client: Any, platform: Platform, member: uuid.UUID
) -> None:
    """Each line once, the latest first."""
    for points in (1, 2, 3, 4, 5):
        programme.give(member, points)
    me = client.as_customer(member)
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = me.get("/api/v1/me/transactions", query_string=query).json
        seen += [line["points"] for line in page["data"]]
        cursor = page["page"]["next"]
    assert seen == [5, 4, 3, 2, 1]


def test_an_adjustment_is_in_the_ledger_and_in_the_audit_log(
    client: Any, platform: Platform, member: uuid.UUID, programme: Any
) -> None:
    """With the reason, the note and who did it."""
    server = client.as_key("loyalty.adjustments.write", "loyalty.ledger.read", name="desk")
    body = {"points": 40, "reason_code": "goodwill", "note": "Late parcel"}
    url = f"/api/v1/members/{member}/adjustments"
    answer = server.post(url, json=body, headers=key())
    assert answer.status_code == 201
    assert (answer.json["status"], answer.json["wallets"][0]["available"]) == ("done", 40)
    (line,) = server.get(f"/api/v1/loyalty/members/{member}/ledger").json["data"]
    assert line["kind"] == "adjust"
    assert line["note"] == "Late parcel"
    assert line["inputs"] == {"reason_code": "goodwill"}
    assert line["actor"].startswith("key:")
    with platform.db.read() as session:
        actions = [entry.action for entry in platform.audit.entries(session)]
    assert "loyalty.points.adjusted" in actions
    programme.check()


@pytest.mark.parametrize(
    "points",
    [
        "0",
        "true",
        "1.5",
        "2.0",
        '"5"',
        "1000000000001",
        "-1000000000001",
        "1" * 30,
        "1e400",
        "null",
    ],
)
def test_what_is_no_amount_is_refused(
    client: Any, member: uuid.UUID, programme: Any, points: str
) -> None:
    """Zero, truth, fractions, texts and the huge move nothing."""
    server = client.as_key("loyalty.adjustments.write")
    answer = server.post(
        f"/api/v1/members/{member}/adjustments",
        data=f'{{"points": {points}, "reason_code": "goodwill"}}',
        content_type="application/json",
        headers=key(),
    )
    assert answer.status_code in (400, 422)
    assert answer.json["code"] in ("invalid_body", "number_out_of_range", "malformed_json")
    assert programme.available(member) == 0


def test_no_more_is_taken_by_hand_than_is_there(
    programme: Any, client: Any, platform: Platform, member: uuid.UUID
) -> None:
    """A correction never makes a debt."""
    programme.give(member, 30)
    server = client.as_key("loyalty.adjustments.write")
    body = {"points": -31, "reason_code": "correction"}
    answer = server.post(f"/api/v1/members/{member}/adjustments", json=body, headers=key())
    assert (answer.status_code, answer.json["code"]) == (422, "insufficient_points")
    assert programme.available(member) == 30


def test_a_member_nobody_knows_is_told(client: Any) -> None:
    """404, and no account is made."""
    server = client.as_key("loyalty.adjustments.write", "loyalty.ledger.read")
    body = {"points": 5, "reason_code": "goodwill"}
    url = f"/api/v1/members/{uuid.uuid4()}/adjustments"
    answer = server.post(url, json=body, headers=key())
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_subject")


def test_rewards_are_kept_with_versions(client: Any, platform: Platform, clock: Any) -> None:
    """Create, read, change with If-Match, retire."""
    keeper = client.as_key("loyalty.rewards.read", "loyalty.rewards.write")
    body = {
        "key": "mug",
        "cost": 100,
        "stock": 3,
        "texts": {"en": {"name": "Mug"}},
        "active_until": (clock.now() + timedelta(days=30)).isoformat(),
    }
    made = keeper.post("/api/v1/loyalty/rewards", json=body)
    assert made.status_code == 201
    url = made.headers["Location"]
    again = keeper.post("/api/v1/loyalty/rewards", json=body)
    assert (again.status_code, again.json["code"]) == (409, "reward_key_taken")
    changes = {"cost": 80, "stock": 5, "texts": {"en": {"name": "Mug"}}}
    assert keeper.put(url, json=changes).status_code == 428
    etag = {"If-Match": made.headers["ETag"]}
    changed = keeper.put(url, json=changes, headers=etag)
    assert (changed.json["cost"], changed.json["version"]) == (80, 2)
    assert keeper.put(url, json=changes, headers=etag).status_code == 412
    retired = keeper.delete(url, headers={"If-Match": changed.headers["ETag"]})
    assert retired.status_code == 204
    assert keeper.get(url).json["active"] is False
    assert [row["key"] for row in keeper.get("/api/v1/loyalty/rewards").json["data"]] == ["mug"]


def test_the_stock_cannot_fall_below_what_is_given(
    programme: Any, client: Any, platform: Platform, member: uuid.UUID
) -> None:
    """Two are gone, so one cannot be all."""
    programme.give(member, 500)
    reward = programme.reward(stock=5)
    me = client.as_customer(member)
    for _ in range(2):
        me.post("/api/v1/redemptions", json={"reward_id": str(reward.id)}, headers=key())
    keeper = client.as_key("loyalty.rewards.read", "loyalty.rewards.write")
    url = f"/api/v1/loyalty/rewards/{reward.id}"
    body = {"cost": 100, "stock": 1, "texts": {"en": {"name": "Mug"}}}
    answer = keeper.put(url, json=body, headers={"If-Match": keeper.get(url).headers["ETag"]})
    assert (answer.status_code, answer.json["code"]) == (422, "stock_too_small")
