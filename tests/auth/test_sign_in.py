"""Signing in with a password, being locked out, and finding the way back."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import select

from dxp.auth import SentCode, SignedIn, StaffActor
from dxp.auth.models import SignInCount, Staff
from dxp.auth.passwords import Passwords
from dxp.errors import Problem, TooManyRequests, Unauthenticated, Unprocessable
from dxp.mail import Message
from dxp.platform import Platform
from dxp.settings import AccountSettings
from dxp.testing import PASSWORD, SYSTEM, Mailbox, SettableClock
from tests.auth.conftest import BROWSER, Hire

SignInWith = Callable[..., SignedIn]
SessionOf = Callable[[str], StaffActor | None]
NEW = "an entirely new phrase"


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    return {"accounts": {"max_failures": 3, "lock_minutes": 15}}


@pytest.fixture
def refuse(platform: Platform) -> Callable[..., Problem]:
    """`refuse("ada@example.com", "wrong")`: the refusal of signing in so."""

    def run(email: str, password: str = "wrong") -> Problem:
        with pytest.raises(Problem) as caught:
            platform.accounts.sign_in.with_password(email, password, browser=BROWSER)
        return caught.value

    return run


def test_the_right_password_opens_a_session(
    hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    ada = hire("ada@example.com", "events.read")
    actor = session_of(sign_in(" ADA@example.com ").token)
    assert actor is not None
    assert (actor.user_id, actor.name, actor.permissions) == (ada.id, "Ada", {"events.read"})


def test_wrong_password_unknown_address_and_disabled_account_are_answered_alike(
    platform: Platform, hire: Hire, refuse: Callable[..., Problem]
) -> None:
    hire("boss@example.com", "*")
    hire("ada@example.com")
    gone = hire("gone@example.com")
    with platform.db.write() as session:
        platform.accounts.staff.disable(session, SYSTEM, gone.id)
    refusals = [
        refuse("ada@example.com"),
        refuse("nobody@example.com"),
        refuse("gone@example.com", PASSWORD),
        refuse("no address"),
        refuse(""),
    ]
    assert {(r.status, r.code, r.detail) for r in refusals} == {
        (401, "wrong_credentials", refusals[0].detail)
    }


def test_an_unknown_address_costs_as_much_hashing_as_a_known_one(
    platform: Platform,
    hire: Hire,
    refuse: Callable[..., Problem],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hire("ada@example.com")
    checked: list[bool] = []
    verify = Passwords.verify

    def counted(self: Passwords, stored: str | None, password: str) -> bool:
        checked.append(stored is not None)
        return verify(self, stored, password)

    monkeypatch.setattr(Passwords, "verify", counted)
    refuse("ada@example.com")
    refuse("nobody@example.com")
    assert checked == [True, False]


def test_comparing_with_no_password_is_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unknown address is compared with a made-up hash of the same costs."""
    passwords = Passwords(AccountSettings(argon2_memory_kib=32, argon2_time_cost=2))
    compared: list[str] = []
    verify = PasswordHasher.verify

    def seen(self: PasswordHasher, stored: str, password: str) -> Any:
        compared.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", seen)
    assert not passwords.verify(None, PASSWORD)
    assert not passwords.verify(passwords.hash("another long phrase"), PASSWORD)
    one, other = map(extract_parameters, compared)
    assert one == other


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_an_address_locks_after_too_many_failures_whether_or_not_anybody_has_it(
    hire: Hire, refuse: Callable[..., Problem], clock: SettableClock, email: str
) -> None:
    hire("ada@example.com")
    assert [refuse(email).code for _ in range(3)] == ["wrong_credentials"] * 3
    locked = refuse(email, PASSWORD)
    assert isinstance(locked, TooManyRequests)
    assert locked.code == "sign_in_locked"
    assert 0 < int(locked.headers["Retry-After"]) <= 15 * 60
    assert "15 min" in locked.detail


def test_a_lock_ends_by_itself(
    hire: Hire, sign_in: SignInWith, refuse: Callable[..., Problem], clock: SettableClock
) -> None:
    ada = hire("ada@example.com")
    for _attempt in range(4):
        refuse("ada@example.com")
    clock.advance_wall(minutes=14)
    assert refuse("ada@example.com", PASSWORD).code == "sign_in_locked"
    clock.advance_wall(minutes=2)
    assert sign_in("ada@example.com").staff_id == ada.id


