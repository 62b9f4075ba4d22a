"""Every refusal and every fault as problem+json (RFC 9457), or as the page that a part of the
site renders instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from dxp.errors import Problem, Unavailable
from dxp.web.auth_codes import AUTH_CODES
from dxp.web.core_codes import CORE_CODES, HTTP_CODES
from dxp.web.problem_codes import PROBLEM_PATH, ProblemCodes
from dxp.web.reading import not_found, too_large
from dxp.web.state import find_state

if TYPE_CHECKING:
    from werkzeug.sansio.response import Response as SansioResponse

PROBLEM_TYPE = "application/problem+json"
Renderer = Callable[[Problem], Response]
log = structlog.get_logger(__name__)
_KEY = "dxp_problems"


class Problems:
    """How one application answers problems.

    Attributes:
        codes: all that may occur.
        renderers: by path prefix, for parts of the site that answer people with pages.
    """

    def __init__(self) -> None:
        self.codes = ProblemCodes((*CORE_CODES, *AUTH_CODES))
        self.renderers: dict[str, Renderer] = {}


def install_problems(app: Flask) -> Problems:
    """Answer all errors of the application as problems."""
    problems = Problems()
    app.extensions[_KEY] = problems
    app.register_error_handler(Problem, _handle_problem)
    app.register_error_handler(HTTPException, _handle_http)
    app.register_error_handler(OperationalError, _handle_database)
    app.register_error_handler(Exception, _handle_unexpected)
    return problems


def problems_of(app: Flask) -> Problems:
    """The problems of an application that `install_web` has seen."""
    return cast("Problems", app.extensions[_KEY])


def render_problems(app: Flask, prefix: str, renderer: Renderer) -> None:
    """Have `renderer` answer the problems of all paths below `prefix`, such as `/admin`.

    The renderer sets the body; status and headers of the problem are set on its response here.
    """
    problems_of(app).renderers[prefix] = renderer


def problem_document(problem: Problem) -> dict[str, Any]:
    """The members of the problem, in the order in which people read them."""
    known = problems_of(current_app).codes.find(problem.code)
    document: dict[str, Any] = {
        "type": PROBLEM_PATH + problem.code,
        "title": known.title if known is not None else problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    state = find_state()
    if state is not None:
        document["request_id"] = state.request_id
    if problem.errors:
        document["errors"] = [error.as_dict() for error in problem.errors]
    return document | {k: v for k, v in problem.extra.items() if k not in document}


def problem_response(problem: Problem) -> Response:
    """The problem as an answer of the JSON API."""
    body = orjson.dumps(problem_document(problem), default=str)
    response = Response(body, status=problem.status, content_type=PROBLEM_TYPE)
    response.headers["Content-Language"] = "en"
    _finish(response, problem)
    return response


def _finish(response: Response, problem: Problem) -> Response:
    response.status_code = problem.status
    for name, value in problem.headers.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _answer(problem: Problem) -> Response:
    for prefix, renderer in problems_of(current_app).renderers.items():
        if request.path == prefix or request.path.startswith(f"{prefix}/"):
            return _finish(renderer(problem), problem)
    return problem_response(problem)


def _handle_problem(problem: Problem) -> Response:
    if problem.status >= 500:
        log.error("request_failed", problem=problem.code, detail=problem.detail)
    return _answer(problem)


def _handle_http(error: HTTPException) -> Response | SansioResponse:
    if error.response is not None:
        return error.response
    return _answer(problem_of_http(error))


def problem_of_http(error: HTTPException) -> Problem:
    """The problem for an error that Flask or Werkzeug raises.

    Headers are copied: without Allow a 405 breaks HTTP.
    """
    status = error.code or 500
    if status == 404:
        return not_found()
    if isinstance(error, RequestEntityTooLarge):
        return too_large(request.max_content_length)
    detail = _HTTP_DETAILS.get(status)
    if detail is None:
        what = (error.description or error.name).rstrip(".")
        detail = f"{what}; correct the request, or look the address up in /api/docs"
    headers = {k: v for k, v in error.get_headers() if k.lower() != "content-type"}
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        detail = f"{request.method} was refused, because this address has only {allowed}; use one."
        headers["Allow"] = allowed
    fallback = "bad_request" if status < 500 else "internal_error"
    return _problem(status, HTTP_CODES.get(status, fallback), detail, headers)


def _problem(status: int, code: str, detail: str, headers: Mapping[str, str]) -> Problem:
    problem = Problem(detail, code=code, headers=headers)
    problem.status = status
    return problem


_HTTP_DETAILS = {
    400: "The request was not read, because it breaks the rules of HTTP or misses a part; "
    "correct it and send it again",
    403: "The request was refused by a rule of the server; use another credential",
    415: "The body was not read, because of its Content-Type; send application/json",
    429: "There were too many requests in a short time; wait and try again",
}


def _handle_database(error: OperationalError) -> Response:
    """A locked or unreachable database passes by itself, and the client should know."""
    log.error("database_unavailable", exc_info=error)
    return _answer(
        Unavailable(
            "The request was not done, because the database did not answer in time; nothing was "
            "changed; try again in a few seconds",
            headers={"Retry-After": "5"},
        )
    )


def _handle_unexpected(error: Exception) -> Response:
    asserted = isinstance(error, AssertionError) and current_app.testing
    if asserted or current_app.config.get("PROPAGATE_EXCEPTIONS"):
        raise error
    log.error("request_crashed", exc_info=error)
    return _answer(
        Problem(
            "The request was not done, because of a fault in this server; nothing was changed; "
            "try again once, and give the operator the request_id if it stays so"
        )
    )
