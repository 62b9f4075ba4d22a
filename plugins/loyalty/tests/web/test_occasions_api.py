"""Occasions over the API: rules of every kind, and the days that they name."""

from __future__ import annotations

from typing import Any

import pytest

URL = "/api/v1/loyalty"
NOWRUZ = {
    "key": "nowruz",
    "texts": {"en": {"name": "Nowruz"}, "fa": {"name": "نوروز"}},
    "patterns": {"*": {"calendar": "jalali", "month": 1, "day": 1}},
}
GIFT = {"key": "nowruz", "kind": "calendar", "points": 50, "texts": {"en": {"name": "Gift"}}}


@pytest.fixture
def server(client: Any) -> Any:
    """A server with all scopes of occasions."""
    return client.as_key("loyalty.occasions.read", "loyalty.occasions.write")


def test_a_day_is_kept_changed_with_its_etag_used_and_let_go(server: Any) -> None:
    made = server.post(f"{URL}/occasion-days", json=NOWRUZ)
    assert made.status_code == 201
    day = made.json
    assert day["patterns"]["*"]["month"] == 1
    url = made.headers["Location"]
    assert server.get(url).headers["ETag"] == made.headers["ETag"]
    change = {k: v for k, v in NOWRUZ.items() if k != "key"}
    change["patterns"] = {"*": {**NOWRUZ["patterns"]["*"], "dates": {"1406": "2027-03-22"}}}
    etag = {"If-Match": made.headers["ETag"]}
    assert server.put(url, json=change, headers=etag).json["version"] == 2
    assert server.put(url, json=change, headers=etag).status_code == 412
    rule = server.post(f"{URL}/occasion-rules", json={**GIFT, "day_id": day["id"]})
    assert rule.status_code == 201
    assert rule.json["kind"] == "calendar"
    assert server.delete(url).json["code"] == "occasion_day_used"
    other = server.post(f"{URL}/occasion-days", json={**NOWRUZ, "key": "yalda"})
    assert server.delete(other.headers["Location"]).status_code == 204
    assert [item["key"] for item in server.get(f"{URL}/occasion-days").json["data"]] == ["nowruz"]


@pytest.mark.parametrize(
    ("patterns", "code"),
    [
        ({}, "invalid_body"),
        ({"*": {"month": 1}}, "invalid_day"),
        ({"*": {"month": 1, "day": 31, "calendar": "hijri_umalqura"}}, "invalid_day"),
        ({"Iran": {"month": 1, "day": 1, "calendar": "jalali"}}, "invalid_day"),
        ({"*": {"month": 1, "day": 1, "calendar": "mayan"}}, "invalid_body"),
    ],
)
def test_what_is_no_day_is_refused(server: Any, patterns: dict[str, Any], code: str) -> None:
    refused = server.post(f"{URL}/occasion-days", json={**NOWRUZ, "patterns": patterns})
    assert (refused.status_code, refused.json["code"]) == (422, code)


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({}, 422, "day_mismatch"),
        ({"kind": "signup", "condition": {"$no": 1}}, 422, "invalid_condition"),
        ({"day_id": "0198c5e4-0000-7000-8000-000000000001"}, 404, "unknown_occasion_day"),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    server: Any, values: dict[str, Any], status: int, code: str
) -> None:
    refused = server.post(f"{URL}/occasion-rules", json={**GIFT, **values})
    assert (refused.status_code, refused.json["code"]) == (status, code)
