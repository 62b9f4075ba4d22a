"""OpenAPI 3.1 made of the endpoints themselves, so that it cannot lag behind them."""

from __future__ import annotations

import http
from collections.abc import Iterable, Sequence
from typing import Any

from apispec import APISpec
from flask import Flask
from marshmallow import EXCLUDE, Schema

from dxp.events import EventType
from dxp.web.access import Access
from dxp.web.endpoint import Endpoint, SchemaLike
from dxp.web.idempotency import HEADER as IDEMPOTENCY_HEADER
from dxp.web.idempotency import REPLAYED
from dxp.web.problem_codes import ProblemCode
from dxp.web.problems import PROBLEM_TYPE
from dxp.web.staff_cookie import COOKIE


def document_endpoint(
    app: Flask,
    spec: APISpec,
    endpoint: Endpoint,
    codes: dict[int, list[ProblemCode]],
    *,
    tag: str,
) -> None:
    """Add one operation to the document.

    Args:
        codes: what it may answer besides success, by status.
    """
    rule = next(app.url_map.iter_rules(endpoint.name))
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": endpoint.summary,
        "operationId": endpoint.name.replace(".", "_"),
        "description": _description(endpoint),
        "parameters": _parameters(endpoint),
        "responses": _responses(spec, endpoint, codes),
        "security": security_of(endpoint.access),
        "x-permission": endpoint.access.describe(),
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(endpoint.body)}},
        }
    spec.path(rule=rule, operations={endpoint.method.lower(): operation}, parameters=[])


def security_of(access: Access) -> list[dict[str, list[str]]]:
    """The credentials that open a route, any one of them; an empty one stands for none."""
    ways: list[dict[str, list[str]]] = []
    if access.permissions:
        ways.append({"apiKey": []})
    if access.customers:
        ways.append({"customerToken": []})
    if access.permissions or access.staff:
        ways.append({"staffSession": []})
    if access.public:
        ways.append({})
    return ways


def _description(endpoint: Endpoint) -> str:
    access = f"Takes {endpoint.access.describe()}."
    if endpoint.access.public:
        access = "Open to everybody."
    return "\n\n".join(filter(None, [endpoint.description, access]))


def _parameters(endpoint: Endpoint) -> list[Any]:
    found: list[Any] = []
    if endpoint.query is not None:
        found.append({"in": "query", "schema": endpoint.query})
    # Names of shared parameters, which apispec turns into references.
    found.append("locale")
    if endpoint.paged:
        found += ["limit", "cursor", "count"]
    if endpoint.idempotent:
        found.append("idempotencyKey")
    if endpoint.guards_versions:
        found.append("ifMatch")
    if endpoint.etag and endpoint.safe:
        found.append("ifNoneMatch")
    return found


def _responses(
    spec: APISpec, endpoint: Endpoint, codes: dict[int, list[ProblemCode]]
) -> dict[str, Any]:
    success: dict[str, Any] = {
        "description": http.HTTPStatus(endpoint.status).phrase,
        "headers": _success_headers(endpoint),
    }
    if endpoint.status != 204:
        success["content"] = {endpoint.content_type: _content(endpoint)}
    responses: dict[str, Any] = {str(endpoint.status): success}
    for status in endpoint.also:
        responses[str(status)] = success | {"description": http.HTTPStatus(status).phrase}
    if endpoint.etag and endpoint.safe:
        responses["304"] = {
            "description": "The client has the current representation",
            "headers": {"ETag": _reference("headers", "ETag")},
        }
    for status, possible in codes.items():
        responses[str(status)] = _shared_response(spec, status, possible)
    return responses


def _shared_response(spec: APISpec, status: int, codes: Sequence[ProblemCode]) -> str:
    """The name of the component for these codes, made when it is the first operation with them."""
    name = "_".join([f"Problem{status}", *sorted(code.code for code in codes)])
    if name not in spec.components.responses:
        spec.components.response(
            name,
            {
                "description": _describe_codes(codes),
                "headers": _problem_headers(status),
                "content": {
                    PROBLEM_TYPE: {
                        "schema": _reference("schemas", "Problem"),
                        "example": example_of(codes[0]),
                    }
                },
            },
        )
    return name


def example_of(code: ProblemCode) -> dict[str, Any]:
    """A problem document as it may look."""
    return {
        "type": f"/api/problems/{code.code}",
        "title": code.title,
        "status": code.status,
        "code": code.code,
        "detail": f"{code.explanation} {code.remedy}",
        "request_id": "0f8fad5bd9cb469fa16570867728950e",
    }


def _describe_codes(codes: Sequence[ProblemCode]) -> str:
    return "\n".join(
        f"- [`{code.code}`](/api/problems/{code.code}): {code.title}" for code in codes
    )


