"""The OpenAPI document is valid, whole, and says the truth."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from dxp.testing.client import DxpClient
from dxp.web import iter_routes


@pytest.fixture
def document(app: Flask, client: DxpClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/openapi.json").get_json()
    return found


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield method, path, operation


def resolve(document: Mapping[str, Any], value: Any) -> Any:
    while isinstance(value, dict) and "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_covers_every_route_of_the_api(document: dict[str, Any], app: Flask) -> None:
    import re

    served = {
        (method.lower(), re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", route.rule))
        for route in iter_routes(app)
        if route.rule.startswith("/api/v1/")
        for method in route.methods
    }
    assert {(method, path) for method, path, _ in operations(document)} == served


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_each_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["x-permission"], where
        assert operation["security"], where
        assert operation["tags"], where


def test_credentials_follow_from_the_access_rule(document: dict[str, Any]) -> None:
    paths = document["paths"]
    names = [list(way) for way in paths["/api/v1/books"]["get"]["security"]]
    assert names == [["apiKey"], ["staffSession"]]
    assert paths["/api/v1/books/mine"]["get"]["security"] == [{"customerToken": []}]
    assert {} in paths["/api/v1/books/hashed"]["get"]["security"]
    assert paths["/api/v1/books"]["get"]["x-permission"] == "the permission books.read"


def test_each_refusal_is_a_problem(document: dict[str, Any]) -> None:
    for (method, path, operation), status in itertools.product(
        operations(document), ("400", "401", "429", "500", "503")
    ):
        response = resolve(document, operation["responses"][status])
        assert set(response["content"]) == {"application/problem+json"}, (method, path, status)
        assert "/api/problems/" in response["description"]


def test_codes_of_a_route_stand_at_their_status(document: dict[str, Any]) -> None:
    sell = document["paths"]["/api/v1/books/sales"]["post"]["responses"]
    assert "sold_out" in resolve(document, sell["422"])["description"]
    assert "request_in_progress" in resolve(document, sell["409"])["description"]
    assert "404" not in document["paths"]["/api/v1/books"]["get"]["responses"]
    assert "404" in document["paths"]["/api/v1/books/{book_id}"]["get"]["responses"]


def parameters(document: dict[str, Any], path: str, method: str) -> dict[str, dict[str, Any]]:
    found = document["paths"][path][method]["parameters"]
    return {item["name"]: item for item in (resolve(document, value) for value in found)}


def test_headers_of_the_frame_are_parameters(document: dict[str, Any]) -> None:
    assert parameters(document, "/api/v1/books/sales", "post")["Idempotency-Key"]["required"]
    assert "If-None-Match" in parameters(document, "/api/v1/books/{book_id}", "get")
    assert parameters(document, "/api/v1/books/{book_id}", "put")["If-Match"]["required"]
    shown = document["paths"]["/api/v1/books/{book_id}"]["get"]["responses"]
    assert "ETag" in shown["200"]["headers"]
    assert "304" in shown


def test_lists_have_the_envelope_and_their_parameters(document: dict[str, Any]) -> None:
    names = parameters(document, "/api/v1/books", "get")
    assert set(names) == {"filter[shelf]", "locale", "limit", "cursor", "count"}
    assert names["limit"]["schema"]["maximum"] == 100
    assert names["locale"]["schema"]["enum"] == ["en", "fr", "ar", "fa"]
    shown = document["paths"]["/api/v1/books"]["get"]["responses"]["200"]
    schema = shown["content"]["application/json"]["schema"]
    assert schema["required"] == ["data", "page", "meta"]


def test_bodies_take_no_other_members(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["CoreEventsIn"]["additionalProperties"] is False
    assert schemas["CoreMeOut"]["additionalProperties"] is True


def test_schema_names_begin_with_their_owner(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    assert {"CoreEventOut", "CoreOrderPlaced", "Problem", "PageLinks"} <= names
    assert not [name for name in names if "." in name or "Smorest" in name]


def test_types_of_events_are_listed_with_their_schemas(document: dict[str, Any]) -> None:
    text = document["paths"]["/api/v1/events"]["post"]["description"]
    assert "`order.placed` (CoreOrderPlaced): A customer bought something." in text


def test_patterns_are_those_of_json_schema(document: dict[str, Any]) -> None:
    currency = document["components"]["schemas"]["CoreOrderPlaced"]["properties"]["currency"]
    assert currency["pattern"] == "^[A-Z]{3}$"
    assert currency["examples"] == ["USD"]


def test_it_is_answered_with_an_etag(app: Flask, client: DxpClient) -> None:
    first = client.get("/api/openapi.json")
    etag = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/api/openapi.json", headers=etag).status_code == 304


def test_the_page_asks_nothing_of_other_servers(app: Flask, client: DxpClient) -> None:
    page = client.get("/api/docs")
    text = page.get_data(as_text=True)
    assert 'data-spec="/api/openapi.json"' in text
    assert "http://" not in text
    assert "https://" not in text
    assert "unsafe" not in page.headers["Content-Security-Policy"]
