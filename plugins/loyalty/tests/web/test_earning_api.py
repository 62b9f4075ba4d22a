"""Previews, simulations, campaigns and wallets through the API, with each of their refusals."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dxp.api import Platform
from dxp_loyalty.services import simulations

NAMES = {"en": {"name": "Stars"}, "fr": {"name": "Étoiles"}, "fa": {"name": "ستاره‌ها"}}
RULE = {
    "key": "tea",
    "name": "Tea counts",
    "event_type": "order.placed",
    "award": {"type": "per_amount", "points": "2"},
    "line_condition": {"line.category": "tea"},
    "caps": [{"window": "month", "points": 30}],
    "names": {"fr": "Le thé compte", "ar": "الشاي يُحتسب", "fa": "چای امتیاز دارد"},
}
CART = {
    "currency": "USD",
    "lines": [
        {"sku": "green", "quantity": 1, "total": "12.00", "category": "tea", "line_id": "a"},
        {"sku": "cup", "quantity": 1, "total": "9.00", "category": "ware"},
    ],
}


@pytest.fixture
def rules(client: Any) -> Any:
    """A key that keeps earning rules and reads ledgers."""
    return client.as_key("loyalty.rules.read", "loyalty.rules.write", "loyalty.ledger.read")


def made(answer: Any, status: int = 201) -> Any:
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_cart_says_what_it_would_earn(
    client: Any, rules: Any, programme: Any, member: uuid.UUID
) -> None:
    """The same as its order, told in the language of the reader; nothing is written."""
    made(rules.post("/api/v1/loyalty/earning-rules", json=RULE))
    me = client.as_customer(member)
    cart = made(me.post("/api/v1/carts/preview", json=CART), 200)
    assert cart["points"] == {"points": 24}
    [line] = cart["earns"]
    assert (line["rule"], line["points"], line["lines"]) == ("tea", 24, {"a": 24})
    assert (line["limited_by"], cart["rewards"]) == (None, [])
    assert me.get("/api/v1/me/transactions").json["data"] == []
    fr = me.post("/api/v1/carts/preview", json=CART, headers={"Accept-Language": "fr"}).json
    assert fr["earns"][0]["name"] == "Le thé compte"
    by_key = {**CART, "member": str(member)}
    assert made(rules.post("/api/v1/carts/preview", json=by_key), 200)["points"] == {"points": 24}
    assert made(rules.post("/api/v1/carts/preview", json=CART), 200)["rewards"] == []
    stranger = {**CART, "member": str(uuid.uuid4())}
    assert code(rules.post("/api/v1/carts/preview", json=stranger)) == (404, "unknown_subject")


@pytest.mark.parametrize(
    ("locale", "name", "said"),
    [
        ("en", "Tea counts", "counted"),
        ("fr", "Le thé compte", ""),
        ("ar", "الشاي يُحتسب", ""),
        ("fa", "چای امتیاز دارد", ""),
    ],
)
def test_a_member_reads_why_in_their_language(
    client: Any,
    rules: Any,
    programme: Any,
    platform: Platform,
    member: uuid.UUID,
    locale: str,
    name: str,
    said: str,
) -> None:
    """With the part of the order that counted, and that a cap left no more."""
    made(rules.post("/api/v1/loyalty/earning-rules", json=RULE))
    with platform.db.write() as session:
        from dxp.api import NewEvent

        data = {"order_id": "A-1", "total": "41.00", **CART}
        data["lines"] = [{**CART["lines"][0], "total": "20.00"}, CART["lines"][1]]
        platform.events.publish_many(
            session, [NewEvent(type="order.placed", subject_id=member, data=data)]
        )
    me = client.as_customer(member)
    url = "/api/v1/me/transactions?wallet=points"
    [line] = me.get(url, headers={"Accept-Language": locale}).json["data"]
    assert line["points"] == 30
    assert line["rule"] == name
    assert name in line["why"]
    assert "A-1" in line["why"]
    assert said in line["why"]
    [entry] = rules.get(f"/api/v1/loyalty/members/{member}/ledger").json["data"]
    assert entry["inputs"]["limited_by"] == "cap"
    assert entry["inputs"]["base"] == "20.0000"
    assert entry["source"].startswith("order:")


def test_wallets_are_defined_shown_and_filled(
    client: Any, rules: Any, programme: Any, member: uuid.UUID
) -> None:
    """With names in the reader's language, before anything is in them."""
    body = {"key": "stars", "texts": NAMES, "rounding": "up", "pending_days": 2}
    wallet = made(rules.post("/api/v1/loyalty/wallets", json=body))
    assert code(rules.post("/api/v1/loyalty/wallets", json=body)) == (409, "wallet_key_taken")
    me = client.as_customer(member)
    found = me.get("/api/v1/me/wallets", headers={"Accept-Language": "fr"}).json
    assert [(one["wallet"], one["name"]) for one in found] == [
        ("points", "points"),
        ("stars", "Étoiles"),
    ]
    rule = {**RULE, "line_condition": {}, "wallet": "stars", "caps": []}
    made(rules.post("/api/v1/loyalty/earning-rules", json=rule))
    programme.order(member, "10.10")
    assert me.get("/api/v1/me/wallets").json[1]["pending"] == 21
    assert me.get("/api/v1/me/transactions").json["data"] == []
    assert len(me.get("/api/v1/me/transactions?wallet=stars").json["data"]) == 1
    url = f"/api/v1/loyalty/wallets/{wallet['id']}"
    etag = rules.get(url).headers["ETag"]
    del body["key"]
    changed = {**body, "pending_days": 5}
    made(rules.put(url, json=changed, headers={"If-Match": etag}), 200)
    assert rules.put(url, json=changed, headers={"If-Match": etag}).status_code == 412
    assert len(rules.get("/api/v1/loyalty/wallets").json["data"]) == 1
    nowhere = f"/api/v1/loyalty/wallets/{uuid.uuid4()}"
    assert code(rules.get(nowhere)) == (404, "unknown_wallet")


