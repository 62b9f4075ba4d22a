"""A key that lies open in a page opens little, and to pages of its own sites alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask

from dxp.api import Platform
from dxp.contracts import PageViewed
from dxp.testing import SYSTEM, DxpClient, make_subject

Check = Callable[..., Any]
EVENTS = "/api/v1/events"
SITE = "https://shop.example"
PREFLIGHT = {"Origin": SITE, "Access-Control-Request-Method": "POST"}


@pytest.fixture
def page(client: DxpClient) -> DxpClient:
    return client.as_browser("events.write", origin=SITE)


def view(number: int = 1, **values: Any) -> dict[str, Any]:
    return {"id": f"view-{number}", "type": "page.viewed", "data": {"path": "/tea"}} | values


def send(client: DxpClient, *events: Mapping[str, Any], **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = client.post(EVENTS, json={"events": events}, headers=named)
    assert response.status_code == 200, response.get_json()
    return response.get_json()["data"]


def test_a_page_tells_what_an_anonymous_visitor_does(page: DxpClient, events: Any) -> None:
    (result,) = send(page, view(subject={"anonymous_id": "b-1"}))
    assert result["status"] == "accepted"
    (written,) = events.all(PageViewed)
    assert written.source == "browser"
    assert written.subject_id is not None


def test_a_page_of_another_site_is_refused(page: DxpClient, check_problem: Check) -> None:
    for origin in ("https://evil.example", f"{SITE}.evil.example", "http://shop.example", "null"):
        response = page.post(EVENTS, json={"events": [view()]}, headers={"Origin": origin})
        check_problem(response, 403, "origin_not_allowed")
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_request_without_an_origin_is_refused(page: DxpClient, check_problem: Check) -> None:
    del page.environ_base["HTTP_ORIGIN"]
    check_problem(page.post(EVENTS, json={"events": [view()]}), 403, "origin_not_allowed")


def test_the_page_can_read_answers_and_refusals(page: DxpClient) -> None:
    for body in ({"events": [view()]}, {"events": []}):
        response = page.post(EVENTS, json=body)
        assert response.headers["Access-Control-Allow-Origin"] == SITE
        assert "Origin" in response.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_servers_key_answers_no_page(client: DxpClient) -> None:
    shop = client.as_key("events.write")
    response = shop.post(EVENTS, json={"events": [view()]}, headers={"Origin": SITE})
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_preflight_is_answered_for_the_sites_of_keys(page: DxpClient, client: DxpClient) -> None:
    answer = client.options(EVENTS, headers=PREFLIGHT)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (EVENTS, PREFLIGHT | {"Origin": "https://evil.example"}),
        (EVENTS, {"Origin": SITE}),
        ("/api/v1/me", PREFLIGHT),
        ("/api/v1/nothing", PREFLIGHT),
        ("/admin/keys/", PREFLIGHT),
    ],
)
def test_other_preflights_get_no_leave(
    path: str, headers: dict[str, str], page: DxpClient, client: DxpClient
) -> None:
    answer = client.options(path, headers=headers)
    assert not [name for name, _value in answer.headers if name.startswith("Access-Control")]


def test_a_revoked_keys_site_gets_no_leave(client: DxpClient, platform: Platform) -> None:
    with platform.db.write() as session:
        made = platform.accounts.keys.create(
            session, SYSTEM, name="page", scopes=["events.write"], origins=[SITE]
        )
    assert "Access-Control-Allow-Origin" in client.options(EVENTS, headers=PREFLIGHT).headers
    with platform.db.write() as session:
        platform.accounts.keys.revoke(session, SYSTEM, made.key.id)
    assert "Access-Control-Allow-Origin" not in client.options(EVENTS, headers=PREFLIGHT).headers


def test_a_page_sends_no_orders(page: DxpClient, client: DxpClient, events: Any) -> None:
    order = {"order_id": "1", "total": "9999", "currency": "EUR"}
    refused, known = send(page, view(1, type="order.placed", data=order), view(2))
    assert (refused["status"], refused["code"]) == ("error", "event_type_not_open")
    assert known["status"] == "accepted"
    assert client.get("/api/problems/event_type_not_open").status_code == 200
    assert events.types == ["page.viewed"]


def test_a_page_names_nobody_by_id_or_ref(page: DxpClient, platform: Platform, events: Any) -> None:
    subject = make_subject(platform, ref="C-1")
    results = send(
        page, view(1, subject={"id": str(subject)}), view(2, subject={"ref": "C-1"}), view(3)
    )
    assert [item["code"] for item in results] == ["subject_not_trusted"] * 2 + [None]
    assert [event.subject_id for event in events.all()] == [None]


def test_a_customers_token_speaks_for_that_customer(
    page: DxpClient, platform: Platform, events: Any
) -> None:
    ada, bob = make_subject(platform), make_subject(platform)
    with platform.db.write() as session:
        token = platform.accounts.customer_tokens.issue(session, ada).access_token
    results = send(
        page,
        view(1),
        view(2, subject={"id": str(ada)}),
        view(3, subject={"id": str(bob)}),
        X_Customer_Token=token,
    )
    assert [item["code"] for item in results] == [None, None, "subject_not_trusted"]
    assert [event.subject_id for event in events.all()] == [ada, ada]


def test_a_false_customers_token_is_refused(page: DxpClient, check_problem: Check) -> None:
    sent = {"X-Customer-Token": "made-up"}
    response = page.post(EVENTS, json={"events": [view()]}, headers=sent)
    check_problem(response, 401, "token_invalid")


def test_a_page_takes_no_id_from_a_servers_events(page: DxpClient, client: DxpClient) -> None:
    send(page, view(1, source="api"))
    (result,) = send(client.as_key("events.write"), view(1))
    assert result["status"] == "accepted"


def test_a_browsers_key_opens_nothing_else(page: DxpClient, check_problem: Check) -> None:
    check_problem(page.get(EVENTS), 403, "missing_scope")


def test_each_address_is_limited_by_itself(make_app: Callable[..., Flask]) -> None:
    app = make_app(api={"browser_rate_limit": "2/minute"})
    page = app.test_client().as_browser("events.write")  # type: ignore[attr-defined]
    statuses = []
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"):
        page.environ_base["REMOTE_ADDR"] = address
        statuses.append(page.post(EVENTS, json={"events": [view()]}).status_code)
    assert statuses == [200, 200, 429, 200]