def _content(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.content_type != "application/json":
        return {"schema": {"type": "string"}}
    schema: dict[str, Any] | SchemaLike = {}
    if endpoint.response is not None:
        schema = _schema(endpoint.response)
    if not endpoint.paged:
        return {"schema": schema}
    return {
        "schema": {
            "type": "object",
            "required": ["data", "page", "meta"],
            "properties": {
                "data": {"type": "array", "items": schema},
                "page": _reference("schemas", "PageLinks"),
                "meta": {"type": "object"},
            },
        }
    }


def _schema(schema: SchemaLike) -> Any:
    """What apispec resolves: a list of many is spelt out, because it resolves only the item."""
    if isinstance(schema, Schema) and schema.many:
        return {"type": "array", "items": type(schema)}
    return schema


def _success_headers(endpoint: Endpoint) -> dict[str, Any]:
    names = ["X-Request-Id", "Content-Language", "RateLimit-Limit", "RateLimit-Remaining"]
    names += ["RateLimit-Reset"]
    if endpoint.etag:
        names.append("ETag")
    if endpoint.idempotent:
        names.append(REPLAYED)
    return {name: _reference("headers", name) for name in names}


def _problem_headers(status: int) -> dict[str, Any]:
    names = ["X-Request-Id"]
    names += ["Retry-After"] * (status in (429, 503))
    names += ["WWW-Authenticate"] * (status == 401)
    return {name: _reference("headers", name) for name in names}


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def document_events(spec: APISpec, types: Iterable[EventType]) -> None:
    """Add the schemas of the events that senders may report."""
    for kind in types:
        name = None if kind.schema is None else schema_name(kind.schema)
        if name is not None and name not in spec.components.schemas:
            spec.components.schema(name, schema=kind.schema)


def schema_name(schema: type[Schema] | Schema) -> str | None:
    """Name of a schema in the document: that of its class after that of its plugin.

    `CustomerOut` of `dxp_crm` becomes `CrmCustomerOut`, so that two plugins may use one name.
    A schema that is restricted by `only` or `exclude` is written out where it stands.
    """
    cls = schema if isinstance(schema, type) else type(schema)
    declared = set(cls().fields)
    if isinstance(schema, Schema) and set(schema.fields) != declared:
        return None
    package = cls.__module__.partition(".")[0]
    owner = "Core" if package == "dxp" else package.removeprefix("dxp_").title().replace("_", "")
    name = cls.__name__.removesuffix("Schema") or cls.__name__
    partial = isinstance(schema, Schema) and bool(schema.partial)
    return f"{owner}{name}{'Partial' * partial}"


def closes(schema: Schema) -> bool:
    """Whether a document of this schema has no members but its fields."""
    return schema.unknown != EXCLUDE


def add_components(
    spec: APISpec, *, max_page_size: int, default_page_size: int, locales: Sequence[str]
) -> None:
    """Schemas, parameters, headers and credentials that all operations share."""
    components = spec.components
    components.schema("Problem", PROBLEM_SCHEMA)
    components.schema(
        "PageLinks",
        {
            "type": "object",
            "required": ["next"],
            "properties": {
                "next": {
                    "type": ["string", "null"],
                    "description": "Cursor of the following page; null on the last.",
                }
            },
        },
    )
    limit = {
        "type": "integer",
        "minimum": 1,
        "maximum": max_page_size,
        "default": default_page_size,
    }
    for key, name, place, schema, text in (
        ("limit", "limit", "query", limit, "How many items a page holds at most."),
        ("cursor", "cursor", "query", {"type": "string"}, "`page.next` of the page before."),
        (
            "count",
            "count",
            "query",
            {"type": "boolean", "default": False},
            "Also count the whole list, into `meta.count`. It costs a second query.",
        ),
        (
            "locale",
            "locale",
            "query",
            {"type": "string", "enum": list(locales)},
            "Language of the answer; wins over Accept-Language.",
        ),
        (
            "ifNoneMatch",
            "If-None-Match",
            "header",
            {"type": "string"},
            "ETags that the client has; 304 is answered when one is current.",
        ),
        (
            "ifMatch",
            "If-Match",
            "header",
            {"type": "string"},
            "ETag of the version that the change began from. Missing: 428; stale: 412.",
        ),
        (
            "idempotencyKey",
            IDEMPOTENCY_HEADER,
            "header",
            {"type": "string", "pattern": "^[!-~]{1,255}$"},
            "A random text for this one request. A retry with the same key acts once and gets "
            "the same answer.",
        ),
    ):
        parameter: dict[str, Any] = {"name": name, "schema": schema, "description": text}
        if key in ("ifMatch", "idempotencyKey"):
            parameter["required"] = True
        components.parameter(key, place, parameter)
    for name, schema, text in _HEADERS:
        components.header(name, {"schema": schema, "description": text})
    for name, scheme in SECURITY_SCHEMES.items():
        components.security_scheme(name, scheme)


_TEXT = {"type": "string"}
_NUMBER = {"type": "integer", "minimum": 0}
_HEADERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("ETag", _TEXT, "Strong validator of this representation."),
    ("X-Request-Id", _TEXT, "Also in the logs and the audit; the client may choose it."),
    ("Content-Language", _TEXT, "Language of the answer."),
    ("Retry-After", _NUMBER, "Seconds to wait."),
    ("WWW-Authenticate", _TEXT, "Which credential is wanted."),
    ("RateLimit-Limit", _NUMBER, "Requests allowed in the window."),
    ("RateLimit-Remaining", _NUMBER, "Requests left in the window."),
    ("RateLimit-Reset", _NUMBER, "Seconds until the window is over."),
    (REPLAYED, {"type": "string", "enum": ["true"]}, "Sent when the answer is a stored one."),
)

SECURITY_SCHEMES: dict[str, dict[str, Any]] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, `dxp_…`, made in the admin. Its scopes are its permissions.",
    },
    "customerToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A customer's short-lived token, got by the storefront's key.",
    },
    "staffSession": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A staff sign-in. Unsafe methods also need X-CSRF-Token or the same origin.",
    },
}

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Branch on `code`; `detail` is for people.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Its page."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "detail": {"type": "string", "description": "What happened, why, and what to do."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