def test_the_last_attempt_before_the_lock_may_still_be_right(
    hire: Hire, sign_in: SignInWith, refuse: Callable[..., Problem]
) -> None:
    hire("ada@example.com")
    for _round in range(3):
        refuse("ada@example.com")
        refuse("ada@example.com")
        sign_in("ada@example.com")


def test_a_lock_concerns_one_address_however_it_is_written(
    hire: Hire, sign_in: SignInWith, refuse: Callable[..., Problem]
) -> None:
    hire("ada@example.com")
    hire("bo@example.com")
    for written in ("ADA@example.com", " ada@EXAMPLE.com", "ada@example.com"):
        refuse(written)
    assert refuse("Ada@Example.com", PASSWORD).code == "sign_in_locked"
    sign_in("bo@example.com")


def test_a_lock_is_in_the_audit_log_once(
    platform: Platform, hire: Hire, refuse: Callable[..., Problem]
) -> None:
    hire("ada@example.com")
    for _attempt in range(5):
        refuse("ada@example.com")
    with platform.db.read() as session:
        found = [e.action for e in platform.audit.entries(session)]
    assert found.count("core.sign_in.locked") == 1


def test_guesses_at_the_same_time_get_no_more_tries(platform: Platform, hire: Hire) -> None:
    hire("ada@example.com")
    ready = threading.Barrier(8)
    codes: list[str] = []

    def guess() -> None:
        ready.wait(timeout=120)
        try:
            platform.accounts.sign_in.with_password("ada@example.com", "wrong", browser=BROWSER)
        except Problem as problem:
            codes.append(problem.code)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert sorted(codes) == ["sign_in_locked"] * 5 + ["wrong_credentials"] * 3


def test_the_counted_addresses_are_stored_as_digests(
    platform: Platform, refuse: Callable[..., Problem]
) -> None:
    refuse("secretive@example.com")
    with platform.db.read() as session:
        row = session.scalars(select(SignInCount)).one()
    assert "secretive" not in repr(vars(row))


def test_counts_without_effect_are_deleted(
    platform: Platform, refuse: Callable[..., Problem], clock: SettableClock
) -> None:
    for _attempt in range(3):
        refuse("locked@example.com")
    clock.advance_wall(minutes=16)
    refuse("fresh@example.com")
    with platform.db.write() as session:
        assert platform.accounts.counts.forget_old(session) == 1


def test_a_hash_of_old_costs_is_made_anew_at_sign_in(
    platform: Platform, hire: Hire, sign_in: SignInWith
) -> None:
    ada = hire("ada@example.com")
    old = Passwords(AccountSettings(argon2_memory_kib=16, argon2_time_cost=2)).hash(PASSWORD)
    with platform.db.write() as session:
        platform.accounts.staff.get(session, ada.id).password_hash = old
    sign_in("ada@example.com")
    with platform.db.read() as session:
        stored = platform.accounts.staff.get(session, ada.id).password_hash
    assert stored is not None
    assert stored != old
    assert not platform.accounts.passwords.is_outdated(stored)
    sign_in("ada@example.com")


