"""The check of OpenAPI documents finds what is wrong, and nothing in a right one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from dxp.testing.openapi import openapi_faults

RIGHT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path"}],
            "get": {
                "operationId": "things_get",
                "summary": "One thing",
                "tags": ["things"],
                "security": [],
                "responses": {
                    "200": {
                        "description": "OK",
                        "content": {"x": {"schema": {"$ref": "#/components/schemas/A~1B"}}},
                    }
                },
            },
        }
    },
    "components": {"schemas": {"A/B": {"type": "object"}}},
}

Change = Callable[[dict[str, Any]], object]


def operation(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/things/{id}"]["get"]
    return found


def test_a_right_document_has_no_faults() -> None:
    assert openapi_faults(RIGHT) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d.update(openapi="3.0.3"), "not OpenAPI 3.1"),
        (lambda d: d["components"]["schemas"].clear(), "#/components/schemas/A~1B leads nowhere"),
        (lambda d: operation(d).pop("summary"), "has no summary"),
        (lambda d: operation(d).pop("security"), "has no security"),
        (lambda d: operation(d)["responses"].update({"404": {}}), "404 has no description"),
        (
            lambda d: operation(d).update(responses={"404": {"description": "No"}}),
            "answers nothing but problems",
        ),
        (
            lambda d: d["paths"]["/things/{id}"].pop("parameters"),
            "declares the path parameters [], and its path has ['id']",
        ),
        (
            lambda d: d["paths"].update({"/other": {"get": operation(RIGHT)}}),
            "operationId things_get is used 2 times",
        ),
    ],
)
def test_a_fault_is_named(change: Change, expected: str) -> None:
    document = copy.deepcopy(RIGHT)
    change(document)
    assert any(expected in fault for fault in openapi_faults(document)), openapi_faults(document)
