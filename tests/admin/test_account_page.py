"""One's own account, in a browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pyotp
import pytest

from dxp.platform import Platform
from dxp.plugins.spec import Plugin
from dxp.testing import PASSWORD, DxpClient, SettableClock
from tests.admin.browsing import page, send, shown
from tests.admin.markup import elements, one, policy_breaches

pytestmark = pytest.mark.usefixtures("built")
CODE = re.compile(r"\b[A-Z2-9]{5}-[A-Z2-9]{5}\b")


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return ()


@pytest.fixture
def ada(client: DxpClient) -> DxpClient:
    return client.as_staff("events.read")


def sessions_of(client: DxpClient, platform: Platform) -> int:
    assert client.staff_id is not None
    with platform.db.read() as session:
        return len(platform.accounts.sessions.live(session, client.staff_id))


def open_another(client: DxpClient, platform: Platform) -> str:
    """Another browser of the same person; returns its cookie."""
    assert client.staff_id is not None
    with platform.db.write() as session:
        staff = platform.accounts.staff.get(session, client.staff_id)
        _row, cookie = platform.accounts.sessions.open(
            session, staff, ip="10.0.0.9", user_agent="<b>Evil</b>"
        )
    return cookie


def test_the_page_keeps_to_the_policy_and_gives_each_thing_one_id(
    ada: DxpClient, platform: Platform
) -> None:
    open_another(ada, platform)
    html = page(ada, "/admin/account")
    assert policy_breaches(html) == []
    ids = [e.attributes["id"] for e in elements(html) if "id" in e.attributes]
    assert len(ids) == len(set(ids))


def test_what_a_browser_calls_itself_is_shown_as_text(ada: DxpClient, platform: Platform) -> None:
    open_another(ada, platform)
    html = page(ada, "/admin/account")
    assert "&lt;b&gt;Evil&lt;/b&gt;" in html
    assert "<b>Evil" not in html


def test_nobody_sees_it_who_is_not_signed_in(client: DxpClient) -> None:
    for path in ("/admin/account", "/admin/account/second-factor"):
        assert client.get(path).status_code == 303
    assert client.as_key("events.read").get("/admin/account").status_code == 403


def test_a_new_password_takes_the_present_one(ada: DxpClient, platform: Platform) -> None:
    other = ada.as_anyone()
    other.set_cookie("dxp_session", open_another(ada, platform))
    new = "an entirely new phrase"
    wrong = send(ada, "/admin/account/password", present_password="wrong", password=new)
    html = shown(wrong, 422)
    assert "not your present password" in html
    assert one(html, "input", name="present_password").attributes["aria-invalid"] == "true"
    weak = send(ada, "/admin/account/password", present_password=PASSWORD, password="weak")
    assert "too easy to guess" in shown(weak, 422)
    assert other.get("/admin/account").status_code == 200
    done = send(ada, "/admin/account/password", present_password=PASSWORD, password=new)
    assert done.location == "/admin/account"
    assert ada.get("/admin/account").status_code == 200
    assert other.get("/admin/account").status_code == 303


def test_the_second_factor_is_set_up_and_turned_off(
    ada: DxpClient, platform: Platform, clock: SettableClock
) -> None:
    refused = send(ada, "/admin/account/second-factor", begin_password="wrong")
    assert "not your present password" in shown(refused, 422)
    assert ada.get("/admin/account/second-factor").location == "/admin/account"
    begun = send(ada, "/admin/account/second-factor", begin_password=PASSWORD)
    assert begun.location == "/admin/account/second-factor"
    html = page(ada, "/admin/account/second-factor")
    assert policy_breaches(html) == []
    assert one(html, role="img", aria_label="QR code for your authenticator app")
    found = re.search(r"\b[A-Z2-7]{32}\b", html)
    assert found is not None
    again = send(ada, "/admin/account/second-factor/confirm", code="000000")
    assert found[0] in shown(again, 422)
    code = pyotp.TOTP(found[0]).at(int(clock.wall().timestamp()))
    html = shown(send(ada, "/admin/account/second-factor/confirm", code=code))
    codes = set(CODE.findall(html))
    assert len(codes) == 10
    html = page(ada, "/admin/account")
    assert "10 recovery codes are left" in html
    assert policy_breaches(html) == []
    renewed = send(ada, "/admin/account/second-factor/recovery-codes", renew_password=PASSWORD)
    assert not codes & set(CODE.findall(shown(renewed)))
    kept = send(ada, "/admin/account/second-factor/off", off_password="wrong")
    assert "not your present password" in shown(kept, 422)
    off = send(ada, "/admin/account/second-factor/off", off_password=PASSWORD)
    assert off.location == "/admin/account"
    assert "recovery codes are left" not in page(ada, "/admin/account")


def test_recovery_codes_take_the_password(ada: DxpClient) -> None:
    refused = send(ada, "/admin/account/second-factor/recovery-codes", renew_password="wrong")
    assert CODE.search(shown(refused, 422)) is None
    off = send(ada, "/admin/account/second-factor/recovery-codes", renew_password=PASSWORD)
    assert "second factor is off" in shown(off, 422)


def test_one_session_can_be_ended(ada: DxpClient, platform: Platform) -> None:
    open_another(ada, platform)
    html = page(ada, "/admin/account")
    (path,) = [
        e.attributes["action"]
        for e in elements(html, "form")
        if re.fullmatch(r"/admin/account/sessions/[0-9a-f-]{36}/end", e.attributes["action"])
    ]
    assert send(ada, path).location == "/admin/account"
    assert sessions_of(ada, platform) == 1
    assert send(ada, path).location == "/admin/account"
    assert "ended already" in page(ada, "/admin/account")


def test_all_other_sessions_can_be_ended(ada: DxpClient, platform: Platform) -> None:
    for _browser in range(3):
        open_another(ada, platform)
    assert send(ada, "/admin/account/sessions/end-others").location == "/admin/account"
    assert sessions_of(ada, platform) == 1
    assert ada.get("/admin/account").status_code == 200


def test_another_s_session_cannot_be_ended(
    ada: DxpClient, client: DxpClient, platform: Platform
) -> None:
    stranger = client.as_staff()
    assert stranger.staff_id is not None
    with platform.db.read() as session:
        (row,) = platform.accounts.sessions.live(session, stranger.staff_id)
    send(ada, f"/admin/account/sessions/{row.id}/end")
    assert sessions_of(stranger, platform) == 1


def test_the_language_is_kept_with_the_account(ada: DxpClient, platform: Platform) -> None:
    send(ada, "/admin/locale", locale="fa", next="/admin/account")
    html = page(ada, "/admin/account")
    assert one(html, "html").attributes["dir"] == "rtl"
    assert ada.staff_id is not None
    with platform.db.read() as session:
        assert platform.accounts.staff.get(session, ada.staff_id).locale == "fa"


def test_moments_are_shown_in_the_time_zone_of_who_reads(
    ada: DxpClient, platform: Platform
) -> None:
    assert ada.staff_id is not None
    made = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    with platform.db.write() as session:
        platform.accounts.staff.get(session, ada.staff_id).created_at = made
    assert "23:30" in ada.get("/admin/account").get_data(as_text=True)
    send(ada, "/admin/account/timezone", timezone="Asia/Tehran")
    page = ada.get("/admin/account").get_data(as_text=True)
    assert "11 Mar 2026, 03:00" in page.replace("\u202f", " ")
    refused = ada.submit("/admin/account/timezone", {"timezone": "Mars/Olympus"})
    assert refused.status_code == 422
    assert "no such time zone" in refused.get_data(as_text=True)
    send(ada, "/admin/account/timezone", timezone="")
    assert "23:30" in ada.get("/admin/account").get_data(as_text=True)
