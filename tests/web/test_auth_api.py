"""How customers sign in through the API."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import func, select

from dxp.audit import AuditFilter
from dxp.auth.models import RefreshFamily
from dxp.platform import Platform
from dxp.testing import DxpClient, Mailbox, SettableClock, make_subject

TOKENS = "/api/v1/auth/customer-tokens"
REFRESH = "/api/v1/auth/refresh"
REVOKE = "/api/v1/auth/revoke"
CODES = "/api/v1/auth/codes"
VERIFY = "/api/v1/auth/codes/verify"


def shopper(platform: Platform, *, email: str | None = None, ref: str | None = None) -> uuid.UUID:
    names = [("email", email)] if email else []
    names += [("ref", ref)] if ref else []
    with platform.db.write() as session:
        return platform.subjects.create(session, keys=names).id


def bearing(client: DxpClient, token: str) -> DxpClient:
    other = client.as_anyone()
    other.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return other


# On the storefront's word


@pytest.mark.parametrize("by", ["id", "ref"])
def test_a_storefront_signs_its_customer_in(client: DxpClient, platform: Platform, by: str) -> None:
    subject_id = shopper(platform, ref="C-42")
    name = str(subject_id) if by == "id" else "C-42"
    answer = client.as_key("customers.token").post(TOKENS, json={"customer": {by: name}})
    assert answer.status_code == 201
    body = answer.get_json()
    assert body["token_type"] == "Bearer"
    assert body["customer_id"] == str(subject_id)
    assert body["expires_in"] == platform.settings.api.customer_token_minutes * 60
    assert answer.headers["Cache-Control"] == "no-store"
    with platform.db.read() as session:
        actor = platform.accounts.actor_of_token(session, body["access_token"])
        family = session.scalars(select(RefreshFamily)).one()
    assert actor.subject_id == subject_id
    assert family.key_id is not None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"customer": {"ref": "nobody"}}, 404, "unknown_subject"),
        ({"customer": {"id": str(uuid.UUID(int=1))}}, 404, "unknown_subject"),
        ({"customer": {}}, 422, "invalid_body"),
        ({"customer": {"ref": "a", "id": str(uuid.UUID(int=1))}}, 422, "invalid_body"),
        ({"customer": {"email": "a@b.example"}}, 422, "invalid_body"),
        ({"customer": {"id": "no-uuid"}}, 422, "invalid_body"),
        ({"customer": {"ref": ""}}, 422, "invalid_body"),
        ({"customer": None}, 422, "invalid_body"),
        ({}, 422, "invalid_body"),
        ({"customer": {"ref": "a"}, "permissions": ["*"]}, 422, "invalid_body"),
    ],
)
def test_bad_input_is_refused_and_nobody_is_signed_in(
    client: DxpClient, platform: Platform, body: dict[str, Any], status: int, code: str
) -> None:
    answer = client.as_key("customers.token").post(TOKENS, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    with platform.db.read() as session:
        assert session.scalar(select(func.count()).select_from(RefreshFamily)) == 0


def test_it_takes_the_scope(client: DxpClient, platform: Platform) -> None:
    body = {"customer": {"id": str(shopper(platform))}}
    assert client.post(TOKENS, json=body).status_code == 401
    refused = client.as_key("events.write").post(TOKENS, json=body)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "missing_scope")
    customer = client.as_customer().post(TOKENS, json=body)
    assert customer.status_code == 403


def test_staff_who_act_as_a_customer_are_seen_doing_so(
    client: DxpClient, platform: Platform
) -> None:
    subject_id = shopper(platform)
    staff = client.as_staff("customers.token")
    body = {"customer": {"id": str(subject_id)}}
    assert staff.post(TOKENS, json=body).status_code == 403
    answer = staff.post(TOKENS, json=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 201
    with platform.db.read() as session:
        (entry,) = platform.audit.entries(session, wanted=AuditFilter(subject_id=subject_id))
    assert entry.action == "core.customer_token.issued"
    assert entry.actor_key == f"staff:{staff.staff_id}"


# Going on, and signing out


def test_a_refresh_token_gives_new_tokens_once(client: DxpClient, platform: Platform) -> None:
    subject_id = make_subject(platform)
    key = client.as_key("customers.token")
    first = key.post(TOKENS, json={"customer": {"id": str(subject_id)}}).get_json()
    answer = client.post(REFRESH, json={"refresh_token": first["refresh_token"]})
    assert answer.status_code == 200
    assert answer.get_json()["customer_id"] == str(subject_id)
    again = client.post(REFRESH, json={"refresh_token": first["refresh_token"]})
    assert (again.status_code, again.get_json()["code"]) == (401, "refresh_reused")
    assert "Bearer" in again.headers["WWW-Authenticate"]
    ended = client.post(REFRESH, json={"refresh_token": answer.get_json()["refresh_token"]})
    assert ended.get_json()["code"] == "refresh_revoked"


def test_signing_out_ends_the_access_token_too(client: DxpClient, platform: Platform) -> None:
    key = client.as_key("customers.token")
    body = {"customer": {"id": str(make_subject(platform))}}
    tokens = key.post(TOKENS, json=body).get_json()
    customer = bearing(client, tokens["access_token"])
    assert customer.get("/api/v1/me").status_code == 200
    answer = client.post(REVOKE, json={"refresh_token": tokens["refresh_token"]})
    assert (answer.status_code, answer.data) == (204, b"")
    refused = customer.get("/api/v1/me")
    assert (refused.status_code, refused.get_json()["code"]) == (401, "token_revoked")


def test_signing_out_with_an_unknown_token_is_no_error(client: DxpClient) -> None:
    assert client.post(REVOKE, json={"refresh_token": "dxr_unknown"}).status_code == 204


def test_an_expired_token_says_how_to_get_a_new_one(
    client: DxpClient, platform: Platform, clock: SettableClock
) -> None:
    customer = client.as_customer()
    clock.advance_wall(minutes=16)
    refused = customer.get("/api/v1/me")
    assert (refused.status_code, refused.get_json()["code"]) == (401, "token_expired")
    assert REFRESH in refused.get_json()["detail"]
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


# By a code from a mail


@pytest.fixture
def code_for(
    client: DxpClient, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> Callable[[str], str | None]:
    """`code_for("ada@example.com")`: the code that the mail brings, if one comes."""

    def run(email: str) -> str | None:
        before = len(captured_mail.all())
        answer = client.post(CODES, json={"email": email})
        assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted"})
        run_jobs()
        if len(captured_mail.all()) == before:
            return None
        found = re.search(r"\b[0-9]{6}\b", captured_mail.text())
        assert found is not None
        return found[0]

    return run


def test_a_customer_signs_in_with_a_code(
    client: DxpClient, platform: Platform, code_for: Callable[[str], str | None]
) -> None:
    subject_id = shopper(platform, email="ada@example.com")
    code = code_for("Ada@Example.com")
    answer = client.post(VERIFY, json={"email": "ada@example.com", "code": code})
    assert answer.status_code == 200
    assert answer.get_json()["customer_id"] == str(subject_id)
    assert bearing(client, answer.get_json()["access_token"]).get("/api/v1/me").status_code == 200
    again = client.post(VERIFY, json={"email": "ada@example.com", "code": code})
    assert (again.status_code, again.get_json()["code"]) == (401, "wrong_code")


def test_nobody_learns_who_is_registered(
    client: DxpClient, platform: Platform, code_for: Callable[[str], str | None]
) -> None:
    """The same answer to send and to check, but only one of the two gets a mail."""
    shopper(platform, email="ada@example.com")
    assert code_for("ada@example.com") is not None
    assert code_for("nobody@example.com") is None
    refusals = [
        client.post(VERIFY, json={"email": email, "code": "000000"}).get_json()
        for email in ("ada@example.com", "nobody@example.com")
    ]
    for refusal in refusals:
        del refusal["request_id"]
    assert refusals[0] == refusals[1]


def test_the_mail_is_written_in_the_language_of_the_request(
    client: DxpClient, platform: Platform, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> None:
    shopper(platform, email="ada@example.com")
    client.post(f"{CODES}?locale=en", json={"email": "ada@example.com"})
    run_jobs()
    assert "10 minutes" in captured_mail.text()
    assert "%(" not in captured_mail.text()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CODES, {"email": "no address"}),
        (CODES, {"email": "a" * 300 + "@example.com"}),
        (CODES, {"email": None}),
        (CODES, {}),
        (VERIFY, {"email": "ada@example.com", "code": "12345"}),
        (VERIFY, {"email": "ada@example.com", "code": "1234567"}),
        (VERIFY, {"email": "ada@example.com", "code": 123456}),
        (VERIFY, {"email": "ada@example.com", "code": "１２３４５６"}),
        (VERIFY, {"email": "ada@example.com"}),
        (REFRESH, {"refresh_token": ""}),
        (REFRESH, {"refresh_token": ["x"]}),
        (REFRESH, {"refresh_token": "x" * 201}),
        (REVOKE, {"token": "x"}),
    ],
)
def test_malformed_input_is_refused_by_field(
    client: DxpClient, path: str, body: dict[str, Any]
) -> None:
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_body")
    assert answer.get_json()["errors"]


def test_a_customer_who_is_gone_meanwhile_is_not_signed_in(
    client: DxpClient,
    platform: Platform,
    clock: SettableClock,
    code_for: Callable[[str], str | None],
) -> None:
    from dxp.subjects import Subject

    subject_id = shopper(platform, email="ada@example.com")
    code = code_for("ada@example.com")
    with platform.db.write() as session:
        subject = session.get(Subject, subject_id)
        assert subject is not None
        subject.erased_at = clock.now()
    answer = client.post(VERIFY, json={"email": "ada@example.com", "code": code})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "wrong_code")


class TestLimits:
    @pytest.fixture
    def app_settings(self) -> Mapping[str, Any]:
        return {"api": {"sign_in_rate_limit": "3/minute"}}

    def test_asking_and_guessing_are_limited_together(self, client: DxpClient) -> None:
        body = {"email": "ada@example.com"}
        assert client.post(CODES, json=body).status_code == 202
        for _guess in range(2):
            assert client.post(VERIFY, json=body | {"code": "000000"}).status_code == 401
        refused = client.post(VERIFY, json=body | {"code": "000000"})
        assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) > 0
        assert client.post(CODES, json=body).status_code == 429
