"""The platform's story through its public API: an order, points, a birthday, a reward, a hero."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dxp.testing.client import DxpClient

STOREFRONT = (
    "content.read",
    "crm.customers.read",
    "crm.customers.write",
    "customers.token",
    "events.write",
    "loyalty.ledger.read",
    "loyalty.occasions.write",
    "loyalty.rewards.write",
    "loyalty.rules.write",
    "personalization.decide",
    "personalization.slots.write",
)


def posted(client: DxpClient, path: str, body: Any, *, status: int = 201, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.post(path, json=body, headers=sent)
    assert answer.status_code == status, (path, answer.get_data(as_text=True))
    return answer.get_json()


@pytest.fixture
def shop(client: DxpClient, clock: Any) -> DxpClient:
    """A storefront's server with all that it needs, and a programme to work with."""
    shop = client.as_key(*STOREFRONT)
    posted(
        shop,
        "/api/v1/loyalty/earning-rules",
        {
            "key": "two-per-euro",
            "name": "Two points for each euro",
            "event_type": "order.placed",
            "award": {"type": "per_amount", "points": "2", "per": "1"},
        },
    )
    posted(
        shop,
        "/api/v1/loyalty/occasion-rules",
        {"key": "birthday", "points": 200, "texts": {"en": {"name": "Birthday gift"}}},
    )
    posted(shop, "/api/v1/slots", {"key": "home.hero", "title": "Hero"})
    return shop


@pytest.fixture
def mug(shop: DxpClient) -> dict[str, Any]:
    """A reward for 250 points, three pieces."""
    reward: dict[str, Any] = posted(
        shop,
        "/api/v1/loyalty/rewards",
        {"key": "mug", "cost": 250, "stock": 3, "texts": {"en": {"name": "A mug"}}},
    )
    return reward


@pytest.fixture
def grace(shop: DxpClient, clock: Any) -> dict[str, Any]:
    """A customer whose birthday is in forty days."""
    birthday = clock.now() + timedelta(days=40)
    customer: dict[str, Any] = posted(
        shop,
        "/api/v1/customers",
        {
            "ref": "C-1",
            "name": "Grace",
            "timezone": "Europe/Paris",
            "birthday": {"month": birthday.month, "day": birthday.day},
            "consents": [
                {"purpose": "birthday", "granted": True},
                {"purpose": "profiling", "granted": True},
            ],
        },
    )
    return customer


def buy(shop: DxpClient, order_id: str, total: str) -> list[dict[str, Any]]:
    event = {
        "id": order_id,
        "type": "order.placed",
        "subject": {"ref": "C-1"},
        "data": {"order_id": order_id, "total": total, "currency": "EUR"},
    }
    results: list[dict[str, Any]] = posted(shop, "/api/v1/events", {"events": [event]}, status=200)[
        "data"
    ]
    return results


def available(me: DxpClient) -> int:
    return sum(wallet["available"] for wallet in me.get("/api/v1/me/wallets").get_json())


def test_the_whole_story(
    client: DxpClient,
    shop: DxpClient,
    mug: dict[str, Any],
    grace: dict[str, Any],
    clock: Any,
    platform: Any,
    run_jobs: Any,
) -> None:
    """Each step leans on the one before it; figures are checked where they change."""
    # An order earns points, once, however often it is sent.
    assert buy(shop, "o-1", "75.00")[0]["status"] == "accepted"
    assert buy(shop, "o-1", "75.00")[0]["status"] == "duplicate"
    run_jobs()
    tokens = posted(shop, "/api/v1/auth/customer-tokens", {"customer": {"ref": "C-1"}})
    me = client.as_anyone()
    me.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {tokens['access_token']}"
    assert available(me) == 150

    # The timeline shows both.
    timeline = shop.get(f"/api/v1/customers/{grace['id']}/timeline").get_json()["data"]
    types = [item["type"] for item in timeline]
    assert "order.placed" in types
    assert "loyalty.points_earned" in types

    # Before the birthday there is no gift, and the customer is told why not yet.
    platform.jobs.tick()
    run_jobs()
    gifts = me.get("/api/v1/me/occasions").get_json()
    assert [gift["claimable"] for gift in gifts] in ([], [False])

    # On the birthday the scheduled job grants it, once, however often it runs.
    clock.set(clock.now() + timedelta(days=40))
    for _worker in range(3):
        platform.jobs.tick()
        run_jobs()
    me = client.as_customer(me_id(grace))
    [gift] = [gift for gift in me.get("/api/v1/me/occasions").get_json() if gift["claimable"]]
    assert gift["points"] == 200
    claims = [
        posted(me, f"/api/v1/me/occasions/{gift['id']}/claim", {}, status=200, Idempotency_Key="c1")
        for _again in range(2)
    ]
    assert claims[0] == claims[1]
    assert available(me) == 350

    # Points become a mug: authorise, capture; repeating changes nothing.
    holds = [
        posted(me, "/api/v1/redemptions", {"reward_id": mug["id"]}, Idempotency_Key="r1")
        for _again in range(2)
    ]
    assert holds[0] == holds[1]
    captured = [
        posted(
            me,
            f"/api/v1/redemptions/{holds[0]['id']}/capture",
            {},
            status=200,
            Idempotency_Key="r1-capture",
        )
        for _again in range(2)
    ]
    assert captured[0] == captured[1]
    assert captured[0]["status"] == "captured"
    assert available(me) == 100
    broke = me.post(
        "/api/v1/redemptions",
        json={"reward_id": mug["id"]},
        headers={"Idempotency-Key": "r2"},
    )
    assert broke.status_code == 422
    assert broke.get_json()["code"] == "insufficient_points"


