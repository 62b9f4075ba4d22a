"""In tests, an answer that the documentation does not know is an error of the code."""

from __future__ import annotations

from flask import Response, current_app

from dxp.errors import Problem
from dxp.web.call import Call
from dxp.web.endpoint import Endpoint
from dxp.web.problems import problems_of
from dxp.web.state import current_platform


class UndocumentedAnswer(AssertionError):  # it is an assertion, shown in tests only
    """A view answers what its registration does not say."""


def _strict() -> bool:
    return current_platform().settings.environment == "test"


def check_problem(endpoint: Endpoint, problem: Problem) -> None:
    """In tests, refuse a problem whose code or status the route does not document."""
    if not _strict() or problem.status >= 500:
        return
    codes = problems_of(current_app).codes
    known = codes.find(problem.code)
    if known is None or known.status != problem.status:
        raise UndocumentedAnswer(
            f"{endpoint.method} {endpoint.rule} answers the problem {problem.code!r} with status "
            f"{problem.status}, which no ProblemCode declares; give ApiBlueprint(codes=…) one"
        ) from problem
    if problem.status not in endpoint.codes(codes):
        raise UndocumentedAnswer(
            f"{endpoint.method} {endpoint.rule} answers {problem.status} ({problem.code}), which "
            f"OpenAPI does not say; add {problem.code!r} to its problems="
        ) from problem


def check_status(endpoint: Endpoint, response: Response) -> None:
    """In tests, refuse an answer with another status than the documented one."""
    expected = {endpoint.status, *endpoint.also} | (
        {304} if endpoint.etag and endpoint.safe else set()
    )
    if _strict() and response.status_code not in expected:
        raise UndocumentedAnswer(
            f"{endpoint.method} {endpoint.rule} answers {response.status_code}, and is registered "
            f"with status={endpoint.status}; answer that, or raise a Problem"
        )


def check_view(endpoint: Endpoint, call: Call) -> None:
    """In tests, refuse a write that asked for If-Match and never compared it."""
    if _strict() and endpoint.guards_versions and not call.preconditions.checked:
        raise UndocumentedAnswer(
            f"{endpoint.method} {endpoint.rule} is registered with etag=True, and its view did "
            "not compare versions; call call.check_match(etag) before changing anything"
        )
