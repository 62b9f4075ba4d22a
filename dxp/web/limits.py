"""Rate limits: so many requests for each caller, known or by address."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import structlog
from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from limits.errors import StorageError

from dxp.auth.actors import KeyActor
from dxp.errors import ConfigurationError, TooManyRequests
from dxp.web.state import request_state

if TYPE_CHECKING:
    from dxp.platform import Platform
    from dxp.settings import Settings

log = structlog.get_logger(__name__)
_KEY = "dxp_limiter"


def install_limits(app: Flask, settings: Settings) -> None:
    """Attach flask-limiter with the storage of the settings.

    flask-limiter would count before anybody knows who asks; so it holds the storage and the
    strategy, and the frame counts once the actor is known.

    Raises:
        ConfigurationError: a rate or the storage's address is malformed.
    """
    for key in ("rate_limit", "browser_rate_limit", "sign_in_rate_limit"):
        parse_rate(getattr(settings.api, key), name=f"api.{key}")
    try:
        limiter = Limiter(
            _address,
            storage_uri=settings.api.rate_limit_storage,
            storage_options={"wrap_exceptions": True},
            strategy="sliding-window-counter",
        )
        limiter.init_app(app)
    except (StorageError, ImportError, ValueError) as error:
        raise ConfigurationError(
            f"api.rate_limit_storage: {error}; use memory:// for one process, or such as "
            "redis://127.0.0.1:6379/1 for several"
        ) from error
    app.extensions[_KEY] = limiter


def parse_rate(text: str, *, name: str) -> RateLimitItem:
    """A rate such as `600/minute`.

    Raises:
        ConfigurationError: it is no rate; `name` says where it stands.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{name}: {text!r} is no rate; write a number and a unit, such as 600/minute"
        ) from error


def limit_request(platform: Platform) -> None:
    """Count this request against its caller, and tell in headers what is left.

    Raises:
        TooManyRequests: nothing is left.
    """
    identity = request_state().identity
    known = identity is not None and identity.via != "none"
    caller = identity.actor.key if identity is not None and known else f"address:{_address()}"
    actor = None if identity is None else identity.actor
    if isinstance(actor, KeyActor) and actor.browser:
        # All visitors of a site hold the same key; each is limited by itself.
        rate = platform.settings.api.browser_rate_limit
        hit_limit("browser", rate, f"{caller}:address:{_address()}")
        return
    hit_limit("api", platform.settings.api.rate_limit, caller)


def check_limit(name: str, rate: str, caller: str) -> None:
    """Refuse who has used `name` up, without counting this use.

    For what only failures count against, such as guessing: ask before the answer, and
    `hit_limit` after a wrong one. Otherwise the right guess would still get through.

    Raises:
        TooManyRequests: over `rate`, such as `10/minute`.
    """
    limiter = cast("Limiter", current_app.extensions[_KEY])
    item = parse(rate)
    try:
        if limiter.limiter.test(item, name, caller):
            return
        window = limiter.limiter.get_window_stats(item, name, caller)
    except StorageError as error:
        log.warning("rate_limit_storage_down", error=str(error.storage_error))
        return
    raise _used_up(rate, max(1, round(window.reset_time - time.time())), {})


def hit_limit(name: str, rate: str, caller: str) -> None:
    """Count one use of `name` by `caller`; for sign-in, codes by mail, and the like.

    When the storage is down the request passes: a missing limit is a smaller evil than an
    outage, and the accounts lock by themselves.

    Raises:
        TooManyRequests: over `rate`, such as `10/minute`.
    """
    limiter = cast("Limiter", current_app.extensions[_KEY])
    item = parse(rate)
    try:
        allowed = limiter.limiter.hit(item, name, caller)
        window = limiter.limiter.get_window_stats(item, name, caller)
    except StorageError as error:
        log.warning("rate_limit_storage_down", error=str(error.storage_error))
        return
    seconds = max(1, round(window.reset_time - time.time()))
    headers = {
        "RateLimit-Limit": str(item.amount),
        "RateLimit-Remaining": str(window.remaining),
        "RateLimit-Reset": str(seconds),
    }
    if not allowed:
        raise _used_up(rate, seconds, headers)

    def tell(response: Response) -> None:
        response.headers.update(headers)

    request_state().finishers.append(tell)


def _used_up(rate: str, seconds: int, headers: dict[str, str]) -> TooManyRequests:
    return TooManyRequests(
        f"The request was refused, because the limit of {rate} is used up; "
        f"wait {seconds} seconds and try again",
        headers=headers | {"Retry-After": str(seconds)},
    )


def _address() -> str:
    return request.remote_addr or "unknown"
