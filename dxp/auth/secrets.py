"""Making random tokens, and the forms in which they and other short secrets are stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import unicodedata

ALPHANUMERIC = string.ascii_letters + string.digits
LOWER_ALPHANUMERIC = string.ascii_lowercase + string.digits
# Without 0, 1, I and O, which people mistake for one another on paper.
READABLE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def random_text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def random_digits(length: int) -> str:
    return random_text(string.digits, length)


def hash_token(token: str) -> str:
    """SHA-256 in hex. Only for secrets that are random and long: it is fast to compute."""
    return hashlib.sha256(token.encode()).hexdigest()


def keyed_digest(key: bytes, *parts: str) -> str:
    """HMAC-SHA256 in hex, for values that could be guessed: codes, addresses."""
    message = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare digests without telling by the time it takes where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def canonical_email(address: str) -> str:
    """An address as it is compared and as mail is sent to it: NFKC, trimmed, folded.

    Sending to the address as it was typed would let somebody who owns a look-alike that folds to
    the same text receive another's code.
    """
    return unicodedata.normalize("NFKC", address).strip().casefold()
