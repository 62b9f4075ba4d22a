"""How coupon codes look, how they are derived, and what is kept of them.

A generated code is derived from the platform's secret, its batch and its number, so that it need
not be stored: the database holds a keyed hash, which tells nothing without the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dxp.api import Platform

# Without look-alikes: no 0 and O, no 1, I and L. Both have a prime number of letters, so that the
# check character finds every wrong letter and every two neighbours that changed places.
ALPHABETS: Mapping[str, str] = {
    "letters_digits": "23456789ABCDEFGHJKMNPQRSTUVWXYZ",
    "letters": "ABCDEFGHJKMNPQRSTUVWXYZ",
}
LEAST_LENGTH, MOST_LENGTH = 6, 32
LEAST_BITS = 32.0
"""A guess hits one of a batch's codes once in 2**32 tries at most."""
OWN_LENGTH = 15
_GAPS = re.compile(r"[\s\-\u2010-\u2015\u2212_.]+")
_GROUP = 4


@dataclass(frozen=True, kw_only=True)
class CodeForm:
    """How the codes of a batch look: a prefix, random letters, and a check character.

    Attributes:
        length: random letters; the check character comes besides.
    """

    prefix: str = ""
    length: int = 12
    alphabet: str = "letters_digits"

    @property
    def letters(self) -> str:
        return ALPHABETS[self.alphabet]

    @property
    def entropy(self) -> float:
        """Bits that nobody can guess."""
        return self.length * math.log2(len(self.letters))

    def safety(self, codes: int) -> float:
        """Bits of the chance that one guess hits one of so many codes."""
        return self.entropy - math.log2(max(1, codes))

    def has_check(self, code: str) -> bool:
        """Whether the check character fits: False for a code that was mistyped."""
        body = normalised(code).removeprefix(normalised(self.prefix))
        if len(body) != self.length + 1 or any(letter not in self.letters for letter in body):
            return False
        return check_character(body[:-1], self.letters) == body[-1]


class CodeMaker:
    """Derives codes and hashes them, with keys of the platform's secret."""

    def __init__(self, platform: Platform) -> None:
        self._making = platform.settings.secret("loyalty-coupon-codes")
        self._hashing = platform.settings.secret("loyalty-coupon-hashes")

    def code(self, form: CodeForm, origin: bytes, number: int) -> str:
        """The code with a number in a batch, in groups of four.

        Args:
            origin: the batch's id, or that of the redemption that has a code of its own.
        """
        digest = hmac.new(self._making, origin + number.to_bytes(8, "big"), hashlib.sha256).digest()
        rest = int.from_bytes(digest, "big")
        letters = form.letters
        body = ""
        for _place in range(form.length):
            rest, index = divmod(rest, len(letters))
            body += letters[index]
        body += check_character(body, letters)
        groups = [body[at : at + _GROUP] for at in range(0, len(body), _GROUP)]
        return form.prefix + "-".join(groups)

    def hash(self, code: str) -> str:
        """What is kept of a code, however it is written."""
        return hmac.new(self._hashing, normalised(code).encode(), hashlib.sha256).hexdigest()

    def of_redemption(self, redemption_id: bytes) -> str:
        """The code that a redemption makes for itself."""
        return self.code(CodeForm(length=OWN_LENGTH), redemption_id, 0)

    def given(self, redemption_id: bytes, kept: Mapping[str, Any]) -> str:
        """The code that a redemption gave, as `kept` describes it."""
        if "batch" not in kept:
            return self.of_redemption(redemption_id)
        form = CodeForm(prefix=kept["prefix"], length=kept["length"], alphabet=kept["alphabet"])
        return self.code(form, bytes.fromhex(kept["batch"]), kept["number"])


def normalised(code: str) -> str:
    """A code without what people add or change when they type it: gaps, dashes, small letters."""
    return _GAPS.sub("", unicodedata.normalize("NFKC", code)).upper()


def check_character(body: str, letters: str) -> str:
    """The letter that makes a mistyped code be noticed.

    A weighted sum modulo a prime, as in ISBN-10: the weights are neither 0 nor equal for two
    neighbours, so a wrong letter, or two that changed places, always change the sum.
    """
    prime = len(letters)
    total = sum(
        (place % (prime - 1) + 1) * letters.index(letter) for place, letter in enumerate(body)
    )
    return letters[total % prime]
