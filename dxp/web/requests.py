"""What happens around every request: its id, its locale, default deny, headers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from flask import Flask, Response, current_app, request

from dxp.audit import request_id as audit_request_id
from dxp.errors import Forbidden
from dxp.web.access import Access, anyone
from dxp.web.browsers import answer_preflight
from dxp.web.headers import set_security_headers
from dxp.web.logs import log_request
from dxp.web.metrics import observe_request
from dxp.web.state import RequestState, begin_state, current_platform, find_state

if TYPE_CHECKING:
    from dxp.settings import Settings

REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}\Z")


@dataclass(frozen=True, kw_only=True)
class Route:
    """A registered route. `access` is None when it declares none; it is then refused."""

    rule: str
    methods: frozenset[str]
    endpoint: str
    access: Access | None


def install_requests(app: Flask) -> None:
    """Hook into the beginning and the end of every request."""
    app.before_request(_begin)
    app.before_request(_refuse_undeclared)
    app.after_request(_end)
    app.teardown_request(_forget)


def iter_routes(app: Flask) -> Iterator[Route]:
    """All routes with their access rules, for tests and documentation."""
    for rule in app.url_map.iter_rules():
        yield Route(
            rule=rule.rule,
            methods=frozenset(rule.methods or ()) - {"HEAD", "OPTIONS"},
            endpoint=rule.endpoint,
            access=access_of(app, rule.endpoint),
        )


def access_of(app: Flask, endpoint: str) -> Access | None:
    """The rule of one endpoint. Static files are the same for everybody."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return anyone()
    found = getattr(app.view_functions[endpoint], "dxp_access", None)
    return found if isinstance(found, Access) else None


def _begin() -> None:
    sent = request.headers.get(REQUEST_ID_HEADER, "")
    request_id = sent if _REQUEST_ID.match(sent) else uuid.uuid4().hex
    settings = current_platform().settings
    begin_state(RequestState(request_id=request_id, locale=negotiate_locale(settings)))
    audit_request_id.set(request_id)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def negotiate_locale(settings: Settings) -> str:
    """`locale=` if the platform has it, else the best of Accept-Language, else the default."""
    asked = request.args.get("locale")
    available = settings.locale.available
    if asked in available:
        return asked
    for tag, quality in request.accept_languages:
        # Werkzeug's own match would take a lesser wish in full before a greater one in part.
        for wanted in (tag, tag.replace("_", "-").partition("-")[0].lower()):
            if quality > 0 and wanted in available:
                return wanted
    return settings.locale.default


def _refuse_undeclared() -> Response | None:
    endpoint = request.endpoint
    if endpoint is None:
        return None
    access = access_of(current_app, endpoint)
    if request.method == "OPTIONS":
        return answer_preflight(current_app, access)
    if access is None:
        raise Forbidden(
            "This address was refused, because it does not declare who may use it; register it "
            "through ApiBlueprint or AdminBlueprint, which ask for an access rule"
        )
    return None


def _end(response: Response) -> Response:
    state = find_state()
    if state is None:
        return response
    for finish in reversed(state.finishers):
        finish(response)
    response.headers[REQUEST_ID_HEADER] = state.request_id
    response.headers.setdefault("Content-Language", state.locale)
    set_security_headers(response, nonce=state.nonce)
    observe_request(current_app, response)
    log_request(response)
    return response


def _forget(_error: BaseException | None) -> None:
    platform = current_platform()
    platform.accounts.last_seen.flush()
    platform.plugins.failure_log.flush()
    audit_request_id.set(None)
    structlog.contextvars.clear_contextvars()
