"""Signing in and out, and choosing a new password, in a browser."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyotp
import pytest

from dxp.platform import Platform
from dxp.plugins.spec import Plugin
from dxp.testing import (
    PASSWORD,
    SYSTEM,
    DxpClient,
    Mailbox,
    MakeApp,
    SettableClock,
    client_of,
    make_staff,
)
from tests.admin.browsing import page, send, shown
from tests.admin.markup import elements, one, policy_breaches

pytestmark = pytest.mark.usefixtures("built")
EMAIL = "ada@example.com"


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return ()


@pytest.fixture
def ada(platform: Platform) -> uuid.UUID:
    with platform.db.write() as session:
        return make_staff(session, platform, "events.read", email=EMAIL)


def cookie_of(client: DxpClient) -> str | None:
    found = client.get_cookie("dxp_session")
    return None if found is None else found.value


@pytest.mark.parametrize("path", ["/admin/sign-in", "/admin/forgot", "/admin/reset"])
def test_the_pages_keep_to_the_policy_and_label_every_field(client: DxpClient, path: str) -> None:
    html = page(client, path)
    assert policy_breaches(html) == []
    labelled = {label.attributes["for"] for label in elements(html, "label")}
    for field in elements(html, "input"):
        if field.attributes.get("type") != "hidden":
            assert field.attributes["id"] in labelled


def test_signing_in_leads_to_where_one_wanted_to_go(client: DxpClient, ada: uuid.UUID) -> None:
    asked = client.get("/admin/account?x=1")
    assert asked.status_code == 303
    html = page(client, asked.location)
    # The language menu has one of its own, to stay on the page.
    target = elements(html, "input", name="next")[-1].attributes["value"]
    answer = send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD, next=target)
    assert (answer.status_code, answer.location) == (303, "/admin/account?x=1")
    assert "Staff" in page(client, "/admin/account")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/admin\r\nSet-Cookie: x=y",
        "evil.example",
    ],
)
def test_nobody_is_sent_to_another_site(client: DxpClient, ada: uuid.UUID, target: str) -> None:
    answer = send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD, next=target)
    assert (answer.status_code, answer.location) == (303, "/admin/")
    signed_in = client.get("/admin/sign-in", query_string={"next": target})
    assert (signed_in.status_code, signed_in.location) == (303, "/admin/")


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD), ("", ""), ("x", "")]
)
def test_a_refusal_says_the_same_whoever_it_is(
    client: DxpClient, ada: uuid.UUID, email: str, password: str
) -> None:
    html = shown(send(client, "/admin/sign-in", email=email, password=password), 422)
    assert "address or the password is wrong" in html
    assert one(html, "input", name="email").attributes["value"] == email
    assert PASSWORD not in html
    assert cookie_of(client) is None


def test_the_cookie_is_for_this_site_only_and_not_for_scripts(
    client: DxpClient, ada: uuid.UUID
) -> None:
    answer = send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD)
    (header,) = [h for h in answer.headers.getlist("Set-Cookie") if h.startswith("dxp_session=")]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Secure" not in header


def test_behind_https_the_cookie_is_never_sent_in_clear(make_app: MakeApp) -> None:
    app = make_app(plugins=(), server={"public_url": "https://dxp.example.com"})
    client = client_of(app)
    platform: Platform = app.extensions["dxp"]
    with platform.db.write() as session:
        make_staff(session, platform, email=EMAIL)
    base = "https://dxp.example.com"
    html = client.get("/admin/sign-in", base_url=base).get_data(as_text=True)
    fields = {"csrf_token": one(html, "meta", name="csrf-token").attributes["content"]}
    answer = client.post(
        "/admin/sign-in",
        base_url=base,
        headers={"Referer": f"{base}/admin/sign-in"},
        data=fields | {"email": EMAIL, "password": PASSWORD},
    )
    assert answer.status_code == 303
    assert all("Secure" in header for header in answer.headers.getlist("Set-Cookie"))


def test_a_planted_session_does_not_become_the_victim_s(
    client: DxpClient, platform: Platform, ada: uuid.UUID
) -> None:
    """What the browser held before is neither used nor kept."""
    planted = client.as_staff().get_cookie("dxp_session")
    assert planted is not None
    client.set_cookie("dxp_session", "planted-by-somebody")
    send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD)
    assert cookie_of(client) not in (None, "planted-by-somebody", planted.value)
    with platform.db.read() as session:
        actor = platform.accounts.actor_of_session(session, str(cookie_of(client)))
    assert actor is not None
    assert actor.user_id == ada


def test_a_form_without_the_page_s_token_is_refused(client: DxpClient, ada: uuid.UUID) -> None:
    answer = client.post("/admin/sign-in", data={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 403
    assert cookie_of(client) is None


def test_the_token_of_before_signing_in_is_void_afterwards(
    client: DxpClient, ada: uuid.UUID
) -> None:
    html = page(client, "/admin/sign-in")
    old = one(html, "meta", name="csrf-token").attributes["content"]
    client.post("/admin/sign-in", data={"csrf_token": old, "email": EMAIL, "password": PASSWORD})
    assert client.post("/admin/sign-out", data={"csrf_token": old}).status_code == 403


def test_signing_out_ends_the_session_on_the_server_too(client: DxpClient, ada: uuid.UUID) -> None:
    send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD)
    stolen = str(cookie_of(client))
    answer = send(client, "/admin/sign-out")
    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")
    assert cookie_of(client) is None
    thief = client.as_anyone()
    thief.set_cookie("dxp_session", stolen)
    assert thief.get("/admin/account").status_code == 303


class TestLimits:
    @pytest.fixture
    def app_settings(self) -> Mapping[str, Any]:
        return {"accounts": {"max_failures": 2}, "api": {"sign_in_rate_limit": "4/minute"}}

    def test_a_lock_is_told_in_words(self, client: DxpClient, ada: uuid.UUID) -> None:
        for _guess in range(2):
            shown(send(client, "/admin/sign-in", email=EMAIL, password="wrong"), 422)
        html = shown(send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD), 429)
        assert "locked for some minutes" in html

    def test_one_address_cannot_try_many_accounts(self, client: DxpClient) -> None:
        for number in range(4):
            send(client, "/admin/sign-in", email=f"x{number}@example.com", password="wrong")
        html = shown(send(client, "/admin/sign-in", email="y@example.com", password="w"), 429)
        assert "Too many attempts from your network" in html


# The second step


@pytest.fixture
def secret(platform: Platform, ada: uuid.UUID, clock: SettableClock) -> str:
    """The secret of Ada's app; the codes of the present step are unused."""
    with platform.db.write() as session:
        staff = platform.accounts.staff.get(session, ada)
        _row, cookie = platform.accounts.sessions.open(session, staff)
    with platform.db.write() as session:
        actor = platform.accounts.actor_of_session(session, cookie)
        assert actor is not None
        found = platform.accounts.totp.begin(session, actor).secret
        platform.accounts.totp.confirm(session, actor, code_at(found, clock))
    clock.advance_wall(seconds=91 - clock.wall().timestamp() % 30)
    return found


