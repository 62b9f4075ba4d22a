"""What one request carries besides Flask's own: set by the first hook, read everywhere in web."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from flask import current_app, g, has_request_context

from dxp.auth.actors import Actor

if TYPE_CHECKING:
    from flask import Response

    from dxp.platform import Platform


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who asks, and by which credential.

    `via` matters for forged requests: a browser adds a cookie by itself, and nothing else.
    """

    actor: Actor
    via: Literal["key", "token", "session", "plugin", "none"] = "none"


@dataclass(kw_only=True)
class RequestState:
    """Attributes:
    started: on the monotonic clock, for the access line and the metrics.
    locale: negotiated; never empty.
    timezone: in which pages show moments; None: that of the site.
    nonce: of this answer's content security policy.
    finishers: run on the response before it leaves, last registered first.
    """

    request_id: str
    locale: str
    timezone: str | None = None
    started: float = field(default_factory=time.perf_counter)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    identity: Identity | None = None
    finishers: list[Callable[[Response], None]] = field(default_factory=list)


def begin_state(state: RequestState) -> None:
    """Attach the state to the request that is being served."""
    g.dxp_request = state


def request_state() -> RequestState:
    """The state of the request that is being served."""
    return cast("RequestState", g.dxp_request)


def find_state() -> RequestState | None:
    """The state, or None when the request failed before it had one, or outside of requests."""
    return cast("RequestState | None", g.get("dxp_request")) if has_request_context() else None


def current_platform() -> Platform:
    """The platform of the application that serves the request."""
    return cast("Platform", current_app.extensions["dxp"])


def csp_nonce() -> str:
    """The nonce for `<script nonce>` and `<style nonce>` of the page being rendered."""
    return request_state().nonce
