"""What an entry keeps of a change: plain values, only what differs, no secrets."""

from __future__ import annotations

import base64
import enum
import math
import uuid
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
_SECRET_WORDS = ("password", "passwd", "secret", "token", "hash", "totp", "otp", "recovery", "salt")
_SECRET_NAMES = frozenset({"key", "api_key", "code", "pin", "credential", "credentials"})


def changed(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Both sides as JSON-ready data, without what is equal on both and without secrets.

    A secret that changed stays as a key whose value says that it was left out.
    """
    old: dict[str, Any] | None = None if before is None else plain(before)
    new: dict[str, Any] | None = None if after is None else plain(after)
    if old is not None and new is not None:
        same = {k for k in old.keys() & new.keys() if old[k] == new[k]}
        old = {k: v for k, v in old.items() if k not in same}
        new = {k: v for k, v in new.items() if k not in same}
    return _redact_all(old), _redact_all(new)


def plain(value: Any) -> Any:
    """A JSON-ready copy; what has no JSON form becomes text."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {_plain_text(str(k)): plain(v) for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(v) for v in value), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return _plain_text(str(value))


def _plain_float(value: float) -> float | int | str:
    """A number that comes back from either database as it went in.

    jsonb has no NaN and no infinities, and gives 1e22 back as an integer.
    """
    if not math.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() else value


def _plain_text(value: str) -> str:
    """Text that PostgreSQL can store: without NUL and without halves of surrogate pairs."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _redact_all(side: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if side is None else {k: _redact(k, v) for k, v in side.items()}


def _redact(name: str, value: Any) -> Any:
    if value is not None and _is_secret(name):
        return REDACTED
    if isinstance(value, dict):
        return _redact_all(value)
    if isinstance(value, list):
        return [_redact(name, item) for item in value]
    return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    """Whole words are compared, so that `hashtags` and `tokenizer` stay readable."""
    words = name.lower().replace("-", "_").split("_")
    return name.lower() in _SECRET_NAMES or any(word in _SECRET_WORDS for word in words)
