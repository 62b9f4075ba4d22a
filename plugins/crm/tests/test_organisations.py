"""Organisations: their fields, their people, and the timeline of those."""

from __future__ import annotations

from typing import Any

import pytest

from dxp.testing.client import DxpClient
from dxp.testing.queries import count_queries


@pytest.fixture
def north(key: DxpClient) -> dict[str, Any]:
    """An organisation, as the API answers it."""
    answer = key.post(
        "/api/v1/organisations",
        json={"name": "North Roasters", "number": "O-1", "country": "NO", "tags": ["b2b"]},
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def test_an_organisation_is_found_by_number_name_and_tag(
    key: DxpClient, north: dict[str, Any]
) -> None:
    key.post("/api/v1/organisations", json={"name": "South", "number": "O-2"})
    for query in ("filter[number]=O-1", "filter[q]=roast", "filter[tag]=b2b"):
        answer = key.get(f"/api/v1/organisations?{query}")
        assert [item["id"] for item in answer.get_json()["data"]] == [north["id"]], query


def test_a_number_is_given_once(key: DxpClient, north: dict[str, Any]) -> None:
    answer = key.post("/api/v1/organisations", json={"name": "Other", "number": "O-1"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "organisation_exists")


def test_a_change_needs_the_version_it_was_made_upon(key: DxpClient, north: dict[str, Any]) -> None:
    url = f"/api/v1/organisations/{north['id']}"
    changed = key.patch(url, json={"country": None}, headers={"If-Match": '"v1"'})
    assert (changed.get_json()["country"], changed.get_json()["tags"]) == (None, ["b2b"])
    assert key.patch(url, json={"name": "X"}, headers={"If-Match": '"v1"'}).status_code == 412


def test_own_fields_of_organisations_are_apart_from_those_of_customers(
    client: DxpClient, key: DxpClient
) -> None:
    manager = client.as_key("crm.fields.manage")
    manager.post(
        "/api/v1/fields",
        json={"record": "organisation", "key": "vat", "type": "text", "labels": {"en": "VAT"}},
    )
    made = key.post("/api/v1/organisations", json={"name": "X", "fields": {"vat": "NO1"}})
    assert made.get_json()["fields"] == {"vat": "NO1"}
    refused = key.post("/api/v1/customers", json={"fields": {"vat": "NO1"}})
    assert refused.get_json()["code"] == "invalid_fields"
    found = key.get("/api/v1/organisations?filter[field.vat]=NO1").get_json()["data"]
    assert [item["name"] for item in found] == ["X"]


def test_people_join_change_roles_and_leave(
    key: DxpClient, north: dict[str, Any], grace: dict[str, Any]
) -> None:
    url = f"/api/v1/organisations/{north['id']}/members"
    for role in ("buyer", "owner"):
        assert key.put(f"{url}/{grace['id']}", json={"role": role}).status_code == 200
    members = key.get(url).get_json()["data"]
    assert [(item["customer_id"], item["role"]) for item in members] == [(grace["id"], "owner")]
    timeline = key.get(f"/api/v1/organisations/{north['id']}/timeline").get_json()["data"]
    assert timeline[0]["type"] == "crm.organisation_joined"
    assert "North Roasters" in timeline[0]["summary"]
    for _again in range(2):
        assert key.delete(f"{url}/{grace['id']}").status_code == 204
    assert key.get(url).get_json()["data"] == []
    own = key.get(f"/api/v1/customers/{grace['id']}/timeline").get_json()["data"]
    assert [item["type"] for item in own].count("crm.organisation_left") == 1


def test_a_deleted_organisation_leaves_its_people(
    key: DxpClient, north: dict[str, Any], grace: dict[str, Any]
) -> None:
    url = f"/api/v1/organisations/{north['id']}"
    key.put(f"{url}/members/{grace['id']}", json={})
    assert key.delete(url).status_code == 204
    assert key.get(url).get_json()["code"] == "unknown_organisation"
    assert key.get(f"/api/v1/customers/{grace['id']}").status_code == 200
    assert key.get("/api/v1/tags").get_json()[0]["organisations"] == 0


def test_the_list_takes_a_constant_number_of_queries(key: DxpClient) -> None:
    counts = []
    for number in range(3):
        key.post("/api/v1/organisations", json={"name": f"N {number}", "tags": ["t"]})
        with count_queries(key.platform) as queries:
            key.get("/api/v1/organisations")
        counts.append(queries.count)
    assert len(set(counts)) == 1
