"""Every use of a person's data for a purpose asks the ledger anew: a withdrawal in one process
works with the next request in any other. A new use gets a test here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dxp.platform import Platform
from dxp.plugins.contexts import FactsContext
from dxp.plugins.spec import Plugin
from dxp.testing import staff_actor
from dxp.testing.client import DxpClient, client_of
from dxp.testing.plugin import MakeApp
from dxp_crm.services import Crm
from dxp_loyalty.jobs import birthday_run
from tests.across.scopes import all_scopes

STAFF = staff_actor("*")


@pytest.fixture
def other(make_app: MakeApp, platform: Platform) -> DxpClient:
    """Another process with the same database."""
    return client_of(make_app(database=platform.settings.database.url))


@pytest.fixture
def key(client: DxpClient) -> DxpClient:
    return all_scopes(client)


@pytest.fixture
def grace(key: DxpClient) -> uuid.UUID:
    """A child who consents to everything, with a birthday in some days."""
    day = key.platform.clock.now().date() + timedelta(days=1)
    granted = [
        {"purpose": purpose, "granted": True, "channel": "web", "text_version": "7", "proof": "f1"}
        for purpose in ("profiling", "birthday", "marketing", "guardian")
    ]
    body = {
        "ref": "grace",
        "email": "grace@example.com",
        "birthday": {"month": day.month, "day": min(day.day, 28), "year": day.year - 9},
        "consents": granted,
    }
    answer = key.post("/api/v1/customers", json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return uuid.UUID(answer.get_json()["id"])


def withdraw(key: DxpClient, person: uuid.UUID, purpose: str) -> None:
    body = {"granted": False, "channel": "phone", "text_version": "8", "proof": "call 12"}
    answer = key.put(f"/api/v1/customers/{person}/consents/{purpose}", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)


def personalised(other: DxpClient, person: uuid.UUID) -> bool:
    """Selection by what is known of somebody."""
    all_scopes(other).post("/api/v1/slots", json={"key": "home", "title": "Home"})
    body = {"subject": {"id": str(person)}, "slots": [{"key": "home"}]}
    answer = all_scopes(other).post("/api/v1/decide", json=body).get_json()
    return bool(answer["decisions"][0]["personalised"])


def facts_of(other: DxpClient, person: uuid.UUID) -> dict[str, Any]:
    platform = other.platform
    with platform.db.read() as session:
        context = FactsContext(
            session=session, platform=platform, subject_ids=[person], now=platform.clock.now()
        )
        found: dict[str, Any] = {}
        for answer in platform.plugins.call(Plugin.facts, context):
            found |= answer.value.get(person, {})
    return found


def birthday_in_conditions(other: DxpClient, person: uuid.UUID) -> bool:
    """Facts that conditions of content, gates and rules see."""
    return facts_of(other, person)["crm.birthday"] is not None


def days_to_birthday(other: DxpClient, person: uuid.UUID) -> bool:
    return facts_of(other, person).get("loyalty.birthday_in_days") is not None


def consents_in_conditions(other: DxpClient, person: uuid.UUID) -> bool:
    """By which a segment for a newsletter keeps to those who want it."""
    return "marketing" in facts_of(other, person)["crm.consents"]


def birthday_in_counts(other: DxpClient, person: uuid.UUID) -> bool:
    """Conditions that the database answers: previews of segments, saved views."""
    crm, platform = other.platform.services.get(Crm), other.platform
    condition = {"crm.birthday": {"$exists": True}}
    with platform.db.read() as session:
        found = crm.segments.looking.preview(session, condition)
    return bool(found.count)


def message(other: DxpClient, person: uuid.UUID) -> bool:
    """A marketing e-mail."""
    body = {"purpose": "marketing", "title": "Hi", "text": "New teas"}
    answer = all_scopes(other).post(f"/api/v1/customers/{person}/messages", json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return bool(answer.get_json()["status"] == "sent")


def gift(other: DxpClient, person: uuid.UUID) -> bool:
    """A birthday gift, for a child with a guardian's consent."""
    rule = {
        "key": "gift",
        "texts": {"en": {"name": "Gift"}},
        "points": 100,
        "days_before": 3,
        "late_policy": "immediate",
        "minimum_age": 18,
    }
    all_scopes(other).post("/api/v1/loyalty/occasion-rules", json=rule)
    birthday_run(other.platform)
    gifts = other.as_customer(person).get("/api/v1/me/occasions").get_json()
    return any(item["claimable"] for item in gifts)


USES: list[tuple[str, Callable[[DxpClient, uuid.UUID], bool]]] = [
    ("profiling", personalised),
    ("birthday", birthday_in_conditions),
    ("birthday", days_to_birthday),
    ("birthday", birthday_in_counts),
    ("marketing", consents_in_conditions),
    ("marketing", message),
]


@pytest.mark.parametrize(("purpose", "use"), USES)
def test_a_withdrawal_works_with_the_next_request_in_every_process(
    purpose: str,
    use: Callable[[DxpClient, uuid.UUID], bool],
    key: DxpClient,
    other: DxpClient,
    grace: uuid.UUID,
) -> None:
    """What the other process found before, it finds no more."""
    assert use(other, grace) is True
    withdraw(key, grace, purpose)
    assert use(other, grace) is False


@pytest.mark.parametrize("purpose", ["birthday", "guardian"])
def test_no_gift_without_consent(
    purpose: str, key: DxpClient, other: DxpClient, grace: uuid.UUID
) -> None:
    """A gift is given once, so that withdrawing is tried before."""
    withdraw(key, grace, purpose)
    assert gift(other, grace) is False
    body = {"granted": True, "channel": "web"}
    key.put(f"/api/v1/customers/{grace}/consents/{purpose}", json=body)
    assert gift(other, grace) is True


def test_a_segment_for_a_newsletter_loses_who_withdraws(
    key: DxpClient, other: DxpClient, grace: uuid.UUID, run_jobs: Any
) -> None:
    """Stored membership changes with the withdrawal itself, not with a job."""
    body = {
        "key": "readers",
        "names": {"en": "Readers"},
        "condition": {"crm.consents": {"$in": ["marketing"]}},
        "status": "active",
    }
    assert key.post("/api/v1/segments", json=body).status_code == 201
    run_jobs()
    url = f"/api/v1/customers/{grace}/segments"
    assert "readers" in all_scopes(other).get(url).get_data(as_text=True)
    withdraw(key, grace, "marketing")
    assert "readers" not in all_scopes(other).get(url).get_data(as_text=True)


def test_the_ledger_tells_channel_text_and_proof_of_every_word(
    key: DxpClient, client: DxpClient, grace: uuid.UUID
) -> None:
    """In the API, in the admin, and in the customer's own copy."""
    withdraw(key, grace, "marketing")
    found = {
        word["purpose"]: word
        for word in client.as_customer(grace).get("/api/v1/me/consents").get_json()
    }
    assert (found["marketing"]["channel"], found["marketing"]["text_version"]) == ("phone", "8")
    assert found["marketing"]["proof"] == "call 12"
    page = client.as_staff("*").get(f"/admin/crm/customers/{grace}/consents").get_data(as_text=True)
    for text in ("web", "phone", "7", "8", "f1", "call 12"):
        assert text in page
