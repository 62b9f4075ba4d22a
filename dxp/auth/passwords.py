"""Hashing and judging passwords."""

from __future__ import annotations

import functools
import itertools
import re
import secrets
import unicodedata
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dxp.errors import FieldError, Unprocessable
from dxp.settings import AccountSettings

MIN_LENGTH = 12
# argon2 reads the whole input: without a bound, a megabyte of password is a megabyte of work.
MAX_LENGTH = 256
_MIN_DISTINCT = 5
_MIN_REST = 5
_OBVIOUS = (
    "password", "passwort", "motdepasse", "passphrase", "welcome", "letmein", "qwertyuiop",
    "qwerty", "azerty", "asdfghjkl", "zxcvbnm", "changeme", "iloveyou", "administrator", "admin",
    "superuser", "secret", "monkey", "dragon", "football", "baseball", "sunshine", "princess",
    "trustno", "access", "master", "login", "default", "abc", "dxp",
)  # fmt: skip
# What stands in for a letter in `p4ssw0rd`.
_STAND_INS = {"a": "4@", "e": "3", "i": "1!", "l": "1", "o": "0", "s": "5$", "t": "7"}
_MIN_OTHER_LETTERS = 3


class Passwords:
    """argon2id with the costs from the settings."""

    def __init__(self, settings: AccountSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=1,
        )

    def hash(self, password: str) -> str:
        """The stored form. Takes tens of milliseconds: not inside a long transaction."""
        return self._hasher.hash(_normalise(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one; takes as long when there is none to compare with."""
        try:
            self._hasher.verify(stored or self._nobodys, _normalise(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other costs than the settings now say."""
        return self._hasher.check_needs_rehash(stored)

    @functools.cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(16))

    def check(
        self, password: str, *, personal: Iterable[str] = (), pointer: str = "/password"
    ) -> None:
        """Refuse what is short or what an attacker tries first.

        Args:
            personal: the owner's name and e-mail address, which may not make up the password.

        Raises:
            Unprocessable: the password is too weak (`weak_password`), with the reason.
        """
        fault = _fault(_normalise(password), personal)
        if fault is not None:
            raise Unprocessable(
                f"The password was refused: {fault}. Take four or more unrelated words, or let a "
                "password manager make one",
                code="weak_password",
                errors=[FieldError(code="weak_password", detail=fault, pointer=pointer)],
            )


def _normalise(password: str) -> str:
    """The same password typed on another keyboard is the same password.

    A half of a surrogate pair, which argon2 cannot encode, can come in through JSON.
    """
    text = unicodedata.normalize("NFKC", password)
    return text.encode("utf-8", "replace").decode("utf-8")


def _fault(password: str, personal: Iterable[str]) -> str | None:
    if len(password) < MIN_LENGTH:
        return f"it has fewer than {MIN_LENGTH} characters"
    if len(password) > MAX_LENGTH:
        return f"it has more than {MAX_LENGTH} characters"
    if len(set(password.casefold())) < _MIN_DISTINCT:
        return "it repeats a few characters"
    if _is_run(password.casefold()):
        return "it is a run of neighbouring characters"
    rest = password.casefold()
    for word in _personal_words(personal):
        rest = rest.replace(word, "")
    if len(rest) < _MIN_REST:
        return "it is made of your name or address"
    # Both ways: taking out the `com` of an address would hide the word in `welcome`.
    if _is_obvious(password.casefold()) or _is_obvious(rest):
        return "it is made of words that are tried first"
    return None


def _is_obvious(text: str) -> bool:
    other, words = _obvious_words().subn("", text)
    return words > 0 and len(set(re.sub(r"[\W\d_]", "", other))) < _MIN_OTHER_LETTERS


@functools.cache
def _obvious_words() -> re.Pattern[str]:
    words = (
        "".join(f"[{letter}{re.escape(_STAND_INS.get(letter, ''))}]" for letter in word)
        for word in sorted(_OBVIOUS, key=len, reverse=True)
    )
    return re.compile("|".join(words))


def _personal_words(personal: Iterable[str]) -> list[str]:
    words = {
        word for text in personal for word in re.split(r"[\W_]+", text.casefold()) if len(word) >= 3
    }
    return sorted(words, key=lambda word: (-len(word), word))


def _is_run(text: str) -> bool:
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(text)}
    return len(steps) == 1 or text in ("123456789012", "1234567890123", "qwertyuiop[]")
