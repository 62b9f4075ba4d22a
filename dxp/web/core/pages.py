"""What developers read: the OpenAPI document, its page, and a page for each problem code."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, current_app, render_template, request

from dxp.web.access import anyone
from dxp.web.answering import to_json
from dxp.web.api import api_of
from dxp.web.etag import etag_of_bytes
from dxp.web.problems import problems_of
from dxp.web.reading import not_found
from dxp.web.routes import declare

_WEB = Path(__file__).resolve().parent.parent
_DOCUMENT = "dxp_openapi_document"


def pages_blueprint() -> Blueprint:
    """`/api/openapi.json`, `/api/docs`, `/api/problems/…`, and their static files."""
    blueprint = Blueprint(
        "web",
        __name__,
        url_prefix="/api",
        template_folder=str(_WEB / "templates"),
        static_folder=str(_WEB / "static"),
        static_url_path="/static",
    )
    declare(blueprint, "/openapi.json", _openapi, access=anyone())
    declare(blueprint, "/docs", _docs, access=anyone())
    declare(blueprint, "/problems/", _problems, access=anyone())
    declare(blueprint, "/problems/<code>", _problem, access=anyone())
    return blueprint


def _openapi() -> Response:
    """Made once: routes do not change while the process runs."""
    held = current_app.extensions.get(_DOCUMENT)
    if held is None:
        body = to_json(api_of(current_app).document())
        held = current_app.extensions[_DOCUMENT] = (body, etag_of_bytes(body))
    body, etag = held
    if request.if_none_match.contains_weak(etag):
        response = Response(status=304)
    else:
        response = Response(body, content_type="application/json")
    response.set_etag(etag)
    response.headers["Cache-Control"] = "public, no-cache"
    return response


def _docs() -> str:
    """Swagger UI, from our own files."""
    return render_template("web/docs.html")


def _problems() -> str:
    """All codes."""
    return render_template("web/problems.html", codes=list(problems_of(current_app).codes))


def _problem(code: str) -> str:
    """One code: what it means, why it happens, what to do."""
    known = problems_of(current_app).codes.find(code)
    if known is None:
        raise not_found()
    return render_template("web/problem.html", code=known)
