"""Forged requests: a cookie travels by itself, so an unsafe method needs more than a cookie."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from dxp.errors import Forbidden
from dxp.web.frame import SAFE_METHODS
from dxp.web.state import Identity

TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105  # the name of a header


def check_origin(identity: Identity) -> None:
    """Refuse an unsafe request that a foreign page may have made a browser send.

    API keys and tokens are exempt: a page of another site cannot add an Authorization header
    without asking first. A staff session needs the page's token, or a browser's word that the
    request comes from this origin. A plugin's credential may be a cookie or not, so it passes
    unless the browser says that another site sent it.

    Raises:
        Forbidden: the request may be forged (`csrf_failed`).
    """
    if request.method in SAFE_METHODS or identity.via in ("key", "token", "none"):
        return
    proof = _token_is_valid() or _same_origin()
    if proof is None and identity.via == "plugin":
        return
    if not proof:
        raise Forbidden(
            "The request was refused, because nothing proves that a page of this server sent it; "
            f"send the page's token as {TOKEN_HEADER}, or use an API key instead of a session",
            code="csrf_failed",
        )


def _token_is_valid() -> bool:
    token = request.headers.get(TOKEN_HEADER)
    if not token:
        return False
    try:
        validate_csrf(token)
    except ValidationError:
        return False
    return True


def _same_origin() -> bool | None:
    """What the browser says; None when it says nothing."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.host
    return None
