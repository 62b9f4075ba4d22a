"""The web layer: the frame that every request passes, and the core's own addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from dxp.clock import Clock
from dxp.errors import ConfigurationError
from dxp.jobs.types import Job
from dxp.plugins.contexts import Routes
from dxp.plugins.manager import Answer
from dxp.privacy.jobs import PRIVACY_JOBS
from dxp.web.account_jobs import ACCOUNT_JOBS
from dxp.web.api import api_of, install_api
from dxp.web.auth_api import auth_blueprint
from dxp.web.blueprint import ApiBlueprint
from dxp.web.clock import DemoOffset
from dxp.web.core.demo import clock_api
from dxp.web.core.events import events_blueprint
from dxp.web.core.health import health_blueprint
from dxp.web.core.me import api as me_api
from dxp.web.core.pages import pages_blueprint
from dxp.web.core.privacy import api as privacy_api
from dxp.web.idempotency import WEB_JOBS, forget_person
from dxp.web.json import OrjsonProvider
from dxp.web.limits import check_limit, hit_limit, install_limits
from dxp.web.logs import configure_logging
from dxp.web.metrics import install_metrics
from dxp.web.openapi import document_events
from dxp.web.problem_codes import ProblemCode
from dxp.web.problems import install_problems, render_problems
from dxp.web.requests import Route, install_requests, iter_routes
from dxp.web.rules import LateRule
from dxp.web.state import csp_nonce

if TYPE_CHECKING:
    from dxp.platform import Platform

__all__ = [
    "ProblemCode",
    "Route",
    "api_of",
    "check_limit",
    "configure_logging",
    "csp_nonce",
    "hit_limit",
    "install_routes",
    "install_web",
    "iter_routes",
    "render_problems",
]


def install_web(app: Flask, platform: Platform) -> None:
    """Make a Flask application serve the platform: frame and core routes."""
    settings = platform.settings
    app.url_rule_class = LateRule
    app.json = OrjsonProvider(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.api.max_body_bytes
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    proxies = settings.server.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    install_metrics(app, platform)
    install_problems(app)
    install_requests(app)
    install_limits(app, settings)
    api = install_api(app, settings, version="1")
    app.register_blueprint(health_blueprint())
    app.register_blueprint(pages_blueprint())
    api.when_asked(lambda: document_events(api.spec, platform.events.types.values()))
    events_api = events_blueprint(platform.events.types.values())
    for blueprint in (auth_blueprint(), events_api, me_api, privacy_api):
        register_api(app, blueprint, plugin="core")
    if settings.demo.time_travel:
        offset = DemoOffset(platform.db)
        platform.clock = Clock(offset)
        register_api(app, clock_api(offset), plugin="core")
    platform.privacy.erasure.add_part(forget_person)
    for job in (*ACCOUNT_JOBS, *WEB_JOBS, *PRIVACY_JOBS):
        if isinstance(job, Job):
            platform.jobs.declare(job)
        else:
            platform.jobs.schedule(job)


def install_routes(app: Flask, routes: Iterable[Answer[Routes]]) -> None:
    """Serve the API routes of plugins."""
    for answer in routes:
        for blueprint in answer.value.api:
            register_api(app, blueprint, plugin=answer.plugin)


def register_api(app: Flask, blueprint: object, *, plugin: str) -> None:
    """Serve and document a blueprint of the JSON API.

    Raises:
        ConfigurationError: it is no `ApiBlueprint`, so its routes would declare no access.
    """
    if not isinstance(blueprint, ApiBlueprint):
        raise ConfigurationError(
            f"plugin {plugin!r} returns {blueprint!r} as an API blueprint, whose routes declare no "
            "access; make it with ApiBlueprint"
        )
    api_of(app).register_blueprint(blueprint)
