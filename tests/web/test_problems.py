"""Every refusal and every fault is a problem document with a stable code and a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import Gone, ImATeapot, TooManyRequests

from dxp.api import ConfigurationError, Problem, anyone
from dxp.testing.client import DxpClient
from dxp.web import ProblemCode, render_problems
from dxp.web.core_codes import CORE_CODES
from dxp.web.problem_codes import ProblemCodes
from dxp.web.problems import problem_document
from dxp.web.strictness import UndocumentedAnswer

Check = Callable[..., Any]
BOOKS = "/api/v1/books"


@pytest.fixture
def failing(app: Flask) -> Callable[[Exception], str]:
    """`failing(error)` is the path of a view that raises it."""

    def add(error: Exception) -> str:
        def view() -> Response:
            raise error

        view.dxp_access = anyone()  # type: ignore[attr-defined]
        name = f"failing-{id(error)}"
        app.add_url_rule(f"/{name}", name, view)
        return f"/{name}"

    return add


def test_an_unknown_address_is_a_problem(client: DxpClient, check_problem: Check) -> None:
    check_problem(client.get("/nowhere"), 404, "not_found")


def test_a_wrong_method_keeps_allow(client: DxpClient, check_problem: Check, app: Flask) -> None:
    response = client.delete(BOOKS)
    document = check_problem(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert "GET" in document["detail"]


def test_a_fault_tells_nothing_of_the_inside(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    response = client.get(f"{BOOKS}/crash")
    check_problem(response, 500, "internal_error")
    assert b"till" not in response.data
    assert b"Traceback" not in response.data


def test_an_unreachable_database_is_a_problem_that_passes(
    client: DxpClient, failing: Callable[[Exception], str], check_problem: Check
) -> None:
    error = OperationalError("SELECT secret", {}, Exception("database is locked"))
    response = client.get(failing(error))
    check_problem(response, 503, "unavailable")
    assert response.headers["Retry-After"]
    assert b"secret" not in response.data


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Gone(), 410, "bad_request"),
        (ImATeapot(), 418, "bad_request"),
        (TooManyRequests(retry_after=7), 429, "too_many_requests"),
    ],
)
def test_errors_of_the_framework_are_problems_too(
    error: Exception,
    status: int,
    code: str,
    client: DxpClient,
    failing: Callable[[Exception], str],
    check_problem: Check,
) -> None:
    response = client.get(failing(error))
    check_problem(response, status, code)
    if status == 429:
        assert response.headers["Retry-After"] == "7"


def test_a_problem_carries_its_own_headers_and_members(
    client: DxpClient, failing: Callable[[Exception], str]
) -> None:
    error = Problem("What, because why; do it", headers={"X-Own": "1"}, extra={"own": 1, "code": 2})
    response = client.get(failing(error))
    assert response.headers["X-Own"] == "1"
    document = response.get_json()
    assert document["own"] == 1
    assert document["code"] == "internal_error"


def test_a_part_of_the_site_may_answer_with_pages(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    render_problems(app, "/pages", lambda problem: Response(f"<h1>{problem.title}</h1>"))
    response = client.get("/pages/nowhere")
    assert (response.status_code, response.data) == (404, b"<h1>Not found</h1>")
    check_problem(client.get("/pagesandmore"), 404, "not_found")


def test_every_code_has_a_page_and_the_list_names_it(client: DxpClient) -> None:
    listed = client.get("/api/problems/").get_data(as_text=True)
    for code in CORE_CODES:
        page = client.get(f"/api/problems/{code.code}")
        assert page.status_code == 200
        assert code.code in listed


def test_codes_of_plugins_have_pages(app: Flask, client: DxpClient) -> None:
    assert b"Buy fewer." in client.get("/api/problems/sold_out").data


def test_an_unknown_code_has_no_page(client: DxpClient, check_problem: Check) -> None:
    check_problem(client.get("/api/problems/no_such_code"), 404, "not_found")


def test_in_tests_an_undocumented_answer_is_an_error_of_the_code(
    app: Flask, client: DxpClient
) -> None:
    with pytest.raises(UndocumentedAnswer, match="never_declared"):
        client.get(f"{BOOKS}/undeclared")


def test_a_code_means_one_thing() -> None:
    codes = ProblemCodes([ProblemCode("taken", 409, "Taken", "It is taken.", "Take another.")])
    codes.declare(ProblemCode("taken", 409, "Taken", "It is taken.", "Take another."))
    with pytest.raises(ConfigurationError, match="declared twice"):
        codes.declare(ProblemCode("taken", 409, "Occupied", "It is taken.", "Take another."))


@pytest.mark.parametrize("name", ["Taken", "is-taken", "", "x" * 70])
def test_codes_are_snake_case(name: str) -> None:
    with pytest.raises(ConfigurationError, match="snake_case"):
        ProblemCodes([ProblemCode(name, 409, "Taken", "It is taken.", "Take another.")])


def test_a_request_id_comes_back_or_is_made(client: DxpClient) -> None:
    sent = {"X-Request-Id": "shop-4711.a"}
    assert client.get("/healthz", headers=sent).headers["X-Request-Id"] == "shop-4711.a"
    made = client.get("/healthz").headers["X-Request-Id"]
    assert len(made) == 32
    assert client.get("/healthz").headers["X-Request-Id"] != made


@pytest.mark.parametrize("sent", ["short", "x" * 200, "with space", "line%0abreak", "<script>x"])
def test_a_request_id_that_could_do_harm_is_replaced(sent: str, client: DxpClient) -> None:
    found = client.get("/healthz", headers={"X-Request-Id": sent}).headers["X-Request-Id"]
    assert found != sent
    assert len(found) == 32


def test_outside_of_a_request_a_problem_has_no_request_id(app: Flask) -> None:
    with app.app_context():
        assert "request_id" not in problem_document(Problem("What, because why; do it"))
