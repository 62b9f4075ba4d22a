"""Bad input is refused with a problem that says what happened, why and what to do."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask, Request
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from dxp.testing.client import DxpClient

NOTHING = uuid.UUID(int=7)
AddBook = Callable[..., uuid.UUID]
NothingWritten = Callable[[], AbstractContextManager[None]]


def body(value: object) -> dict[str, Any]:
    return {"data": json.dumps(value), "content_type": "application/json"}


def raw(data: bytes, content_type: str = "application/json") -> dict[str, Any]:
    return {"data": data, "content_type": content_type}


BAD_BODIES = {
    "empty": (raw(b""), 400, "malformed_json"),
    "cut short": (raw(b'{"title": "A'), 400, "malformed_json"),
    "no JSON": (raw(b"title=A"), 400, "malformed_json"),
    "two documents": (raw(b"{}{}"), 400, "malformed_json"),
    "not UTF-8": (raw(b'{"title": "\xff"}'), 400, "malformed_json"),
    "half of a surrogate pair": (raw(b'{"title": "\\ud800"}'), 400, "malformed_json"),
    "NaN": (raw(b'{"title": "A", "price": NaN}'), 400, "malformed_json"),
    "nested deep": (raw(b"[" * 100 + b"]" * 100), 400, "json_too_deep"),
    "nested very deep": (raw(b"[" * 100_000 + b"]" * 100_000), 400, "malformed_json"),
    "a member twice": (raw(b'{"title": "A", "title" : "B"}'), 400, "duplicate_member"),
    "a member twice, written differently": (
        raw(b'{"title": "A", "t\\u0069tle": "A"}'),
        400,
        "duplicate_member",
    ),
    "a member twice further down": (
        raw(b'{"title": "A", "shelf": [{"a": 1, "a": 1}]}'),
        400,
        "duplicate_member",
    ),
    "an integer beyond 64 bits": (
        body({"title": "A", "shelf": 10**30}),
        400,
        "number_out_of_range",
    ),
    "an integer of 5,000 digits": (
        raw(b'{"title": "A", "shelf": ' + b"9" * 5000 + b"}"),
        400,
        "malformed_json",
    ),
    "an integer just beyond the column": (
        body({"title": "A", "shelf": 2**63}),
        400,
        "number_out_of_range",
    ),
    "an integer in a string beyond 64 bits": (
        body({"title": "A", "shelf": "9" * 30}),
        422,
        "invalid_body",
    ),
    "a decimal with a huge exponent": (
        body({"title": "A", "price": "1E+999999"}),
        422,
        "invalid_body",
    ),
    "a moment without an offset": (
        body({"title": "A", "published_at": "2026-01-01T00:00:00"}),
        422,
        "invalid_body",
    ),
    "a moment before the first year": (
        body({"title": "A", "published_at": "0001-01-01T00:00:00+14:00"}),
        422,
        "invalid_body",
    ),
    "a wrong type": (body({"title": 5}), 422, "invalid_body"),
    "null": (body({"title": None}), 422, "invalid_body"),
    "a missing field": (body({"shelf": 1}), 422, "invalid_body"),
    "an unknown field": (body({"title": "A", "colour": "red"}), 422, "invalid_body"),
    "an array": (body([{"title": "A"}]), 422, "invalid_body"),
    "a text": (body("A"), 422, "invalid_body"),
    "a NUL character": (body({"title": "A\x00B"}), 422, "invalid_body"),
    "a NUL character in a name": (body({"title": "A", "x\x00": 1}), 422, "invalid_body"),
    "no Content-Type": ({"data": b'{"title": "A"}'}, 415, "unsupported_media_type"),
    "a form": ({"data": {"title": "A"}}, 415, "unsupported_media_type"),
    "UTF-16": (
        raw('{"title": "A"}'.encode("utf-16"), "application/json; charset=utf-16"),
        415,
        "unsupported_media_type",
    ),
    "compressed": (
        {**raw(b'{"title": "A"}'), "headers": {"Content-Encoding": "gzip"}},
        415,
        "unsupported_media_type",
    ),
    "huge": (raw(b'{"title": "' + b"A" * 2_000_000 + b'"}'), 413, "body_too_large"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_and_nothing_is_written(
    name: str,
    keyed: DxpClient,
    check_problem: Callable[..., Any],
    nothing_written: NothingWritten,
) -> None:
    sent, status, code = BAD_BODIES[name]
    with nothing_written():
        response = keyed.post("/api/v1/books", **sent)
    check_problem(response, status, code)


def test_a_body_without_a_length_is_measured_while_it_is_read(
    app: Flask, keyed: DxpClient, check_problem: Callable[..., Any]
) -> None:
    environ = create_environ(
        "/api/v1/books",
        method="POST",
        content_type="application/json",
        environ_base=keyed.environ_base,
    )
    # As a server presents a chunked body: it ends by itself, and nobody knows its length before.
    environ |= {
        "wsgi.input": io.BytesIO(b"{}" + b" " * 2_000_000),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    chunks, status, headers = run_wsgi_app(app.wsgi_app, environ)
    response = TestResponse(chunks, status, headers, request=Request(environ))
    check_problem(response, 413, "body_too_large")


@pytest.mark.parametrize(
    "sent", [b"{", b"\xff", b'{"count": 2}', b"[]", b"null", b"[" * 300 + b"]" * 300]
)
def test_a_body_where_none_is_taken_is_refused_and_nothing_is_written(
    sent: bytes,
    keyed: DxpClient,
    add_book: AddBook,
    check_problem: Callable[..., Any],
    nothing_written: NothingWritten,
) -> None:
    book = add_book(stock=5)
    with nothing_written():
        response = keyed.post(
            f"/api/v1/books/{book}/lend", headers={"Idempotency-Key": "k-1"}, **raw(sent)
        )
    check_problem(response, 400, "unexpected_body")


def test_text_that_looks_like_a_member_is_none(keyed: DxpClient) -> None:
    title = 'a "title": and "title" :'
    response = keyed.post("/api/v1/books", json={"title": title})
    assert response.status_code == 201
    assert keyed.get(response.headers["Location"]).get_json()["title"] == title


def test_a_member_that_comes_twice_is_named(
    keyed: DxpClient, check_problem: Callable[..., Any]
) -> None:
    response = keyed.post("/api/v1/books", **raw(b'{"title": "A", "shelf": 1, "shelf": 2}'))
    assert "'shelf'" in check_problem(response, 400, "duplicate_member")["detail"]


def test_malformed_json_is_located(keyed: DxpClient, check_problem: Callable[..., Any]) -> None:
    response = keyed.post("/api/v1/books", **raw(b'{\n  "title": oops\n}'))
    document = check_problem(response, 400, "malformed_json")
    assert document["position"]["line"] == 2
    assert document["position"]["column"] == 12


def test_each_fault_of_a_body_is_pointed_at(
    keyed: DxpClient, check_problem: Callable[..., Any]
) -> None:
    response = keyed.post("/api/v1/books", json={"title": "", "shelf": "x", "a/b": 1})
    errors = check_problem(response, 422, "invalid_body")["errors"]
    assert {error["pointer"] for error in errors} == {"/title", "/shelf", "/a~1b"}
    assert {"unknown_field"} < {error["code"] for error in errors}


BAD_QUERIES = {
    "an unknown parameter": ("?colour=red", "colour"),
    "a misspelt filter": ("?filter[shlf]=1", "filter[shlf]"),
    "a wrong type": ("?filter[shelf]=x", "filter[shelf]"),
    "an integer beyond 64 bits": ("?filter[shelf]=" + "9" * 30, "filter[shelf]"),
    "a NUL character": ("?filter[shelf]=%00", "filter[shelf]"),
    "limit 0": ("?limit=0", "limit"),
    "a limit over the maximum": ("?limit=101", "limit"),
    "a negative limit": ("?limit=-1", "limit"),
    "a limit in other digits": ("?limit=%DB%B5", "limit"),
    "a word for count": ("?count=maybe", "count"),
    "an unknown locale": ("?locale=tlh", "locale"),
    "a cursor made up": ("?cursor=abc", "cursor"),
    "a cursor of other letters": ("?cursor=%E2%82%AC", "cursor"),
    "an endless cursor": ("?cursor=" + "A" * 5000, "cursor"),
}


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_a_bad_query_is_refused_by_the_name_of_the_parameter(
    name: str, keyed: DxpClient, check_problem: Callable[..., Any]
) -> None:
    query, parameter = BAD_QUERIES[name]
    response = keyed.get(f"/api/v1/books{query}")
    code = "invalid_cursor" if parameter == "cursor" else "invalid_parameter"
    document = check_problem(response, 400, code)
    assert [error["parameter"] for error in document["errors"]] == [parameter]


def test_a_misspelt_parameter_gets_a_suggestion(
    keyed: DxpClient, check_problem: Callable[..., Any]
) -> None:
    document = check_problem(keyed.get("/api/v1/books?limt=5"), 400, "invalid_parameter")
    assert "did you mean 'limit'?" in document["detail"]


def test_routes_without_a_query_refuse_parameters_too(
    client: DxpClient, check_problem: Callable[..., Any], app: Any
) -> None:
    check_problem(client.get("/api/v1/books/hashed?x=1"), 400, "invalid_parameter")


BAD_PATHS = {
    "no UUID": "/api/v1/books/not-an-id",
    "half a UUID": "/api/v1/books/0f8fad5b-d9cb-469f",
    "an integer beyond 64 bits": "/api/v1/books/shelves/" + "9" * 30 + "/x",
    "a NUL character": "/api/v1/books/shelves/1/a%00b",
    "an unknown address": "/api/v1/book",
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_a_path_that_can_name_nothing_is_not_found(
    name: str, keyed: DxpClient, check_problem: Callable[..., Any]
) -> None:
    check_problem(keyed.get(BAD_PATHS[name]), 404, "not_found")


def test_an_outsider_learns_nothing_from_how_input_is_refused(
    client: DxpClient, check_problem: Callable[..., Any], app: Any
) -> None:
    check_problem(client.post("/api/v1/books", **raw(b"{")), 401, "unauthenticated")
