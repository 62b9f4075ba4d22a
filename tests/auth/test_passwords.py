"""Hashing and judging passwords."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxp.auth.passwords import MAX_LENGTH, Passwords
from dxp.errors import Unprocessable
from dxp.settings import AccountSettings

CHEAP = AccountSettings(argon2_memory_kib=8, argon2_time_cost=1)
PASSWORDS = Passwords(CHEAP)
GOOD = "correct horse battery staple"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.text(max_size=60))
def test_a_hash_fits_its_password_and_no_other(password: str, other: str) -> None:
    stored = PASSWORDS.hash(password)
    assert PASSWORDS.verify(stored, password)
    assert PASSWORDS.verify(stored, other) == (normal(password) == normal(other))


def normal(text: str) -> bytes:
    return unicodedata.normalize("NFKC", text).encode("utf-8", "replace")


def test_the_same_password_from_another_keyboard_fits() -> None:
    composed, decomposed = "caf\u00e9 und kuchen", "cafe\u0301 und kuchen"
    assert PASSWORDS.verify(PASSWORDS.hash(composed), decomposed)


def test_nobody_s_password_fits_nothing() -> None:
    assert not PASSWORDS.verify(None, GOOD)
    assert not PASSWORDS.verify("no hash at all", GOOD)


def test_a_hash_of_other_costs_is_outdated() -> None:
    dearer = Passwords(AccountSettings(argon2_memory_kib=16, argon2_time_cost=2))
    stored = PASSWORDS.hash(GOOD)
    assert not PASSWORDS.is_outdated(stored)
    assert dearer.is_outdated(stored)
    assert dearer.verify(stored, GOOD)


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "demo-3f9a1c77e210",
        "VpaOqj99rkID4MSYP0ST",
        "گذرواژه‌ای که حدس زده نمی‌شود",
        "masterful access to abcesses",
        "x" * 3 + "kjasdfoiu qwe" * 10,
    ],
)
def test_a_password_that_is_hard_to_guess_passes(password: str) -> None:
    PASSWORDS.check(password, personal=("Ada Lovelace", "ada@example.com"))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("elevenchars", "fewer than 12"),
        ("", "fewer than 12"),
        ("k7!pQz" * 60, f"more than {MAX_LENGTH}"),
        ("aaaaaaaaaaaaaaaa", "repeats"),
        ("ababababababab", "repeats"),
        ("abcdefghijklmnop", "run"),
        ("zyxwvutsrqponmlk", "run"),
        ("password1234", "tried first"),
        ("Password!2026!", "tried first"),
        ("p4ssw0rd987654321", "tried first"),
        ("qwertyuiop123", "tried first"),
        ("Letmein!Letmein!", "tried first"),
        ("adminadminadmin", "tried first"),
        ("WelcomeAdmin2026", "tried first"),
        ("ada.lovelace12", "your name"),
        ("lovelaceexample", "your name"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused_with_the_reason(
    password: str, reason: str
) -> None:
    with pytest.raises(Unprocessable) as caught:
        PASSWORDS.check(password, personal=("Ada Lovelace", "ada@example.com"))
    assert caught.value.code == "weak_password"
    assert reason in caught.value.detail
    assert not password or password not in caught.value.detail
    assert caught.value.errors[0].pointer == "/password"
