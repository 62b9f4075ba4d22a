"""The cookie that holds a staff session's token.

It is neither signed nor encrypted: the token is random, and the database knows it or does not.
"""

from __future__ import annotations

from flask import Request, Response
from flask import session as browser_state

COOKIE = "dxp_session"
_MAX_LENGTH = 100


def staff_token(req: Request) -> str | None:
    """The token that the browser sent, if any."""
    token = req.cookies.get(COOKIE)
    return token if token and len(token) <= _MAX_LENGTH and token.isascii() else None


def keep_staff_token(response: Response, token: str, *, secure: bool) -> None:
    """Give the browser the token of the session that was just opened.

    It ends with the browser; the database ends it earlier. What the browser held before signing
    in, such as the token against forged requests, is dropped, so that nothing planted lives on.
    """
    browser_state.clear()
    response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=secure, path="/")


def drop_staff_token(response: Response, *, secure: bool) -> None:
    """Make the browser forget the token."""
    browser_state.clear()
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=secure, path="/")