def code_at(secret: str, clock: SettableClock) -> str:
    return pyotp.TOTP(secret).at(int(clock.wall().timestamp()))


def test_the_second_step_asks_for_a_code_and_goes_on_to_the_same_place(
    client: DxpClient, secret: str, clock: SettableClock
) -> None:
    first = send(
        client, "/admin/sign-in", email=EMAIL, password=PASSWORD, next="/admin/account?x=1"
    )
    assert (first.status_code, first.location) == (303, "/admin/sign-in/code")
    assert cookie_of(client) is None
    assert policy_breaches(page(client, "/admin/sign-in/code")) == []
    html = shown(send(client, "/admin/sign-in/code", code="000000"), 422)
    assert "The code is wrong" in html
    done = send(client, "/admin/sign-in/code", code=code_at(secret, clock))
    assert (done.status_code, done.location) == (303, "/admin/account?x=1")
    assert client.get("/admin/account").status_code == 200


def test_the_second_step_is_not_reached_without_the_first(client: DxpClient, secret: str) -> None:
    assert client.get("/admin/sign-in/code").location == "/admin/sign-in"
    answer = send(client, "/admin/sign-in/code", code="123456")
    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")


def test_a_first_step_too_long_ago_begins_again(
    client: DxpClient, secret: str, clock: SettableClock
) -> None:
    send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD, next="/admin/account")
    clock.advance_wall(minutes=6)
    answer = send(client, "/admin/sign-in/code", code=code_at(secret, clock))
    assert answer.location == "/admin/sign-in?next=/admin/account"
    assert "Begin again" in page(client, answer.location)


