"""Watching: is the process up, may it get traffic, what are its figures."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dxp.db.owners import owners_of
from dxp.db.revisions import status_of, unfit
from dxp.errors import ConfigurationError, Unavailable
from dxp.plugins.contexts import HealthCheck, HealthContext
from dxp.plugins.spec import Plugin
from dxp.web.access import anyone, needs
from dxp.web.answering import to_json
from dxp.web.frame import Entry
from dxp.web.routes import declare
from dxp.web.state import current_platform

if TYPE_CHECKING:
    from dxp.platform import Platform

MAX_LAG_SECONDS = 900.0
"""A backlog is ordinary; a quarter of an hour without a worker is not."""
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")
log = structlog.get_logger(__name__)


def health_blueprint() -> Blueprint:
    """`/healthz`, `/readyz` and `/metrics`."""
    blueprint = Blueprint("health", __name__)
    declare(blueprint, "/healthz", _healthz, access=anyone())
    declare(blueprint, "/readyz", _readyz, access=anyone())
    declare(blueprint, "/metrics", _metrics, access=anyone())
    return blueprint


def _healthz() -> Response:
    """The process answers; nothing else is looked at, so that a database that is down does not
    get it restarted.
    """
    return _json({"status": "ok"})


def _readyz() -> Response:
    """Whether to send traffic here."""
    checks = list(run_checks(current_platform()))
    frank = _is_local()
    shown = [_public(check, frank=frank) for check in checks]
    if not all(check.ok for check in checks):
        failing = ", ".join(check.name for check in checks if not check.ok)
        raise Unavailable(
            f"This server should get no traffic, because a check fails: {failing}; "
            "follow the advice of the check, which /readyz tells to clients on the same machine",
            code="not_ready",
            extra={"checks": shown},
            headers={"Retry-After": "10"},
        )
    return _json({"status": "ready", "checks": shown})


def run_checks(platform: Platform) -> Iterator[HealthCheck]:
    """The checks of /readyz: database, migrations, jobs, then each plugin's own."""
    try:
        with platform.db.read() as session:
            yield HealthCheck(name="database", ok=True, detail=f"{platform.db.dialect} answers")
            yield _check_migrations(platform, session)
            yield _check_jobs(platform, session)
            context = HealthContext(session=session, platform=platform)
            for answer in platform.plugins.call(Plugin.health, context):
                yield from answer.value
    except SQLAlchemyError as error:
        log.warning("health_check_failed", error=str(error))
        yield HealthCheck(
            name="database",
            ok=False,
            detail=f"{platform.db.dialect} does not answer: {type(error).__name__}",
            advice="See that the database runs and that database.url leads to it.",
        )


def _check_migrations(platform: Platform, session: Session) -> HealthCheck:
    try:
        reason = unfit(status_of(session.connection(), owners_of(platform)))
    except ConfigurationError as error:
        reason = str(error)
    return HealthCheck(
        name="migrations",
        ok=reason is None,
        detail=reason or "current",
        advice="" if reason is None else "Run: dxp db upgrade",
    )


def _check_jobs(platform: Platform, session: Session) -> HealthCheck:
    stats = platform.jobs.stats(session)
    return HealthCheck(
        name="jobs",
        ok=stats.lag_seconds <= MAX_LAG_SECONDS,
        detail=f"{stats.due} due, the oldest for {stats.lag_seconds:.0f} s; {stats.dead} dead",
        advice="See that a worker runs: `dxp worker`, or jobs.threads in the web process.",
    )


def _public(check: HealthCheck, *, frank: bool) -> dict[str, object]:
    """What to tell: the inside of the machine is nobody's business outside of it."""
    return asdict(check) if frank else {"name": check.name, "ok": check.ok}


def _metrics() -> Response:
    """For clients on the same machine, and for keys and staff with `core.metrics.read`."""
    platform = current_platform()
    if not _is_local():
        with Entry(platform, needs("core.metrics.read")):
            pass
    return Response(generate_latest(platform.metrics), content_type=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    """Whether the client is on this machine, and no proxy stands in between.

    Behind a proxy on the same machine everybody would seem to be local, so a trace of one counts
    as being far away.
    """
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _json(document: object) -> Response:
    response = Response(to_json(document), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