def test_hashing_happens_outside_of_transactions(
    platform: Platform, hire: Hire, sign_in: SignInWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody could write for as long as a hash takes."""
    hire("ada@example.com")
    verify = Passwords.verify

    def while_others_write(self: Passwords, stored: str | None, password: str) -> bool:
        with platform.db.write() as session:
            platform.subjects.create(session)
        return verify(self, stored, password)

    monkeypatch.setattr(Passwords, "verify", while_others_write)
    sign_in("ada@example.com")


# Changing the password


def test_changing_the_password_takes_the_present_one(
    platform: Platform, hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    hire("ada@example.com")
    here, there = sign_in("ada@example.com"), sign_in("ada@example.com")
    actor = session_of(here.token)
    assert actor is not None
    with pytest.raises(Unauthenticated) as caught:
        platform.accounts.sign_in.change_password(actor, present="wrong", new=NEW)
    assert caught.value.code == "wrong_password"
    platform.accounts.sign_in.change_password(actor, present=PASSWORD, new=NEW)
    assert session_of(here.token) is not None
    assert session_of(there.token) is None
    assert sign_in("ada@example.com", NEW)


def test_guessing_the_present_password_in_an_open_session_locks_too(
    platform: Platform, hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    hire("ada@example.com")
    actor = session_of(sign_in("ada@example.com").token)
    assert actor is not None
    codes = []
    for _attempt in range(4):
        with pytest.raises(Problem) as caught:
            platform.accounts.sign_in.confirm_password(actor, "wrong")
        codes.append(caught.value.code)
    assert codes == ["wrong_password"] * 3 + ["sign_in_locked"]


def test_a_weak_new_password_changes_nothing(
    platform: Platform, hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    hire("ada@example.com")
    actor = session_of(sign_in("ada@example.com").token)
    assert actor is not None
    with pytest.raises(Unprocessable):
        platform.accounts.sign_in.change_password(actor, present=PASSWORD, new="weak")
    assert sign_in("ada@example.com")


# A forgotten password


@pytest.fixture
def forget(
    platform: Platform, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> Callable[[str], str | None]:
    """`forget("ada@example.com")`: the code that the mail brings, if one comes."""

    def compose(sent: SentCode) -> Message:
        return Message(to=sent.to, subject="Code", text=f"The code is {sent.code}.")

    def run(email: str) -> str | None:
        before = len(captured_mail.all())
        with platform.db.write() as session:
            platform.accounts.sign_in.forgot(session, email, compose)
        run_jobs()
        if len(captured_mail.all()) == before:
            return None
        found = re.search(r"[0-9]{8}", captured_mail.text())
        return found[0] if found else None

    return run


def test_a_code_from_the_mail_sets_a_new_password_and_ends_all_sessions(
    platform: Platform,
    hire: Hire,
    sign_in: SignInWith,
    session_of: SessionOf,
    forget: Callable[[str], str | None],
    actions: Callable[[uuid.UUID], list[str]],
) -> None:
    ada = hire("ada@example.com")
    token = sign_in("ada@example.com").token
    code = forget("Ada@Example.com")
    assert code is not None
    platform.accounts.sign_in.reset("ada@example.com", code, NEW)
    assert session_of(token) is None
    assert sign_in("ada@example.com", NEW)
    assert actions(ada.id)[-1] == "core.staff.password_changed"


def test_a_reset_code_serves_once(
    platform: Platform, hire: Hire, forget: Callable[[str], str | None]
) -> None:
    hire("ada@example.com")
    code = forget("ada@example.com")
    assert code is not None
    platform.accounts.sign_in.reset("ada@example.com", code, NEW)
    with pytest.raises(Unauthenticated) as caught:
        platform.accounts.sign_in.reset("ada@example.com", code, "another long phrase")
    assert caught.value.code == "wrong_code"


def test_a_weak_password_does_not_use_up_the_code(
    platform: Platform, hire: Hire, sign_in: SignInWith, forget: Callable[[str], str | None]
) -> None:
    hire("ada@example.com")
    code = forget("ada@example.com")
    assert code is not None
    with pytest.raises(Unprocessable):
        platform.accounts.sign_in.reset("ada@example.com", code, "weak")
    platform.accounts.sign_in.reset("ada@example.com", code, NEW)
    assert sign_in("ada@example.com", NEW)


def test_nothing_is_sent_to_strangers_and_disabled_accounts(
    platform: Platform, hire: Hire, forget: Callable[[str], str | None]
) -> None:
    hire("boss@example.com", "*")
    gone: Staff = hire("gone@example.com")
    with platform.db.write() as session:
        platform.accounts.staff.disable(session, SYSTEM, gone.id)
    assert forget("gone@example.com") is None
    assert forget("nobody@example.com") is None
    assert forget("boss@example.com") is not None


def test_a_code_does_not_let_somebody_in_who_was_disabled_meanwhile(
    platform: Platform, hire: Hire, forget: Callable[[str], str | None]
) -> None:
    hire("boss@example.com", "*")
    ada = hire("ada@example.com")
    code = forget("ada@example.com")
    assert code is not None
    with platform.db.write() as session:
        platform.accounts.staff.disable(session, SYSTEM, ada.id)
    with pytest.raises(Unauthenticated):
        platform.accounts.sign_in.reset("ada@example.com", code, NEW)


def test_a_reset_undoes_a_lock(
    platform: Platform,
    hire: Hire,
    sign_in: SignInWith,
    refuse: Callable[..., Problem],
    forget: Callable[[str], str | None],
) -> None:
    hire("ada@example.com")
    for _attempt in range(4):
        refuse("ada@example.com")
    code = forget("ada@example.com")
    assert code is not None
    platform.accounts.sign_in.reset("ada@example.com", code, NEW)
    assert sign_in("ada@example.com", NEW)