# What has to be done first


def test_a_first_password_has_to_be_changed_before_anything_else(
    client: DxpClient, platform: Platform
) -> None:
    with platform.db.write() as session:
        platform.accounts.roles.seed(session)
        platform.accounts.staff.create(
            session,
            SYSTEM,
            email=EMAIL,
            name="Ada",
            password=PASSWORD,
            roles=["administrator"],
        )
    answer = send(client, "/admin/sign-in", email=EMAIL, password=PASSWORD, next="/admin/staff/")
    assert answer.location == "/admin/account"
    assert "Choose a password of your own" in page(client, "/admin/account")
    assert client.get("/admin/staff/").status_code == 403
    changed = send(
        client,
        "/admin/account/password",
        present_password=PASSWORD,
        password="a phrase of my own",
    )
    assert changed.status_code == 303
    assert client.get("/admin/staff/").status_code == 200


# Forgotten


def test_a_forgotten_password_is_chosen_anew_with_a_code(
    client: DxpClient, ada: uuid.UUID, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> None:
    answer = send(client, "/admin/forgot", email=EMAIL)
    assert (answer.status_code, answer.location) == (303, "/admin/reset")
    assert one(page(client, "/admin/reset"), "input", name="email").attributes["value"] == EMAIL
    run_jobs()
    code = re.search(r"[0-9]{8}", captured_mail.text())
    assert code is not None
    new = "an entirely new phrase"
    weak = send(client, "/admin/reset", email=EMAIL, code=code[0], password="weak")
    assert "too easy to guess" in shown(weak, 422)
    wrong = send(client, "/admin/reset", email=EMAIL, code="00000000", password=new)
    assert "The code is wrong" in shown(wrong, 422)
    done = send(client, "/admin/reset", email=EMAIL, code=code[0], password=new)
    assert (done.status_code, done.location) == (303, "/admin/sign-in")
    assert "new password is set" in page(client, "/admin/sign-in")
    assert send(client, "/admin/sign-in", email=EMAIL, password=new).location == "/admin/"


def test_asking_for_a_code_tells_nobody_who_has_an_account(
    client: DxpClient, ada: uuid.UUID, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> None:
    answers = [send(client, "/admin/forgot", email=e) for e in (EMAIL, "nobody@example.com")]
    assert {(a.status_code, a.location) for a in answers} == {(303, "/admin/reset")}
    run_jobs()
    assert [mail["To"] for mail in captured_mail.all()] == [EMAIL]


def test_the_mail_does_not_trust_the_name_that_the_browser_gave_this_server(
    client: DxpClient,
    platform: Platform,
    ada: uuid.UUID,
    captured_mail: Mailbox,
    run_jobs: Callable[[], int],
) -> None:
    base = "http://evil.example"
    html = client.get("/admin/forgot", base_url=base).get_data(as_text=True)
    csrf = one(html, "meta", name="csrf-token").attributes["content"]
    client.post("/admin/forgot", base_url=base, data={"csrf_token": csrf, "email": EMAIL})
    run_jobs()
    assert captured_mail.to(EMAIL)
    assert "evil.example" not in captured_mail.text()
