"""Cursors: where a list goes on, opaque and signed, so that nobody can make one up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from dxp.errors import BadRequest, FieldError

_SIGNATURE_BYTES = 16
MAX_CURSOR_LENGTH = 4096

_WRITE: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (bool, "b", bool),
    (int, "i", str),
    (float, "f", float.hex),
    (str, "s", str),
    (uuid.UUID, "u", str),
    (datetime, "t", datetime.isoformat),
    (date, "d", date.isoformat),
    (Decimal, "n", str),
)
_READ: dict[str, Callable[[Any], Any]] = {
    "b": bool,
    "i": int,
    "f": float.fromhex,
    "s": str,
    "u": uuid.UUID,
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "n": Decimal,
}


def write_cursor(values: Sequence[object], *, binding: str, secret: bytes) -> str:
    """The cursor after the row with these sort values, valid for one query only.

    Raises:
        TypeError: a value is NULL or of a kind that has no stable order on both databases.
    """
    payload = orjson.dumps([_encode(value) for value in values])
    token = _sign(payload, binding, secret) + payload
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def read_cursor(cursor: str, *, binding: str, secret: bytes, length: int) -> list[Any]:
    """The sort values of a cursor.

    Raises:
        BadRequest: altered, cut short, or from another query (`invalid_cursor`).
    """
    try:
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise ValueError("too long")
        token = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        )
        signature, payload = token[:_SIGNATURE_BYTES], token[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _sign(payload, binding, secret)):
            raise ValueError("signature")
        values = [_READ[kind](value) for kind, value in orjson.loads(payload)]
        if len(values) != length:
            raise ValueError("length")
        return values
    except (ValueError, KeyError, TypeError, binascii.Error, InvalidOperation) as error:
        raise BadRequest(
            "The cursor was refused, because it was altered or belongs to another query; begin "
            "without a cursor, and follow page.next with all other parameters unchanged",
            code="invalid_cursor",
            errors=(
                FieldError(
                    code="invalid_cursor", detail="Not a cursor of this query.", parameter="cursor"
                ),
            ),
        ) from error


def _encode(value: object) -> tuple[str, Any]:
    for kind, tag, write in _WRITE:
        if isinstance(value, kind):
            return tag, write(value)
    if value is None:
        raise TypeError(
            "a list is sorted by a column that is NULL in some row, and NULLs sort differently on "
            "the two databases; sort by a column that is NOT NULL, or by func.coalesce(...)"
        )
    raise TypeError(
        f"a list is sorted by a {type(value).__name__}, which a cursor cannot hold; "
        "sort by numbers, texts, dates, moments or ids"
    )


def _sign(payload: bytes, binding: str, secret: bytes) -> bytes:
    bound = hashlib.sha256(binding.encode()).digest()
    return hmac.new(secret, bound + payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
