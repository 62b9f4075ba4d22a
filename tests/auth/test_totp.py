"""The second factor."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import select

from dxp.auth import CodeNeeded, SignedIn, StaffActor
from dxp.auth.models import RecoveryCode, Staff
from dxp.errors import Conflict, Problem, Unauthenticated, Unprocessable
from dxp.platform import Platform
from dxp.testing import PASSWORD, SYSTEM, SettableClock
from tests.auth.conftest import BROWSER, Hire

ActorOf = Callable[[Staff], StaffActor]


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    return {"accounts": {"max_failures": 4}}


class App:
    """Somebody's authenticator app."""

    def __init__(self, secret: str, clock: SettableClock) -> None:
        self._totp = pyotp.TOTP(secret)
        self._clock = clock

    def code(self, *, seconds: int = 0) -> str:
        """What it shows now, or showed or will show some seconds off."""
        return self._totp.at(int(self._clock.wall().timestamp()) + seconds)


class Enrolled:
    def __init__(self, staff: Staff, actor: StaffActor, app: App, codes: list[str]) -> None:
        self.staff, self.actor, self.app, self.codes = staff, actor, app, codes


@pytest.fixture
def enrolled(platform: Platform, hire: Hire, actor_of: ActorOf, clock: SettableClock) -> Enrolled:
    staff = hire("ada@example.com", "events.read")
    actor = actor_of(staff)
    with platform.db.write() as session:
        app = App(platform.accounts.totp.begin(session, actor).secret, clock)
        codes = platform.accounts.totp.confirm(session, actor, app.code())
    # To the beginning of a later step, so that no step ends while a test runs.
    clock.advance_wall(seconds=91 - clock.wall().timestamp() % 30)
    return Enrolled(staff, actor, app, codes)


def password_step(platform: Platform) -> str:
    outcome = platform.accounts.sign_in.with_password("ada@example.com", PASSWORD, browser=BROWSER)
    assert isinstance(outcome, CodeNeeded)
    return outcome.ticket


def code_step(platform: Platform, ticket: str, code: str) -> SignedIn:
    return platform.accounts.sign_in.with_code(ticket, code, browser=BROWSER)


def refusal(platform: Platform, ticket: str, code: str) -> str:
    with pytest.raises(Problem) as caught:
        code_step(platform, ticket, code)
    return caught.value.code


def test_setting_up_gives_a_qr_code_of_the_secret(
    platform: Platform, hire: Hire, actor_of: ActorOf
) -> None:
    actor = actor_of(hire("ada@example.com"))
    with platform.db.write() as session:
        enrolment = platform.accounts.totp.begin(session, actor)
        again = platform.accounts.totp.begin(session, actor)
    parts = urlsplit(enrolment.uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [enrolment.secret], "issuer": ["dxp"]}
    assert enrolment.svg.startswith("<svg")
    assert "style=" not in enrolment.svg
    assert again == enrolment
    with platform.db.read() as session:
        assert platform.accounts.totp.enrolment(session, actor) == enrolment


def test_the_secret_is_sealed_in_the_database(platform: Platform, enrolled: Enrolled) -> None:
    with platform.db.read() as session:
        stored = platform.accounts.staff.get(session, enrolled.staff.id).totp_secret
        codes = session.scalars(select(RecoveryCode.code_digest)).all()
    assert stored is not None
    assert stored.startswith("ey")
    assert all(code not in codes for code in enrolled.codes)


def test_it_is_off_until_a_code_of_the_app_is_seen(
    platform: Platform, hire: Hire, actor_of: ActorOf, sign_in: Callable[..., SignedIn]
) -> None:
    actor = actor_of(hire("ada@example.com"))
    with platform.db.write() as session:
        platform.accounts.totp.begin(session, actor)
    for wrong in ("000000", "", "abcdef", "１２３４５６"):
        with pytest.raises(Unprocessable) as caught, platform.db.write() as session:
            platform.accounts.totp.confirm(session, actor, wrong)
        assert caught.value.code == "wrong_code"
    assert sign_in("ada@example.com")


