"""Redeeming through the API: authorise, capture, void, every refusal, every replay."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import MetaData, select

from dxp.api import Platform
from dxp_loyalty.models import CouponCode


@pytest.fixture
def rich(programme: Any, client: Any, platform: Platform, member: uuid.UUID) -> Any:
    """A customer with 500 points."""
    programme.give(member, 500)
    return client.as_customer(member)


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def authorise(client: Any, reward_id: object, **more: Any) -> Any:
    body = {"reward_id": str(reward_id), **more}
    return client.post("/api/v1/redemptions", json=body, headers=key())


def settle(client: Any, redemption_id: str, verb: str) -> Any:
    return client.post(f"/api/v1/redemptions/{redemption_id}/{verb}", headers=key())


def test_a_redemption_sets_points_aside_and_capture_takes_them(
    rich: Any, platform: Platform, programme: Any
) -> None:
    """Authorise, then capture; each tells its state."""
    reward = programme.reward(cost=120, stock=5)
    made = authorise(rich, reward.id, cart_ref="cart-7")
    assert made.status_code == 201
    assert made.json["status"] == "authorised"
    assert made.json["points"] == 120
    assert made.json["cart_ref"] == "cart-7"
    wallet = rich.get("/api/v1/me/wallets").json[0]
    assert (wallet["available"], wallet["held"]) == (380, 120)
    captured = settle(rich, made.json["id"], "capture")
    assert captured.status_code == 200
    assert captured.json["status"] == "captured"
    wallet = rich.get("/api/v1/me/wallets").json[0]
    assert (wallet["available"], wallet["held"]) == (380, 0)
    programme.check()


def test_voiding_gives_points_and_piece_back(programme: Any, rich: Any, platform: Platform) -> None:
    """The next member can have the last piece again."""
    reward = programme.reward(cost=120, stock=1)
    made = authorise(rich, reward.id)
    assert settle(rich, made.json["id"], "void").json["status"] == "voided"
    assert programme.available(rich.subject_id) == 500
    assert authorise(rich, reward.id).status_code == 201


def test_the_same_key_and_body_change_nothing_the_second_time(
    programme: Any, rich: Any, platform: Platform
) -> None:
    """The stored answer comes back, for successes and refusals alike."""
    reward = programme.reward(cost=300)
    body, headers = {"reward_id": str(reward.id)}, key()
    first = rich.post("/api/v1/redemptions", json=body, headers=headers)
    again = rich.post("/api/v1/redemptions", json=body, headers=headers)
    assert (again.status_code, again.json) == (first.status_code, first.json)
    refused_headers = key()
    refused = rich.post("/api/v1/redemptions", json=body, headers=refused_headers)
    programme.give(rich.subject_id, 1000)
    replayed = rich.post("/api/v1/redemptions", json=body, headers=refused_headers)
    assert refused.json["code"] == replayed.json["code"] == "insufficient_points"
    assert programme.available(rich.subject_id) == 1200


def test_the_same_key_with_another_body_is_refused(
    programme: Any, rich: Any, platform: Platform
) -> None:
    """A key stands for one request."""
    reward, other = programme.reward(), programme.reward()
    headers = key()
    rich.post("/api/v1/redemptions", json={"reward_id": str(reward.id)}, headers=headers)
    answer = rich.post("/api/v1/redemptions", json={"reward_id": str(other.id)}, headers=headers)
    assert answer.status_code == 422
    assert answer.json["code"] == "idempotency_key_reused"


def test_capture_twice_with_one_key_takes_points_once(
    rich: Any, platform: Platform, programme: Any
) -> None:
    """A retry is answered from the store; a new key learns that it is settled."""
    reward = programme.reward(cost=200)
    url = f"/api/v1/redemptions/{authorise(rich, reward.id).json['id']}/capture"
    headers = key()
    first, again = rich.post(url, headers=headers), rich.post(url, headers=headers)
    assert first.json == again.json
    assert programme.available(rich.subject_id) == 300
    late = rich.post(url, headers=key())
    assert (late.status_code, late.json["code"]) == (409, "hold_not_open")
    programme.check()


def test_a_request_without_a_key_is_refused(programme: Any, rich: Any, platform: Platform) -> None:
    """Nothing that moves points runs without one."""
    reward = programme.reward()
    answer = rich.post("/api/v1/redemptions", json={"reward_id": str(reward.id)})
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_missing")


def test_too_few_points_are_told_with_what_is_missing(
    programme: Any, rich: Any, platform: Platform
) -> None:
    """`missing` lets a storefront say how far it is."""
    answer = authorise(rich, programme.reward(cost=650).id)
    assert answer.status_code == 422
    assert answer.json["code"] == "insufficient_points"
    assert (answer.json["available"], answer.json["missing"]) == (500, 150)


def test_somebody_without_an_account_has_no_points(
    programme: Any, client: Any, platform: Platform
) -> None:
    """A refusal, and no account is made."""
    stranger = client.as_customer()
    answer = authorise(stranger, programme.reward().id)
    assert answer.json["code"] == "insufficient_points"


def test_the_last_piece_goes_once(
    programme: Any, client: Any, rich: Any, platform: Platform
) -> None:
    """Out of stock while it is set aside, and after it was taken."""
    reward = programme.reward(stock=1)
    other = client.as_customer(programme.member())
    programme.give(other.subject_id, 500)
    made = authorise(rich, reward.id)
    assert authorise(other, reward.id).json["code"] == "out_of_stock"
    settle(rich, made.json["id"], "capture")
    assert authorise(other, reward.id).json["code"] == "out_of_stock"
    assert programme.available(other.subject_id) == 500


def test_a_member_has_no_more_pieces_than_allowed(
    programme: Any, rich: Any, platform: Platform
) -> None:
    """Open and captured ones count; voided ones do not."""
    reward = programme.reward(per_member=1)
    first = authorise(rich, reward.id)
    assert authorise(rich, reward.id).json["code"] == "limit_reached"
    settle(rich, first.json["id"], "void")
    assert authorise(rich, reward.id).status_code == 201


def test_a_limit_by_month_begins_anew(
    programme: Any, rich: Any, platform: Platform, clock: Any
) -> None:
    """The window is a calendar month."""
    reward = programme.reward(per_member=1, limit_window="month")
    settle(rich, authorise(rich, reward.id).json["id"], "capture")
    assert authorise(rich, reward.id).json["code"] == "limit_reached"
    clock.advance(days=31)
    assert authorise(rich, reward.id).status_code == 201


@pytest.mark.parametrize(
    "state", [{"active": False}, {"active_from": 1}, {"active_until": -1}], ids=str
)
def test_what_is_not_on_offer_cannot_be_redeemed(
    programme: Any, rich: Any, platform: Platform, clock: Any, state: dict[str, Any]
) -> None:
    """Switched off, not yet begun, over."""
    moments = {
        name: value if isinstance(value, bool) else clock.now() + timedelta(days=value)
        for name, value in state.items()
    }
    answer = authorise(rich, programme.reward(**moments).id)
    assert (answer.status_code, answer.json["code"]) == (422, "not_active")


def test_an_expired_hold_cannot_be_captured_and_is_released(
    programme: Any, rich: Any, platform: Platform, clock: Any, run_jobs: Callable[[], int]
) -> None:
    """Its points come back by the job."""
    made = authorise(rich, programme.reward(cost=100, stock=1).id)
    clock.advance(hours=2)
    answer = settle(rich, made.json["id"], "capture")
    assert (answer.status_code, answer.json["code"]) == (409, "hold_not_open")
    with platform.db.write() as session:
        platform.jobs.enqueue(session, "loyalty.release_holds", {})
    run_jobs()
    assert programme.available(rich.subject_id) == 500
    read = rich.get(f"/api/v1/redemptions/{made.json['id']}")
    assert read.json["status"] == "voided"
    programme.check()


def test_one_call_authorises_and_captures(programme: Any, rich: Any) -> None:
    """Or does neither: what cannot be paid for sets nothing aside."""
    reward = programme.reward(cost=300, stock=5)
    made = authorise(rich, reward.id, capture=True)
    assert (made.status_code, made.json["status"]) == (201, "captured")
    refused = authorise(rich, reward.id, capture=True)
    assert refused.json["code"] == "insufficient_points"
    assert programme.available(rich.subject_id) == 200
    programme.check()


def reverse(client: Any, redemption_id: str, **body: Any) -> Any:
    url = f"/api/v1/redemptions/{redemption_id}/reversals"
    return client.post(url, json={"reason_code": "returned", **body}, headers=key())


def test_a_redemption_is_taken_back_in_parts(programme: Any, client: Any, rich: Any) -> None:
    """The piece comes back with the last part; more than is left is refused, and so is zero."""
    server = client.as_key("loyalty.redemptions.reverse")
    made = authorise(rich, programme.reward(cost=100, stock=1).id, capture=True).json["id"]
    part = reverse(server, made, points=30, note="A chip in the glaze")
    assert (part.status_code, part.json["reversed_points"]) == (201, 30)
    assert part.json["status"] == "captured"
    over = reverse(server, made, points=71)
    assert (over.status_code, over.json["code"], over.json["possible"]) == (
        422,
        "over_reversal",
        70,
    )
    assert reverse(server, made, points=0).status_code == 422
    whole = reverse(server, made)
    assert (whole.json["status"], whole.json["reversed_points"]) == ("reversed", 100)
    assert reverse(server, made).json["code"] == "hold_not_open"
    assert programme.available(rich.subject_id) == 500
    assert rich.get("/api/v1/me/rewards").json[0]["left"] == 1
    programme.check()


def test_members_do_not_take_back_what_they_redeemed(
    programme: Any, client: Any, rich: Any
) -> None:
    """They have the piece. An id that nobody has is unknown, an open one is told."""
    server = client.as_key("loyalty.redemptions.reverse")
    made = authorise(rich, programme.reward().id).json["id"]
    assert reverse(rich, made).status_code == 403
    assert reverse(server, str(uuid.uuid4())).json["code"] == "unknown_redemption"
    assert reverse(server, made).json["code"] == "hold_not_open"


def test_anothers_redemption_is_unknown(
    programme: Any, client: Any, rich: Any, platform: Platform
) -> None:
    """The answer does not even tell that it exists."""
    made = authorise(rich, programme.reward().id)
    other = client.as_customer()
    for answer in (
        settle(other, made.json["id"], "capture"),
        settle(other, made.json["id"], "void"),
        other.get(f"/api/v1/redemptions/{made.json['id']}"),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_redemption")


def test_unknown_rewards_and_redemptions_are_told(rich: Any) -> None:
    """404 with a code that says of what."""
    assert authorise(rich, uuid.uuid4()).json["code"] == "unknown_reward"
    assert settle(rich, str(uuid.uuid4()), "void").json["code"] == "unknown_redemption"


def test_a_server_redeems_for_the_member_it_names(
    programme: Any, client: Any, platform: Platform, member: uuid.UUID
) -> None:
    """And must name one."""
    programme.give(member, 200)
    server = client.as_key("loyalty.redemptions.write")
    reward = programme.reward()
    made = authorise(server, reward.id, member=str(member))
    assert made.status_code == 201
    assert settle(server, made.json["id"], "capture").json["status"] == "captured"
    assert authorise(server, reward.id).json["code"] == "member_required"
    unknown = authorise(server, reward.id, member=str(uuid.uuid4()))
    assert (unknown.status_code, unknown.json["code"]) == (404, "unknown_subject")


def test_a_customer_cannot_redeem_for_another(
    programme: Any, client: Any, rich: Any, platform: Platform
) -> None:
    """Naming somebody else is refused."""
    answer = authorise(client.as_customer(), programme.reward().id, member=str(rich.subject_id))
    assert answer.status_code == 404
    assert programme.available(rich.subject_id) == 500


def test_a_key_without_the_scope_is_refused(
    programme: Any, client: Any, platform: Platform
) -> None:
    """Default deny."""
    answer = authorise(client.as_key("loyalty.ledger.read"), programme.reward().id)
    assert answer.status_code == 403


def test_a_discount_code_is_given_at_capture_and_kept_as_a_hash(
    programme: Any, rich: Any, platform: Platform
) -> None:
    """Its member can read it again; the database cannot tell it."""
    reward = programme.reward(kind="discount_code", details={"discount_percent": 10})
    made = authorise(rich, reward.id)
    assert made.json["code"] is None
    code = settle(rich, made.json["id"], "capture").json["code"]
    assert len(code.replace("-", "")) == 16
    assert rich.get(f"/api/v1/redemptions/{made.json['id']}").json["code"] == code
    assert rich.get("/api/v1/me/redemptions").json["data"][0]["code"] == code
    with platform.db.read() as session:
        (kept,) = session.scalars(select(CouponCode))
    assert code not in (kept.code_hash, str(kept.redemption_id))


def test_a_discount_code_is_a_qr_code_too(programme: Any, client: Any, rich: Any) -> None:
    """For its member alone; a redemption without one says so."""
    coded = authorise(rich, programme.reward(kind="discount_code").id, capture=True).json["id"]
    image = rich.get(f"/api/v1/redemptions/{coded}/code.svg")
    assert (image.status_code, image.content_type) == (200, "image/svg+xml")
    assert image.data.startswith(b"<svg")
    other = client.as_customer().get(f"/api/v1/redemptions/{coded}/code.svg")
    assert other.json["code"] == "unknown_redemption"
    plain = authorise(rich, programme.reward().id, capture=True).json["id"]
    assert rich.get(f"/api/v1/redemptions/{plain}/code.svg").json["code"] == "no_code"


def test_no_table_holds_a_discount_code(programme: Any, rich: Any, platform: Platform) -> None:
    """Not even the stored answers of idempotent requests, which replay it all the same."""
    reward = programme.reward(kind="discount_code")
    body, headers = {"reward_id": str(reward.id), "capture": True}, key()
    first = rich.post("/api/v1/redemptions", json=body, headers=headers)
    assert rich.post("/api/v1/redemptions", json=body, headers=headers).json == first.json
    tables = MetaData()
    with platform.db.read() as session:
        tables.reflect(session.connection())
        rows = [
            repr(row) for table in tables.tables.values() for row in session.execute(select(table))
        ]
    assert rows
    assert not [row for row in rows if first.json["code"] in row]


def test_a_gate_refuses_with_a_code_and_tells_it_beforehand(programme: Any, rich: Any) -> None:
    """In `me/rewards` with the same code and words as the refusal."""
    gate = {"loyalty.points_earned_total": {"$gte": 1000}}
    reward = programme.reward(gate=gate)
    told = rich.get("/api/v1/me/rewards").json[0]
    refused = authorise(rich, reward.id)
    assert (refused.status_code, refused.json["code"]) == (422, "not_eligible")
    assert told["reasons"] == [{"code": "not_eligible", "detail": refused.json["detail"]}]
    assert authorise(rich, programme.reward(gate={"loyalty.has_birthday_gift": False}).id).json[
        "id"
    ]


def test_a_picture_is_told_in_the_readers_language(programme: Any, rich: Any) -> None:
    """With its words for those who do not see it."""
    image = "https://shop.example/mug.webp"
    words = {"name": "Mug", "image": image, "image_alt": "A blue mug"}
    programme.reward(texts={"en": words})
    offer = rich.get("/api/v1/me/rewards").json[0]
    assert (offer["image"], offer["image_alt"]) == (image, "A blue mug")


def test_offers_tell_why_a_reward_is_out_of_reach(
    programme: Any, rich: Any, platform: Platform, clock: Any
) -> None:
    """Each with `eligible` and the codes of the refusals."""
    programme.reward(key="cheap", cost=100)
    programme.reward(key="dear", cost=900)
    programme.reward(key="gone", cost=100, stock=0)
    programme.reward(key="soon", active_from=clock.now() + timedelta(days=3))
    programme.reward(key="off", active=False)
    offers = {offer["key"]: offer for offer in rich.get("/api/v1/me/rewards").json}
    assert offers["cheap"]["eligible"] is True
    codes = {name: [reason["code"] for reason in offers[name]["reasons"]] for name in offers}
    assert codes == {
        "cheap": [],
        "dear": ["insufficient_points"],
        "gone": ["out_of_stock"],
        "soon": ["not_active"],
    }


def test_a_reward_is_told_in_the_readers_language(
    programme: Any, rich: Any, platform: Platform
) -> None:
    """And in the default where there is no other."""
    programme.reward(texts={"en": {"name": "Mug"}, "fr": {"name": "Tasse"}})
    french = rich.get("/api/v1/me/rewards", headers={"Accept-Language": "fr"}).json
    persian = rich.get("/api/v1/me/rewards", headers={"Accept-Language": "fa"}).json
    assert (french[0]["name"], persian[0]["name"]) == ("Tasse", "Mug")
