"""Coupons through the API: who may, what is refused, and what guessing costs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from dxp.api import Platform, SystemActor
from dxp_loyalty.services.coupon_batches import BatchDraft

ACTOR = SystemActor(name="test")


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"plugins": {"loyalty": {"coupon_guesses": "3/hour"}}}


@pytest.fixture
def code(programme: Any, platform: Platform) -> str:
    """A code that anybody can use once."""
    loyalty = programme.loyalty
    draft = BatchDraft(
        key="welcome", name="Welcome", origin="imported", benefit={"discount_percent": 10}
    )
    with platform.db.write() as session:
        batch = loyalty.coupon_batches.create(session, draft, actor=ACTOR)
        loyalty.coupon_imports.run(session, batch.id, ["code\n", "WELCOME-10\n"], actor=ACTOR)
    return "WELCOME-10"


@pytest.fixture
def shop(client: Any) -> Any:
    return client.as_key("loyalty.coupons.redeem")


def send(client: Any, code: str, verb: str, **body: Any) -> Any:
    headers = {} if verb == "validate" else {"Idempotency-Key": str(uuid.uuid4())}
    return client.post(f"/api/v1/coupons/{code}/{verb}", json=body, headers=headers)


def test_a_code_is_checked_used_and_rolled_back(shop: Any, code: str, events: Any) -> None:
    """Each change is told."""
    checked = send(shop, code, "validate")
    assert (checked.status_code, checked.json["uses_left"]) == (200, 1)
    used = send(shop, code, "redeem", ref="O-1")
    assert used.status_code == 201
    assert used.json["coupon"]["benefit"] == {"discount_percent": 10}
    again = send(shop, code, "redeem", ref="O-2")
    assert (again.status_code, again.json["code"]) == (422, "limit_reached")
    assert send(shop, code, "validate").json["code"] == "limit_reached"
    back = send(shop, code, "rollback", ref="O-1")
    assert back.json["rolled_back_at"] is not None
    assert send(shop, code, "rollback").json["code"] == "unknown_coupon_use"
    assert send(shop, code, "redeem", ref="O-2").status_code == 201
    assert len(events.all("loyalty.coupon_redeemed")) == 2
    assert len(events.all("loyalty.coupon_rolled_back")) == 1


def test_a_use_that_is_sent_twice_counts_once(shop: Any, code: str) -> None:
    """By its key; and nothing runs without one."""
    url, headers = f"/api/v1/coupons/{code}/redeem", {"Idempotency-Key": "k"}
    first, again = (shop.post(url, json={}, headers=headers) for _time in range(2))
    assert (first.status_code, again.json) == (201, first.json)
    assert shop.post(url, json={}).json["code"] == "idempotency_key_missing"


def test_guessing_is_refused_for_a_while_right_guesses_too(shop: Any, code: str) -> None:
    """Other visitors of the same shop go on."""
    tried = [send(shop, f"WELCOME-1{n}", "validate", visitor="a") for n in range(1, 5)]
    assert [answer.status_code for answer in tried] == [404, 404, 404, 429]
    assert send(shop, code, "validate", visitor="a").status_code == 429
    assert send(shop, code, "redeem", visitor="a").status_code == 429
    assert send(shop, code, "validate", visitor="b").status_code == 200


def test_coupons_are_for_servers_with_the_scope(client: Any, code: str) -> None:
    """Not for customers, and not for keys of other scopes."""
    for other in (client.as_customer(), client.as_key("loyalty.redemptions.write")):
        assert send(other, code, "validate").status_code == 403


def test_a_batch_is_made_by_a_job_and_withdrawn(client: Any, run_jobs: Callable[[], int]) -> None:
    """With its progress in the answer."""
    key = client.as_key("loyalty.coupons.read", "loyalty.coupons.write")
    body = {"key": "spring", "name": "Spring", "count": 30, "length": 12}
    made = key.post("/api/v1/loyalty/coupon-batches", json=body)
    assert (made.status_code, made.json["state"], made.json["made"]) == (201, "making", 0)
    assert made.json["entropy_bits"] == 59.5
    run_jobs()
    url = made.headers["Location"]
    assert (key.get(url).json["state"], key.get(url).json["made"]) == ("ready", 30)
    assert key.get("/api/v1/loyalty/coupon-batches").json["data"][0]["key"] == "spring"
    taken = key.post("/api/v1/loyalty/coupon-batches", json=body)
    assert (taken.status_code, taken.json["code"]) == (409, "coupon_batch_key_taken")
    weak = key.post("/api/v1/loyalty/coupon-batches", json={**body, "key": "weak", "length": 6})
    assert (weak.status_code, weak.json["code"]) == (422, "invalid_coupon_batch")
    assert key.post(f"{url}/withdraw").json["state"] == "withdrawn"
    nobody = key.get(f"/api/v1/loyalty/coupon-batches/{uuid.uuid4()}")
    assert nobody.json["code"] == "unknown_coupon_batch"


def test_codes_are_not_told_to_the_log(shop: Any, code: str) -> None:
    """They stand in the address, and the log outlives them."""
    with capture_logs() as lines:
        send(shop, code, "validate")
    (line,) = [line for line in lines if line["event"] == "request"]
    assert code not in str(line)
    assert line["path"].endswith("/validate")
