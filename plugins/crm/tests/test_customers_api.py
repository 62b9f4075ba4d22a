"""Customers through the JSON API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dxp.testing.client import DxpClient


def test_a_registered_customer_is_read_back(key: DxpClient, grace: dict[str, Any]) -> None:
    answer = key.get(f"/api/v1/customers/{grace['id']}")
    assert answer.get_json() == grace
    assert grace["birthday"]["month"] == 12
    assert grace["birthday"]["calendar"] == "gregorian"


def test_registering_the_same_ref_twice_is_a_conflict(
    key: DxpClient, grace: dict[str, Any]
) -> None:
    answer = key.post("/api/v1/customers", json={"ref": "C-1"})
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "customer_exists"


def test_an_email_differing_in_case_only_is_the_same_customer(
    key: DxpClient, grace: dict[str, Any]
) -> None:
    answer = key.post("/api/v1/customers", json={"email": "GRACE@example.com"})
    assert answer.status_code == 409


def test_a_refused_registration_leaves_nothing_behind(key: DxpClient, events: Any) -> None:
    answer = key.post("/api/v1/customers", json={"ref": "C-2", "birthday": {"month": 2, "day": 30}})
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "invalid_birthday"
    assert key.get("/api/v1/customers?filter[ref]=C-2").get_json()["data"] == []
    assert key.post("/api/v1/customers", json={"ref": "C-2"}).status_code == 201


@pytest.mark.parametrize(
    ("birthday", "accepted"),
    [
        ({"month": 2, "day": 29}, True),
        ({"month": 2, "day": 29, "year": 2001}, False),
        ({"month": 2, "day": 29, "year": 2004}, True),
        ({"month": 12, "day": 30, "calendar": "jalali"}, True),
        ({"month": 12, "day": 31, "calendar": "jalali"}, False),
        ({"month": 9, "day": 30, "calendar": "hijri_umalqura"}, True),
        ({"month": 1, "day": 1, "year": 1800}, False),
        ({"month": 1, "day": 1, "year": 2999}, False),
        ({"month": 13, "day": 1}, False),
    ],
)
def test_only_dates_of_their_calendar_are_birthdays(
    key: DxpClient, birthday: dict[str, Any], accepted: bool
) -> None:
    answer = key.post("/api/v1/customers", json={"birthday": birthday})
    assert (answer.status_code == 201) is accepted, answer.get_json()


def test_a_change_needs_the_version_it_began_from(key: DxpClient, grace: dict[str, Any]) -> None:
    url = f"/api/v1/customers/{grace['id']}"
    assert key.patch(url, json={"name": "G."}).status_code == 428
    etag = key.get(url).headers["ETag"]
    first = key.patch(url, json={"name": "Grace M."}, headers={"If-Match": etag})
    assert first.status_code == 200
    assert first.get_json()["email"] == "grace@example.com"
    stale = key.patch(url, json={"name": "Other"}, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert key.get(url).get_json()["name"] == "Grace M."


def test_the_list_is_filtered_and_paged(key: DxpClient) -> None:
    for number in range(5):
        key.post("/api/v1/customers", json={"ref": f"R-{number}"})
    seen: list[str] = []
    url = "/api/v1/customers?limit=2"
    while url:
        body = key.get(url).get_json()
        seen += [item["ref"] for item in body["data"]]
        cursor = body["page"]["next"]
        url = f"/api/v1/customers?limit=2&cursor={cursor}" if cursor else ""
    assert sorted(seen) == [f"R-{number}" for number in range(5)]
    found = key.get("/api/v1/customers?filter[ref]=R-3").get_json()["data"]
    assert [item["ref"] for item in found] == ["R-3"]


def test_a_consent_counts_from_its_withdrawal_no_more(
    key: DxpClient, grace: dict[str, Any], platform: Any
) -> None:
    from dxp.contracts import Consents

    subject_id = uuid.UUID(grace["id"])
    consents = platform.services.get(Consents)
    with platform.db.read() as session:
        assert consents.granted(session, subject_id, "birthday")
        assert not consents.granted(session, subject_id, "marketing")
    answer = key.put(
        f"/api/v1/customers/{grace['id']}/consents/birthday",
        json={"granted": False, "channel": "phone"},
    )
    assert answer.status_code == 200
    with platform.db.read() as session:
        assert not consents.granted(session, subject_id, "birthday")
        assert consents.granted_many(session, [subject_id], "birthday") == set()


def test_the_timeline_shows_the_registration_and_an_order(
    key: DxpClient, grace: dict[str, Any]
) -> None:
    sent = key.post(
        "/api/v1/events",
        json={
            "events": [
                {
                    "id": "o-1",
                    "type": "order.placed",
                    "subject": {"ref": "C-1"},
                    "data": {"order_id": "o-1", "total": "12.50", "currency": "EUR"},
                }
            ]
        },
    )
    assert sent.status_code == 200, sent.get_json()
    url = f"/api/v1/customers/{grace['id']}/timeline"
    types = [item["type"] for item in key.get(url).get_json()["data"]]
    assert set(types) == {
        "customer.registered",
        "consent.changed",
        "customer.birthday_changed",
        "order.placed",
    }
    only = key.get(f"{url}?filter[type]=order.placed").get_json()["data"]
    assert [item["data"]["total"] for item in only] == ["12.5000"]


def test_an_unknown_customer_is_404(key: DxpClient) -> None:
    for path in ("", "/timeline", "/consents"):
        answer = key.get(f"/api/v1/customers/{uuid.uuid4()}{path}")
        assert answer.status_code == 404
        assert answer.get_json()["code"] == "unknown_customer"


def test_customers_correct_their_birthday_once(
    client: DxpClient, key: DxpClient, grace: dict[str, Any]
) -> None:
    me = client.as_customer(uuid.UUID(grace["id"]))
    assert me.put("/api/v1/me/birthday", json={"month": 12, "day": 10}).status_code == 200
    again = me.put("/api/v1/me/birthday", json={"month": 12, "day": 11})
    assert again.status_code == 403
    assert again.get_json()["code"] == "birthday_locked"
    by_staff = key.put(f"/api/v1/customers/{grace['id']}/birthday", json={"month": 12, "day": 11})
    assert by_staff.status_code == 200


def test_one_customer_cannot_read_another(client: DxpClient, grace: dict[str, Any]) -> None:
    other = client.as_customer()
    assert other.get(f"/api/v1/customers/{grace['id']}").status_code == 403
    assert other.get("/api/v1/me/profile").status_code == 404


def test_a_key_without_the_scope_is_refused_and_writes_nothing(
    client: DxpClient, key: DxpClient
) -> None:
    reader = client.as_key("crm.customers.read")
    answer = reader.post("/api/v1/customers", json={"ref": "X"})
    assert answer.status_code == 403
    assert key.get("/api/v1/customers").get_json()["data"] == []


def test_contradictory_words_on_one_purpose_are_refused_and_nothing_is_written(
    key: DxpClient,
) -> None:
    words = [{"purpose": "birthday", "granted": granted} for granted in (True, True, False)]
    body = {"ref": "C-9", "consents": words}
    answer = key.post("/api/v1/customers", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "contradictory_consents")
    assert answer.get_json()["errors"][0]["pointer"] == "/consents/2/granted"
    body["consents"] = words[:2]
    assert key.post("/api/v1/customers", json=body).status_code == 201