def test_nothing_can_be_confirmed_that_was_not_begun(
    platform: Platform, hire: Hire, actor_of: ActorOf
) -> None:
    actor = actor_of(hire("ada@example.com"))
    with pytest.raises(Conflict) as caught, platform.db.write() as session:
        platform.accounts.totp.confirm(session, actor, "123456")
    assert caught.value.code == "totp_not_begun"


def test_setting_it_up_ends_the_other_sessions_and_marks_this_one(
    platform: Platform,
    hire: Hire,
    sign_in: Callable[..., SignedIn],
    session_of: Callable[[str], StaffActor | None],
    clock: SettableClock,
) -> None:
    hire("ada@example.com", "events.read", require_totp=True)
    here, there = sign_in("ada@example.com"), sign_in("ada@example.com")
    actor = session_of(here.token)
    assert actor is not None
    assert actor.pending == "second_factor"
    with platform.db.write() as session:
        app = App(platform.accounts.totp.begin(session, actor).secret, clock)
        platform.accounts.totp.confirm(session, actor, app.code())
    assert session_of(there.token) is None
    actor = session_of(here.token)
    assert actor is not None
    assert (actor.pending, actor.permissions) == (None, {"events.read"})


def test_the_password_alone_opens_no_session(platform: Platform, enrolled: Enrolled) -> None:
    ticket = password_step(platform)
    with platform.db.read() as session:
        assert platform.accounts.actor_of_session(session, ticket) is None


def test_password_and_code_open_a_session_that_counts_in_full(
    platform: Platform,
    enrolled: Enrolled,
    session_of: Callable[[str], StaffActor | None],
) -> None:
    signed = code_step(platform, password_step(platform), enrolled.app.code())
    actor = session_of(signed.token)
    assert actor is not None
    assert actor.user_id == enrolled.staff.id
    assert actor.pending is None


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_clock_may_be_half_a_minute_off(
    platform: Platform, enrolled: Enrolled, seconds: int
) -> None:
    assert code_step(platform, password_step(platform), enrolled.app.code(seconds=seconds))


@pytest.mark.parametrize("seconds", [-90, 90])
def test_a_code_of_another_time_is_refused(
    platform: Platform, enrolled: Enrolled, seconds: int
) -> None:
    ticket = password_step(platform)
    assert refusal(platform, ticket, enrolled.app.code(seconds=seconds)) == "wrong_code"


def test_a_code_serves_once(platform: Platform, enrolled: Enrolled) -> None:
    code = enrolled.app.code()
    code_step(platform, password_step(platform), code)
    assert refusal(platform, password_step(platform), code) == "wrong_code"


def test_an_older_code_is_refused_after_a_newer_one(platform: Platform, enrolled: Enrolled) -> None:
    older = enrolled.app.code(seconds=-30)
    code_step(platform, password_step(platform), enrolled.app.code())
    assert refusal(platform, password_step(platform), older) == "wrong_code"


def test_the_code_that_confirmed_the_set_up_does_not_sign_in(
    platform: Platform, hire: Hire, actor_of: ActorOf, clock: SettableClock
) -> None:
    actor = actor_of(hire("ada@example.com"))
    with platform.db.write() as session:
        app = App(platform.accounts.totp.begin(session, actor).secret, clock)
        code = app.code()
        platform.accounts.totp.confirm(session, actor, code)
    assert refusal(platform, password_step(platform), code) == "wrong_code"