def test_the_hero_differs_for_who_has_a_gift_and_says_why(
    client: DxpClient,
    shop: DxpClient,
    grace: dict[str, Any],
    clock: Any,
    platform: Any,
    run_jobs: Any,
) -> None:
    ids = publish_banners(platform)
    for key, more in (
        ("welcome", {"fallback": True}),
        ("birthday", {"tags": ["birthday-gift"], "condition": {"loyalty.has_birthday_gift": True}}),
    ):
        answer = shop.put(
            f"/api/v1/slots/home.hero/candidates/{key}", json={"content_id": ids[key], **more}
        )
        assert answer.status_code == 200, answer.get_data(as_text=True)
    clock.set(clock.now() + timedelta(days=40))
    platform.jobs.tick()
    run_jobs()

    def hero(subject: dict[str, Any]) -> dict[str, Any]:
        question = {"subject": subject, "slots": [{"key": "home.hero"}], "explain": True}
        decision: dict[str, Any] = posted(shop, "/api/v1/decide", question, status=200)[
            "decisions"
        ][0]
        return decision

    stranger, known = hero({"anonymous_id": "browser-1"}), hero({"ref": "C-1"})
    assert stranger["items"][0]["candidate"] == "welcome"
    assert stranger["source"] == "fallback"
    assert known["items"][0]["candidate"] == "birthday"
    assert known["items"][0]["content"]["headline"] == "birthday"
    assert known["source"] == "plugin:loyalty"
    assert any(step["stage"] == "proposal" and step["result"] for step in known["why"])
    withdrawn = shop.put(
        f"/api/v1/customers/{grace['id']}/consents/profiling", json={"granted": False}
    )
    assert withdrawn.status_code == 200
    assert hero({"ref": "C-1"})["items"][0]["candidate"] == "welcome"


def test_a_storefront_reads_an_article_once_and_then_its_validator(
    client: DxpClient, platform: Any
) -> None:
    publish_article(platform)
    reader = client.as_key("content.read")
    first = reader.get("/api/v1/content/article/hello")
    assert first.status_code == 200
    assert first.get_json()["body"]["html"] == "<p>Hello, world.</p>"
    again = reader.get(
        "/api/v1/content/article/hello", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert again.status_code == 304
    assert again.get_data() == b""


def me_id(customer: dict[str, Any]) -> Any:
    import uuid

    return uuid.UUID(customer["id"])


def publish_banners(platform: Any) -> dict[str, str]:
    return {
        key: publish(platform, "banner", {"headline": key, "slug": key})
        for key in ("welcome", "birthday")
    }


def publish_article(platform: Any) -> str:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "Hello, world."}]}
    body = {"type": "doc", "content": [paragraph]}
    return publish(platform, "article", {"title": "Hello", "slug": "hello", "body": body})


def publish(platform: Any, type_name: str, values: dict[str, Any]) -> str:
    from dxp.api import SystemActor
    from dxp_cms.services import Cms

    cms = platform.services.get(Cms)
    actor = SystemActor()
    with platform.db.write() as session:
        saved = cms.drafts.create(
            session, actor, type_name=type_name, document={"shared": {}, "locales": {"en": values}}
        )
        cms.publishing.publish(session, actor, entry_id=saved.entry.id, locale="en")
    return str(saved.entry.id)
