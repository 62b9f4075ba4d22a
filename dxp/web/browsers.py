"""Requests that pages of other sites make, with a browser's key.

Such a key lies open in the pages, so it opens little: what it sends is believed only as far as any
visitor may say it, and only pages of the key's own sites get an answer that they can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor, KeyActor
from dxp.errors import Forbidden
from dxp.web.access import Access
from dxp.web.state import current_platform, request_state

if TYPE_CHECKING:
    from dxp.platform import Platform

TOKEN_HEADER = "X-Customer-Token"  # noqa: S105  # the name of a header
_SENT = f"Authorization, Content-Type, {TOKEN_HEADER}, X-Request-Id"
_SHOWN = "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
_PREFLIGHT_SECONDS = 600


def answer_preflight(app: Flask, access: Access | None) -> Response | None:
    """The answer to a browser that asks whether a page of another site may call this route.

    None when the question is another, or the answer is no: then nothing is said about origins,
    which a browser takes for a refusal.
    """
    origin = request.headers.get("Origin")
    asked = request.headers.get("Access-Control-Request-Method")
    if request.method != "OPTIONS" or origin is None or asked is None or access is None:
        return None
    platform = current_platform()
    if not platform.accounts.permissions.for_browsers().intersection(access.permissions):
        return None
    if origin not in platform.accounts.keys.origins():
        return None
    response = app.make_default_options_response()
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
    response.headers["Access-Control-Allow-Headers"] = _SENT
    response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    response.vary.update(("Origin", "Access-Control-Request-Method"))
    return response


def admit_browser(platform: Platform, session: Session, actor: KeyActor) -> KeyActor:
    """Let a browser's key in from one of its sites, with the customer whose token comes along.

    Raises:
        Forbidden: the page is of another site, or does not say of which (`origin_not_allowed`).
        Unauthenticated: the customer's token is `token_invalid`, `token_expired` or
            `token_revoked`.
    """
    origin = request.headers.get("Origin", "")
    if origin not in actor.origins:
        sent = f"{origin!r} is none of its sites" if origin else "the request names no Origin"
        raise Forbidden(
            f"The API key {actor.name!r} was refused, because it is for pages of certain sites, "
            f"and {sent}; use it in pages of these, or have the site added in a new key",
            code="origin_not_allowed",
        )

    def allow(response: Response) -> None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _SHOWN
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.vary.add("Origin")

    request_state().finishers.append(allow)
    token = request.headers.get(TOKEN_HEADER)
    if token is None:
        return actor
    customer = platform.accounts.actor_of_token(session, token)
    return replace(actor, customer_id=customer.subject_id)


def check_subject(actor: Actor, subject: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Whom a request is about, as far as its sender may say so; others than browsers may.

    Args:
        subject: by `id`, `ref` or `anonymous_id`, as it was sent.

    Returns:
        the subject; when a browser names none, the customer whose token it sent along.

    Raises:
        Forbidden: a browser names a customer by anything but its own token
            (`subject_not_trusted`).
    """
    if not isinstance(actor, KeyActor) or not actor.browser:
        return subject
    if not subject:
        return subject if actor.customer_id is None else {"id": actor.customer_id}
    own = "id" not in subject or subject["id"] == actor.customer_id
    if "ref" in subject or not own:
        raise Forbidden(
            "The subject was refused, because anybody can read a browser's key and name whom they "
            f"like; send an anonymous_id, or the customer's own token as {TOKEN_HEADER}",
            code="subject_not_trusted",
        )
    return subject
