"""Who gets in: nobody without a rule, and nobody whom the rule does not name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Blueprint, Flask, jsonify

from dxp.api import ApiBlueprint, ConfigurationError, Platform, anyone, needs
from dxp.testing.actors import SYSTEM, make_staff
from dxp.testing.client import DxpClient
from dxp.testing.clock import SettableClock
from dxp.web import iter_routes, register_api

Check = Callable[..., Any]
BOOKS = "/api/v1/books"


def _view(call: object) -> None:
    """Answers nothing."""


def test_without_a_credential_nobody_gets_in(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    response = client.get(BOOKS)
    check_problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_gets_in_with_the_scope(client: DxpClient, app: Flask) -> None:
    assert client.as_key("books.read").get(BOOKS).status_code == 200


def test_a_key_without_the_scope_is_told_which(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    document = check_problem(client.as_key("books.write").get(BOOKS), 403, "missing_scope")
    assert "books.read" in document["detail"]


def test_staff_get_in_with_the_permission(app: Flask, client: DxpClient) -> None:
    assert client.as_staff("books.read").get(BOOKS).status_code == 200


def test_staff_without_the_permission_do_not(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    check_problem(client.as_staff("books.write").get(BOOKS), 403, "missing_permission")


def test_customers_get_what_is_theirs_and_nothing_else(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    ada = client.as_customer()
    assert ada.get(f"{BOOKS}/mine").get_json() == {"actor": f"customer:{ada.subject_id}"}
    check_problem(ada.get(BOOKS), 403, "forbidden")
    check_problem(client.as_key("books.read").get(f"{BOOKS}/mine"), 403, "missing_scope")


def test_signed_in_means_any_staff_and_no_key(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    assert client.as_staff().get(f"{BOOKS}/staff").status_code == 200
    check_problem(client.as_key("books.read").get(f"{BOOKS}/staff"), 403, "missing_scope")


def test_staff_whose_sign_in_is_unfinished_are_not_in_yet(
    app: Flask, client: DxpClient, platform: Platform, check_problem: Check
) -> None:
    with platform.db.write() as session:
        staff = platform.accounts.staff.get(session, make_staff(session, platform))
        staff.must_change_password = True
        _row, token = platform.accounts.sessions.open(session, staff)
    client.set_cookie("dxp_session", token)
    check_problem(client.get(f"{BOOKS}/staff"), 403, "forbidden")


def test_an_expired_key_is_refused_by_its_own_code(
    app: Flask,
    client: DxpClient,
    platform: Platform,
    check_problem: Check,
) -> None:
    assert isinstance(platform.clock, SettableClock)
    with platform.db.write() as session:
        made = platform.accounts.keys.create(
            session,
            SYSTEM,
            name="short",
            scopes=["books.read"],
            expires_at=platform.clock.wall() + timedelta(hours=1),
        )
    headers = {"Authorization": f"Bearer {made.presented}"}
    assert client.get(BOOKS, headers=headers).status_code == 200
    platform.clock.advance_wall(hours=2)
    response = client.get(BOOKS, headers=headers)
    check_problem(response, 401, "key_expired")
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer dxp_no_such_key", "key_unknown"),
        ("Bearer nonsense", "token_invalid"),
        ("Bearer eyJhbGciOiJub25lIn0.e30.", "token_invalid"),
        ("Bearer ", "unknown_credential"),
        ("Basic YTpi", "unknown_credential"),
        ("nonsense", "unknown_credential"),
    ],
)
@pytest.mark.parametrize("path", [BOOKS, f"{BOOKS}/hashed"])
def test_a_credential_that_is_not_valid_is_refused_even_where_none_is_needed(
    header: str, code: str, path: str, app: Flask, client: DxpClient, check_problem: Check
) -> None:
    check_problem(client.get(path, headers={"Authorization": header}), 401, code)


def test_a_stale_cookie_does_not_close_what_is_open(app: Flask, client: DxpClient) -> None:
    client.set_cookie("dxp_session", "long gone")
    assert client.get(f"{BOOKS}/hashed").status_code == 200


def test_a_plugin_may_know_other_credentials(app: Flask, client: DxpClient) -> None:
    assert client.get(BOOKS, headers={"X-Badge": "librarian"}).status_code == 200


def test_a_plugin_may_object_and_its_reason_is_told(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    document = check_problem(
        client.as_key("books.read", name="banned").get(BOOKS), 403, "forbidden"
    )
    assert document["detail"] == "The key owes a fine; pay it at the desk"


def test_a_route_that_declares_no_access_is_refused(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    app.add_url_rule("/loose", "loose", lambda: jsonify("secret"))
    check_problem(client.get("/loose"), 403, "forbidden")
    assert [route.rule for route in iter_routes(app) if route.access is None] == ["/loose"]


def test_an_operation_without_access_does_not_register() -> None:
    api = ApiBlueprint("x", __name__, url_prefix="/api/v1/x", description="X.")
    with pytest.raises(ConfigurationError, match="names no access rule"):
        api.endpoint("GET", "", summary="X", access=None)(_view)  # type: ignore[arg-type]


def test_two_views_of_one_name_do_not_register() -> None:
    api = ApiBlueprint("x", __name__, url_prefix="/api/v1/x", description="X.")
    api.endpoint("GET", "/a", summary="A", access=anyone())(_view)
    with pytest.raises(ConfigurationError, match="two views named '_view'"):
        api.endpoint("GET", "/b", summary="B", access=anyone())(_view)


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "GET", "idempotent": True},
        {"method": "GET", "transaction": "write"},
        {"method": "POST", "paged": True},
        {"method": "POST", "idempotent": True, "transaction": False},
    ],
)
def test_arguments_that_contradict_each_other_do_not_register(arguments: dict[str, Any]) -> None:
    api = ApiBlueprint("x", __name__, url_prefix="/api/v1/x", description="X.")
    method = arguments.pop("method")
    with pytest.raises(ConfigurationError):
        api.endpoint(method, "", summary="X", access=needs("x"), **arguments)(_view)


def test_a_blueprint_of_another_kind_is_refused(app: Flask) -> None:
    with pytest.raises(ConfigurationError, match="make it with ApiBlueprint"):
        register_api(app, Blueprint("plain", __name__), plugin="x")


def test_an_undeclared_problem_code_does_not_register(app: Flask) -> None:
    api = ApiBlueprint("x", __name__, url_prefix="/api/v1/x", description="X.")
    api.endpoint("GET", "", summary="X", access=anyone(), problems=("mystery",))(_view)
    with pytest.raises(ConfigurationError, match="'mystery', which nobody declared"):
        register_api(app, api, plugin="x")


SITES = {
    "another site": ({"Sec-Fetch-Site": "cross-site"}, False),
    "a sibling site": ({"Sec-Fetch-Site": "same-site"}, False),
    "another origin": ({"Origin": "https://evil.example"}, False),
    "no origin": ({"Origin": "null"}, False),
    "a silent browser": ({}, False),
    "a wrong token": ({"X-CSRF-Token": "x"}, False),
    "this site": ({"Sec-Fetch-Site": "same-origin"}, True),
    "this origin": ({"Origin": "http://localhost"}, True),
}


@pytest.mark.parametrize("name", SITES)
def test_a_staff_cookie_alone_changes_nothing(
    name: str,
    app: Flask,
    client: DxpClient,
    check_problem: Check,
    nothing_written: Callable[[], Any],
) -> None:
    headers, allowed = SITES[name]
    staff = client.as_staff("books.write")
    if allowed:
        response = staff.post(BOOKS, json={"title": "A"}, headers=headers)
        assert response.status_code == 201
        return
    with nothing_written():
        response = staff.post(BOOKS, json={"title": "A"}, headers=headers)
    check_problem(response, 403, "csrf_failed")


def test_keys_are_exempt_from_the_check_of_origin(app: Flask, keyed: DxpClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://shop.example"}
    assert keyed.post(BOOKS, json={"title": "A"}, headers=headers).status_code == 201


def test_reading_by_cookie_needs_no_proof(app: Flask, client: DxpClient) -> None:
    staff = client.as_staff("books.read")
    assert staff.get(BOOKS, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_plugins_credential_is_not_for_other_sites(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    badge = {"X-Badge": "librarian"}
    assert client.post(BOOKS, json={"title": "A"}, headers=badge).status_code == 201
    forged = badge | {"Sec-Fetch-Site": "cross-site"}
    check_problem(client.post(BOOKS, json={"title": "A"}, headers=forged), 403, "csrf_failed")
