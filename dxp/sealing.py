"""Encrypting small values that must lie in the database but not be read there."""

from __future__ import annotations

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from dxp.errors import DxpError

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Unsealable(DxpError):
    """A sealed value was changed, or sealed under another key."""


def seal(key: bytes, value: bytes) -> str:
    """Encrypt and authenticate `value` under a 32-byte key (AES-256-GCM), as a compact JWE."""
    return jwe.encrypt_compact(_HEADER, value, OctKey.import_key(key))


def unseal(key: bytes, sealed: str) -> bytes:
    """The value back.

    Raises:
        Unsealable: it was tampered with, or the key is another one.
    """
    try:
        plaintext = jwe.decrypt_compact(sealed, OctKey.import_key(key)).plaintext
    except (JoseError, ValueError) as error:
        raise Unsealable(
            "a sealed value cannot be opened: it was changed, or the platform's secret_key is not "
            "the one it was sealed with; restore the secret_key that belongs to this database"
        ) from error
    if plaintext is None:
        raise Unsealable("a sealed value holds nothing; seal it anew")
    return plaintext
