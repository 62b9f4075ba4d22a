"""Forged requests to the admin: every unsafe one carries a token that only our pages hold."""

from __future__ import annotations

from flask import current_app, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from dxp.errors import Forbidden
from dxp.web.csrf import TOKEN_HEADER
from dxp.web.frame import SAFE_METHODS

FIELD = "csrf_token"


def csrf_token() -> str:
    """The token of this browser's session, for forms and for the page's meta element."""
    token: str = generate_csrf(secret_key=current_app.secret_key)
    return token


def check_token() -> None:
    """Refuse an unsafe request without the page's token, also from who is not signed in.

    Raises:
        Forbidden: the token is missing, stale or another browser's (`csrf_failed`).
    """
    if request.method in SAFE_METHODS:
        return
    token = request.headers.get(TOKEN_HEADER) or request.form.get(FIELD)
    try:
        validate_csrf(token, secret_key=current_app.secret_key)
    except ValidationError as error:
        raise Forbidden(
            "The form was not accepted, because its security token is missing or out of date; "
            "go back, reload the page and send the form again",
            code="csrf_failed",
        ) from error
