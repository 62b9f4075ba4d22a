"""Default deny: every route of core and plugins says who may use it."""

from __future__ import annotations

from typing import Any

from dxp.auth.permissions import CORE_PERMISSIONS
from dxp.web import iter_routes
from dxp.web.access import Access

# Whatever is open to everybody is listed here, so that opening a route is a decision.
PUBLIC = {
    "/",
    "/admin/<path:rest>",
    "/admin/forgot",
    "/admin/locale",
    "/admin/reset",
    "/admin/sign-in",
    "/admin/sign-in/code",
    "/admin/static/build/<name>",
    "/api/docs",
    "/api/openapi.json",
    "/api/problems/",
    "/api/problems/<code>",
    "/api/static/<path:filename>",
    "/api/v1/auth/codes",
    "/api/v1/auth/codes/verify",
    "/api/v1/auth/refresh",
    "/api/v1/auth/revoke",
    "/healthz",
    "/metrics",
    "/readyz",
}


def test_every_route_declares_its_access(app: Any) -> None:
    routes = list(iter_routes(app))
    assert len(routes) > 60
    assert [route for route in routes if not isinstance(route.access, Access)] == []


def test_only_the_listed_routes_are_public(app: Any) -> None:
    public = {route.rule for route in iter_routes(app) if route.access.public}
    assert sorted(public - PUBLIC) == []


def test_every_permission_that_a_route_needs_is_declared(app: Any) -> None:
    declared = {permission.name for permission in app.extensions["dxp"].accounts.permissions}
    needed = {name for route in iter_routes(app) for name in route.access.permissions}
    assert needed - declared == set()


def test_every_permission_of_the_core_opens_something(make_app: Any) -> None:
    app = make_app(demo={"time_travel": True})
    needed = {name for route in iter_routes(app) for name in route.access.permissions}
    # Asked for by the view itself, because clients on the same machine need none.
    needed.add("core.metrics.read")
    assert [item.name for item in CORE_PERMISSIONS if item.name not in needed] == []


def test_a_route_without_access_is_refused_when_it_is_called(make_app: Any) -> None:
    app = make_app()
    app.add_url_rule("/forgotten", "forgotten", lambda: "open")
    assert app.test_client().get("/forgotten").status_code in (403, 500)


def test_nobody_gets_into_what_is_not_public(app: Any, client: Any) -> None:
    values = {
        "uuid": "00000000-0000-7000-8000-000000000000",
        "string": "x",
        "path": "x",
        "int": "1",
    }
    for route in iter_routes(app):
        if route.access.public:
            continue
        path = _fill(app, route.rule, values)
        for method in route.methods - {"HEAD", "OPTIONS"}:
            answer = client.open(path, method=method, json={} if method != "GET" else None)
            assert answer.status_code in (401, 403, 303), (method, path, answer.status_code)


def _fill(app: Any, rule: str, values: dict[str, str]) -> str:
    """An address of a rule. `any(a, b)` takes the first of its words."""
    import re

    def value(found: re.Match[str]) -> str:
        kind, words = found.groups()
        return words.split(",")[0].strip(" '\"") if kind == "any" else values[kind or "string"]

    return re.sub(r"<(?:(\w+)(?:\(([^)]*)\))?:)?\w+>", value, rule)