def test_of_many_requests_with_the_same_code_one_gets_in(
    platform: Platform, enrolled: Enrolled
) -> None:
    tickets = [password_step(platform) for _ in range(4)]
    code = enrolled.app.code()
    ready = threading.Barrier(4)
    outcomes: list[str] = []

    def enter(ticket: str) -> None:
        ready.wait(timeout=120)
        try:
            code_step(platform, ticket, code)
            outcomes.append("in")
        except Problem as problem:
            outcomes.append(problem.code)

    threads = [threading.Thread(target=enter, args=(ticket,)) for ticket in tickets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert outcomes.count("in") == 1


def test_a_recovery_code_serves_once_however_it_is_typed(
    platform: Platform, enrolled: Enrolled, actions: Callable[[uuid.UUID], list[str]]
) -> None:
    first = enrolled.codes[0]
    assert code_step(platform, password_step(platform), f" {first.lower().replace('-', ' ')} ")
    assert refusal(platform, password_step(platform), first) == "wrong_code"
    with platform.db.read() as session:
        left = platform.accounts.totp.recovery_codes_left(session, enrolled.staff.id)
    assert left == 9
    assert "core.staff.recovery_code_used" in actions(enrolled.staff.id)


def test_recovery_codes_are_ten_and_all_different(enrolled: Enrolled) -> None:
    assert len(set(enrolled.codes)) == 10


def test_new_recovery_codes_void_the_old_ones(platform: Platform, enrolled: Enrolled) -> None:
    with platform.db.write() as session:
        fresh = platform.accounts.totp.renew_recovery_codes(session, enrolled.actor)
    assert not set(fresh) & set(enrolled.codes)
    assert refusal(platform, password_step(platform), enrolled.codes[1]) == "wrong_code"
    assert code_step(platform, password_step(platform), fresh[1])


def test_another_s_recovery_code_does_not_help(
    platform: Platform, enrolled: Enrolled, hire: Hire, actor_of: ActorOf, clock: SettableClock
) -> None:
    actor = actor_of(hire("bo@example.com"))
    with platform.db.write() as session:
        app = App(platform.accounts.totp.begin(session, actor).secret, clock)
        theirs = platform.accounts.totp.confirm(session, actor, app.code())
    assert refusal(platform, password_step(platform), theirs[0]) == "wrong_code"


def test_guessing_codes_locks_even_when_the_password_is_right_every_time(
    platform: Platform, enrolled: Enrolled
) -> None:
    """The right password must not set the count back between guesses at the code."""
    codes = [refusal(platform, password_step(platform), "000000") for _ in range(4)]
    assert codes == ["wrong_code"] * 4
    with pytest.raises(Problem) as caught:
        platform.accounts.sign_in.with_password("ada@example.com", PASSWORD, browser=BROWSER)
    assert caught.value.code == "sign_in_locked"


def test_a_ticket_expires(platform: Platform, enrolled: Enrolled, clock: SettableClock) -> None:
    ticket = password_step(platform)
    clock.advance_wall(minutes=6)
    assert refusal(platform, ticket, enrolled.app.code()) == "ticket_expired"


def test_a_ticket_is_void_after_a_change_of_password(
    platform: Platform, enrolled: Enrolled
) -> None:
    ticket = password_step(platform)
    with platform.db.write() as session:
        platform.accounts.staff.set_password(
            session, SYSTEM, enrolled.staff.id, "a new long phrase"
        )
    assert refusal(platform, ticket, enrolled.app.code()) == "ticket_expired"


@pytest.mark.parametrize("ticket", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_a_made_up_ticket_is_refused(platform: Platform, enrolled: Enrolled, ticket: str) -> None:
    assert refusal(platform, ticket, enrolled.app.code()) == "ticket_expired"


def test_staff_may_help_somebody_who_lost_their_phone(
    platform: Platform, enrolled: Enrolled, sign_in: Callable[..., SignedIn]
) -> None:
    with platform.db.write() as session:
        platform.accounts.totp.turn_off(session, SYSTEM, enrolled.staff.id)
        assert platform.accounts.totp.recovery_codes_left(session, enrolled.staff.id) == 0
    with platform.db.read() as session:
        token_of_before = platform.accounts.sessions.live(session, enrolled.staff.id)
    assert list(token_of_before) == []
    assert sign_in("ada@example.com")


def test_a_reset_password_does_not_get_around_the_second_factor(
    platform: Platform, enrolled: Enrolled
) -> None:
    with platform.db.write() as session:
        platform.accounts.staff.set_password(session, SYSTEM, enrolled.staff.id, PASSWORD)
    with pytest.raises(Unauthenticated):
        code_step(platform, password_step(platform), "000000")
