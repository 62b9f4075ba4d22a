"""Segments through the JSON API."""

from __future__ import annotations

from typing import Any

import pytest

from dxp.testing import DxpClient

FRENCH = {"key": "french", "names": {"en": "French"}, "condition": {"crm.country": "FR"}}


@pytest.fixture
def key(client: DxpClient) -> DxpClient:
    return client.as_key("crm.customers.read", "crm.customers.write", "crm.segments.manage")


@pytest.fixture
def people(key: DxpClient) -> list[dict[str, Any]]:
    """Three French customers and a German one."""
    found = []
    for number, country in enumerate(("FR", "FR", "DE", "FR")):
        answer = key.post("/api/v1/customers", json={"ref": f"C-{number}", "country": country})
        found.append(answer.get_json())
    return found


def test_a_segment_is_made_switched_on_and_listed_page_by_page(
    key: DxpClient, people: list[dict[str, Any]], run_jobs: Any
) -> None:
    made = key.post("/api/v1/segments", json=FRENCH | {"status": "active"})
    assert made.status_code == 201, made.get_json()
    assert made.get_json()["status"] == "building"
    run_jobs()
    assert key.get("/api/v1/segments/french").get_json()["size"] == 3
    refs, cursor = [], ""
    while cursor is not None:
        body = key.get(f"/api/v1/segments/french/members?limit=2{cursor}").get_json()
        refs += [row["ref"] for row in body["data"]]
        following = body["page"]["next"]
        cursor = f"&cursor={following}" if following else None
    assert refs == ["C-0", "C-1", "C-3"]
    mine = key.get(f"/api/v1/customers/{people[0]['id']}/segments").get_json()
    assert [row["key"] for row in mine] == ["french"]
    why = key.get(f"/api/v1/customers/{people[2]['id']}/segments/french").get_json()
    assert why["member"] is False
    assert why["findings"] == [
        {
            "fact": "crm.country",
            "operator": "$eq",
            "wanted": "FR",
            "actual": "DE",
            "state": "value",
            "result": False,
        }
    ]


def test_a_condition_is_tried_before_it_is_saved(
    key: DxpClient, people: list[dict[str, Any]]
) -> None:
    answer = key.post("/api/v1/segments/preview", json={"condition": {"crm.country": "FR"}})
    body = answer.get_json()
    assert (body["count"], body["exact"]) == (3, True)
    assert {row["ref"] for row in body["examples"]} == {"C-0", "C-1", "C-3"}
    assert key.get("/api/v1/segments").get_json()["data"] == []


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"crm.contry": 1}, "unknown_field"),
        ({"crm.country": {"$near": 1}}, "unknown_operator"),
        ({"crm.country": {"$regex": "(a+)+"}}, "invalid_operand"),
    ],
)
def test_a_faulty_condition_is_refused_with_its_place(
    key: DxpClient, condition: dict[str, Any], code: str
) -> None:
    answer = key.post("/api/v1/segments/preview", json={"condition": condition})
    assert answer.status_code == 422
    assert [fault["code"] for fault in answer.get_json()["errors"]] == [code]


def test_what_can_be_asked_is_told(key: DxpClient) -> None:
    body = key.get("/api/v1/segments/fields").get_json()
    kinds = {field["name"]: field["kind"] for field in body["fields"]}
    assert kinds["crm.country"] == "text"
    assert kinds["crm.birthday"] == "day"
    assert body["events"]["order.placed"]
    assert "crm.segment_entered" not in body["events"]


def test_a_change_needs_the_version_that_was_read(key: DxpClient, run_jobs: Any) -> None:
    etag = key.post("/api/v1/segments", json=FRENCH).headers["ETag"]
    url = "/api/v1/segments/french"
    assert key.patch(url, json={"status": "active"}).status_code == 428
    done = key.patch(url, json={"status": "active"}, headers={"If-Match": etag})
    assert done.get_json()["status"] == "building"
    assert key.patch(url, json={"status": "draft"}, headers={"If-Match": etag}).status_code == 412
    run_jobs()
    off = key.patch(url, json={"status": "draft"}, headers={"If-Match": done.headers["ETag"]})
    assert (off.get_json()["status"], off.get_json()["size"]) == ("draft", 0)


def test_a_list_takes_numbers_and_names_those_it_does_not_know(
    key: DxpClient, people: list[dict[str, Any]]
) -> None:
    body = {"key": "vip", "names": {"en": "VIP"}, "kind": "static"}
    assert key.post("/api/v1/segments", json=body).get_json()["status"] == "active"
    url = "/api/v1/segments/vip/members"
    done = key.post(url, json={"refs": ["C-0", "C-9"]}).get_json()
    assert done == {"changed": 1, "unknown": ["C-9"]}
    assert key.post(f"{url}/remove", json={"refs": ["C-0"]}).get_json()["changed"] == 1
    key.post("/api/v1/segments", json=FRENCH)
    refused = key.post("/api/v1/segments/french/members", json={"refs": ["C-0"]})
    assert refused.get_json()["code"] == "segment_not_static"


def test_a_segment_that_others_ask_about_stays(key: DxpClient) -> None:
    key.post("/api/v1/segments", json=FRENCH)
    rest = {"key": "rest", "names": {"en": "Rest"}, "condition": {"$not": {"$segment": "french"}}}
    assert key.post("/api/v1/segments", json=rest).status_code == 201
    assert key.delete("/api/v1/segments/french").get_json()["code"] == "segment_in_use"
    assert key.delete("/api/v1/segments/rest").status_code == 204
    assert key.delete("/api/v1/segments/french").status_code == 204
    assert key.get("/api/v1/segments/french").status_code == 404
    assert key.post("/api/v1/segments", json=FRENCH).status_code == 201
    assert key.post("/api/v1/segments", json=FRENCH).get_json()["code"] == "segment_exists"


def test_readers_change_nothing(client: DxpClient) -> None:
    reader = client.as_key("crm.customers.read")
    assert reader.post("/api/v1/segments", json=FRENCH).status_code == 403
    assert reader.get("/api/v1/segments").status_code == 200
