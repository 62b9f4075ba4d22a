"""Origins: the sites whose pages may use a browser's key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from dxp.errors import FieldError, Unprocessable

MAX_ORIGINS = 20
_LONGEST = 200
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_PORTS = {"https": 443, "http": 80}
_OWN_MACHINE = ("localhost", "127.0.0.1")


def check_origins(given: Iterable[str]) -> list[str]:
    """Origins as browsers send them, sorted and without repetition.

    Raises:
        Unprocessable: one is none, or there are too many (`invalid_key`).
    """
    found: set[str] = set()
    for text in given:
        origin = _origin(text)
        if origin is None:
            raise _refused(
                f"{text.strip()[:80]!r} is no origin; write the scheme and the host, such as "
                "https://shop.example, without a path; plain http only for localhost"
            )
        found.add(origin)
    if len(found) > MAX_ORIGINS:
        raise _refused(f"More than {MAX_ORIGINS} origins; make a second key for the others")
    return sorted(found)


def _origin(text: str) -> str | None:
    if len(text) > _LONGEST:
        return None
    try:
        parts = urlsplit(text.strip().rstrip("/"))
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _OWN_MACHINE)
    rest = (parts.path, parts.query, parts.fragment, parts.username, parts.password)
    if not secure or any(rest) or not _HOST.match(host):
        return None
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def _refused(detail: str) -> Unprocessable:
    return Unprocessable(
        f"The API key was not made: {detail}.",
        code="invalid_key",
        errors=[FieldError(code="invalid", detail=detail, pointer="/origins")],
    )
