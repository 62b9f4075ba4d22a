"""The OpenAPI document of the whole application, with all plugins."""

from __future__ import annotations

import re
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from dxp.testing.client import client_of
from dxp.web import iter_routes
from dxp.web.problems import problems_of

SENTENCE = re.compile(r".+[.?!]\Z", re.DOTALL)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]


def test_the_document_is_valid_and_covers_every_route(world: Any) -> None:
    document = client_of(world.app).get("/api/openapi.json").get_json()
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    served = {
        (method.lower(), re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", route.rule))
        for route in iter_routes(world.app)
        if route.rule.startswith("/api/v1/")
        for method in route.methods
    }
    described = operations(document)
    assert {(method, path) for method, path, _ in described} == served
    ids = [operation["operationId"] for _, _, operation in described]
    assert len(ids) == len(set(ids))
    for method, path, operation in described:
        assert operation["summary"], f"{method} {path} has no summary"
        assert operation["description"].strip(), f"{method} {path} has no description"


def test_every_code_is_explained_with_a_remedy_in_sentences(world: Any) -> None:
    for code in problems_of(world.app).codes:
        assert not code.title.endswith("."), code
        assert SENTENCE.match(code.explanation), code
        assert SENTENCE.match(code.remedy), code