def test_campaigns_are_kept_and_their_budget_cannot_shrink_below_what_is_spent(
    client: Any, rules: Any, programme: Any, member: uuid.UUID
) -> None:
    """Nor end before they begin."""
    body = {"key": "spring", "texts": {"en": {"name": "Spring"}}, "budget": 50}
    campaign = made(rules.post("/api/v1/loyalty/campaigns", json=body))
    assert code(rules.post("/api/v1/loyalty/campaigns", json=body)) == (409, "campaign_key_taken")
    rule = {**RULE, "line_condition": {}, "campaign": "spring", "caps": []}
    made(rules.post("/api/v1/loyalty/earning-rules", json=rule))
    programme.order(member, "40.00")
    url = f"/api/v1/loyalty/campaigns/{campaign['id']}"
    answer = rules.get(url)
    assert answer.json["spent"] == 50
    match = {"If-Match": answer.headers["ETag"]}
    del body["key"]
    small = rules.put(url, json={**body, "budget": 49}, headers=match)
    assert (code(small), small.json["spent"]) == ((422, "budget_too_small"), 50)
    times = {"starts_at": "2026-05-01T00:00:00Z", "ends_at": "2026-04-01T00:00:00Z"}
    wrong = rules.put(url, json={**body, **times}, headers=match)
    assert code(wrong) == (422, "invalid_campaign")
    made(rules.put(url, json={**body, "budget": 60}, headers=match), 200)
    programme.order(member, "40.00")
    assert rules.get(url).json["spent"] == 60
    assert rules.put(url, json=body, headers=match).status_code == 412
    assert len(rules.get("/api/v1/loyalty/campaigns").json["data"]) == 1
    nowhere = f"/api/v1/loyalty/campaigns/{uuid.uuid4()}"
    assert code(rules.get(nowhere)) == (404, "unknown_campaign")


def test_a_stale_edit_of_a_service_is_refused(programme: Any, platform: Platform) -> None:
    """As two editors at the same moment would meet it."""
    from dxp.api import PreconditionFailed, SystemActor
    from dxp_loyalty.services.campaigns import CampaignDraft
    from dxp_loyalty.services.wallets import WalletDraft

    actor = SystemActor(name="test")
    campaign, wallet = CampaignDraft(key="a", texts=NAMES), WalletDraft(key="a", texts=NAMES)
    with platform.db.write() as session:
        for service, draft, wanted in (
            (programme.loyalty.campaigns, campaign, "campaign_changed"),
            (programme.loyalty.wallets, wallet, "wallet_changed"),
        ):
            one = service.create(session, draft, actor=actor)
            with pytest.raises(PreconditionFailed) as caught:
                service.edit(session, one.id, draft, expected_version=7, actor=actor)
            assert caught.value.code == wanted


def test_a_draft_is_simulated_before_it_goes_live(
    rules: Any, programme: Any, member: uuid.UUID, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And earns nothing meanwhile."""
    draft = {**RULE, "line_condition": {}, "caps": [], "draft": True}
    rule = made(rules.post("/api/v1/loyalty/earning-rules", json=draft))
    programme.order(member, "10.00")
    assert programme.available(member) == 0
    clock.advance(hours=1)
    url = f"/api/v1/loyalty/earning-rules/{rule['id']}/simulations"
    simulation = made(rules.post(url, json={"days": 7}))
    assert (simulation["state"], simulation["result"]["cost"]) == ("done", 20)
    assert simulation["result"]["winners"] == 1
    again = rules.get(f"/api/v1/loyalty/simulations/{simulation['id']}").json
    assert again["result"] == simulation["result"]
    assert code(rules.post(url, json={"number": 8})) == (404, "unknown_version")
    nowhere = f"/api/v1/loyalty/simulations/{uuid.uuid4()}"
    assert code(rules.get(nowhere)) == (404, "unknown_simulation")
    unknown = f"/api/v1/loyalty/earning-rules/{uuid.uuid4()}/simulations"
    assert code(rules.post(unknown, json={})) == (404, "unknown_rule")
    monkeypatch.setattr(simulations, "MAX_EVENTS", 0)
    assert code(rules.post(url, json={})) == (422, "simulation_too_large")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"award": {"type": "multiplier"}}, "/award/factor"),
        ({"award": {"type": "per_amount"}}, "/award/points"),
        ({"award": {"type": "per_piece", "points": "1.5"}}, "/award/points"),
        ({"award": {"type": "per_amount", "points": "1e-99999999"}}, "/award/points"),
        ({"caps": [{"window": "month"}]}, "/caps/0/points"),
        ({"windows": [{"weekdays": [8]}]}, "/windows/0/weekdays/0"),
        ({"windows": [{"from": "24:00"}]}, "/windows/0/from"),
        ({"line_condition": {"$near": 1}}, "/line_condition/$near"),
        ({"campaign": "nowhere"}, "/campaign"),
        ({"wallet": "nowhere"}, "/wallet"),
        ({"live_until": "2020-01-01T00:00:00Z"}, "/live_until"),
    ],
)
def test_a_faulty_rule_is_refused_at_its_place(
    rules: Any, change: dict[str, Any], pointer: str
) -> None:
    """By a pointer that a form can use."""
    answer = rules.post("/api/v1/loyalty/earning-rules", json={**RULE, **change})
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
