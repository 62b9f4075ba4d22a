"""What holds for every request: language, limits, headers, proxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, render_template_string

from dxp.api import ConfigurationError, anyone
from dxp.testing.client import DxpClient, client_of

Check = Callable[..., Any]
HASHED = "/api/v1/books/hashed"


@pytest.mark.parametrize(
    ("accepted", "query", "served"),
    [
        (None, "", "en"),
        ("fa", "", "fa"),
        ("fa-IR, en;q=0.5", "", "fa"),
        ("tlh, fr;q=0.3, ar;q=0.7", "", "ar"),
        ("tlh", "", "en"),
        ("*", "", "en"),
        (";;;q=x", "", "en"),
        ("fa", "?locale=fr", "fr"),
    ],
)
def test_the_language_is_negotiated(
    accepted: str | None, query: str, served: str, app: Flask, client: DxpClient
) -> None:
    headers = {} if accepted is None else {"Accept-Language": accepted}
    response = client.get(HASHED + query, headers=headers)
    assert response.headers["Content-Language"] == served
    assert response.get_json() == {"locale": served}
    assert "Accept-Language" in response.headers["Vary"]


def test_each_caller_has_a_limit_of_their_own(make_app: Any, check_problem: Check) -> None:
    app = make_app(plugins=(), api={"rate_limit": "3/hour"})
    client = client_of(app)
    ada, bob = client.as_customer(), client.as_customer()
    left = [ada.get("/api/v1/me").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = ada.get("/api/v1/me")
    check_problem(refused, 429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit-Limit"] == "3"
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert bob.get("/api/v1/me").status_code == 200


def test_guesses_at_credentials_count_by_address(make_app: Any, check_problem: Check) -> None:
    app = make_app(plugins=(), api={"rate_limit": "2/hour"})
    client = client_of(app)
    statuses = [
        client.get("/api/v1/me", headers={"Authorization": f"Bearer dxp_guess{n}"}).status_code
        for n in range(4)
    ]
    assert statuses == [401, 401, 429, 429]


def test_watching_is_not_limited(make_app: Any) -> None:
    client = client_of(make_app(plugins=(), api={"rate_limit": "1/hour"}))
    assert [client.get("/healthz").status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("rate_limit", "often"), ("rate_limit_storage", "carrier-pigeon://loft")],
)
def test_a_limit_that_cannot_be_kept_is_refused_at_start(
    make_app: Any, setting: str, value: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"api\.{setting}"):
        make_app(plugins=(), api={setting: value})


def test_when_the_storage_of_limits_is_down_requests_pass(make_app: Any) -> None:
    app = make_app(plugins=(), api={"rate_limit_storage": "redis://127.0.0.1:1/0"})
    assert client_of(app).as_customer().get("/api/v1/me").status_code == 200


def test_data_may_run_nothing(app: Flask, client: DxpClient) -> None:
    headers = client.get(HASHED).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_run_only_what_has_the_nonce(app: Flask, client: DxpClient) -> None:
    def page() -> str:
        return render_template_string("<script nonce='{{ csp_nonce() }}'></script>")

    page.dxp_access = anyone()  # type: ignore[attr-defined]
    app.add_url_rule("/page", "page", page)
    first, second = client.get("/page"), client.get("/page")
    nonce = first.get_data(as_text=True).split("'")[1]
    policy = first.headers["Content-Security-Policy"]
    assert f"script-src 'self' 'nonce-{nonce}'" in policy
    assert "unsafe" not in policy
    assert nonce not in second.get_data(as_text=True)


def test_a_view_may_set_a_policy_of_its_own(app: Flask, client: DxpClient) -> None:
    def page() -> Response:
        return Response("x", headers={"Content-Security-Policy": "default-src 'self'"})

    page.dxp_access = anyone()  # type: ignore[attr-defined]
    app.add_url_rule("/page", "page", page)
    assert client.get("/page").headers["Content-Security-Policy"] == "default-src 'self'"


@pytest.mark.parametrize(("proxies", "secure"), [(0, False), (1, True)])
def test_a_proxy_is_believed_only_when_it_is_trusted(
    make_app: Any, proxies: int, secure: bool
) -> None:
    client = client_of(make_app(plugins=(), server={"trusted_proxies": proxies}))
    response = client.get("/healthz", headers={"X-Forwarded-Proto": "https"})
    assert ("Strict-Transport-Security" in response.headers) is secure
