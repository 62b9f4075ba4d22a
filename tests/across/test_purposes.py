"""Consent: what may be asked, and that a withdrawal works with the very next request."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dxp.contracts import Purpose
from dxp.errors import ConfigurationError
from dxp.platform import Platform
from dxp.privacy import Purposes
from dxp.testing.client import DxpClient
from dxp_loyalty.jobs import birthday_run


@pytest.fixture
def key(client: DxpClient) -> DxpClient:
    return client.as_key(*(scope.name for scope in client.platform.accounts.permissions.scopes()))


@pytest.fixture
def grace(key: DxpClient, clock: Any) -> uuid.UUID:
    words = [{"purpose": name, "granted": True} for name in ("birthday", "profiling")]
    birthday = {"month": 4, "day": 1, "year": 1980}
    body = {"ref": "C-1", "name": "Grace", "consents": words, "birthday": birthday}
    answer = key.post("/api/v1/customers", json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return uuid.UUID(answer.get_json()["id"])


def withdraw(key: DxpClient, subject_id: uuid.UUID, purpose: str) -> None:
    url = f"/api/v1/customers/{subject_id}/consents/{purpose}"
    assert key.put(url, json={"granted": False, "channel": "web"}).status_code == 200


def test_every_purpose_is_declared_by_the_plugin_that_uses_it(platform: Platform) -> None:
    known = {purpose.key for purpose in platform.privacy.purposes.all()}
    assert {"birthday", "profiling", "marketing", "guardian"} <= known


def test_a_purpose_that_nobody_declares_is_refused(key: DxpClient, grace: uuid.UUID) -> None:
    """Granting it and withdrawing it: a misspelt withdrawal must not seem to work."""
    for granted in (True, False):
        answer = key.put(
            f"/api/v1/customers/{grace}/consents/profilng",
            json={"granted": granted, "channel": "web"},
        )
        assert answer.status_code == 422
        assert answer.get_json()["code"] == "invalid_purpose"
        assert "profiling" in answer.get_json()["detail"]


def test_two_plugins_cannot_declare_one_purpose() -> None:
    purposes = Purposes()
    purpose = Purpose(key="birthday", label="Gifts", description="Gifts.")
    purposes.declare([purpose], plugin="one")
    with pytest.raises(ConfigurationError, match="'birthday' is declared by 'one' and by 'two'"):
        purposes.declare([purpose], plugin="two")


def test_a_withdrawn_profile_is_not_used_by_the_next_request(
    key: DxpClient, grace: uuid.UUID
) -> None:
    """Personalization asks the ledger each time; nothing is remembered."""
    assert key.post("/api/v1/slots", json={"key": "home", "title": "Home"}).status_code == 201
    question = {"subject": {"id": str(grace)}, "slots": [{"key": "home"}]}

    def personalised() -> Any:
        [decision] = key.post("/api/v1/decide", json=question).get_json()["decisions"]
        return decision["personalised"]

    assert personalised() is True
    withdraw(key, grace, "profiling")
    assert personalised() is False


def test_a_withdrawn_birthday_earns_no_gift(
    key: DxpClient, grace: uuid.UUID, platform: Platform, clock: Any, run_jobs: Any, events: Any
) -> None:
    """Although the gift was planned, and the withdrawal comes a moment before it is due."""
    rule = {
        "key": "gift",
        "texts": {"en": {"name": "Gift"}},
        "points": 100,
        "late_policy": "immediate",
    }
    answer = key.post("/api/v1/loyalty/occasion-rules", json=rule)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    run_jobs()
    birthday_run(platform)
    clock.advance(days=21)
    withdraw(key, grace, "birthday")
    clock.advance(days=2)
    birthday_run(platform)
    assert "loyalty.birthday_gift_issued" not in events.types
    granted = f"/api/v1/customers/{grace}/consents/birthday"
    key.put(granted, json={"granted": True, "channel": "web"})
    run_jobs()
    birthday_run(platform)
    assert "loyalty.birthday_gift_issued" in events.types


def test_storefronts_learn_what_can_be_consented_to(key: DxpClient, client: DxpClient) -> None:
    """With the words to show, as the declaring plugin has them."""
    found = {item["key"]: item for item in key.get("/api/v1/consent-purposes").get_json()}
    assert found["birthday"]["label"] == "Birthday gifts"
    assert client.as_customer().get("/api/v1/consent-purposes").status_code == 200


def test_staff_read_every_word_of_a_customer(
    key: DxpClient, client: DxpClient, grace: uuid.UUID
) -> None:
    """With channel and proof, also those that count no more."""
    body = {"granted": False, "channel": "letter", "proof": "scan 17"}
    assert key.put(f"/api/v1/customers/{grace}/consents/birthday", json=body).status_code == 200
    staff = client.as_staff("crm.customers.read")
    page = staff.get(f"/admin/crm/customers/{grace}/consents").get_data(as_text=True)
    for text in ("Birthday gifts", "Granted", "Withdrawn", "letter", "scan 17"):
        assert text in page
