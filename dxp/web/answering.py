"""From what a view returns to the bytes of the answer."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, request
from marshmallow import Schema

from dxp.web.call import Call, Reply
from dxp.web.endpoint import Endpoint, SchemaLike
from dxp.web.etag import etag_of_bytes
from dxp.web.pagination import Page

JSON_TYPE = "application/json"


def answer(endpoint: Endpoint, call: Call, value: object) -> Response:
    """The response for what the view returned: data, a `Page`, a `Reply`, or a response."""
    if isinstance(value, Response):
        return value
    reply = value if isinstance(value, Reply) else Reply(data=value)
    status = reply.status or endpoint.status
    conditional = endpoint.etag and request.method in ("GET", "HEAD")
    if conditional and reply.etag is not None and call.has_current(reply.etag):
        return _finish(Response(status=304), endpoint, call, reply, etag=reply.etag)
    body = reply.raw if reply.raw is not None else _dump(endpoint, reply.data)
    etag = reply.etag
    if conditional and etag is None:
        etag = etag_of_bytes(body)
        if call.has_current(etag):
            return _finish(Response(status=304), endpoint, call, reply, etag=etag)
    response = Response(body, status=status, content_type=endpoint.content_type)
    if status == 204:
        del response.headers["Content-Type"]
    return _finish(response, endpoint, call, reply, etag=etag)


def _finish(
    response: Response, endpoint: Endpoint, call: Call, reply: Reply, *, etag: str | None
) -> Response:
    headers = response.headers
    if etag is not None:
        headers["ETag"] = f'"{etag}"'
    for name, value in reply.headers.items():
        headers[name] = value
    if call.tags:
        headers["Cache-Tag"] = ",".join(call.tags)
    headers.setdefault("Content-Language", call.locale)
    headers.setdefault("Cache-Control", endpoint.cache_control(request.method))
    response.vary.update(("Accept-Language",))
    if "public" not in headers["Cache-Control"]:
        response.vary.update(("Authorization", "Cookie"))
    return response


def _dump(endpoint: Endpoint, data: Any) -> bytes:
    if endpoint.paged:
        if not isinstance(data, Page):
            raise TypeError(
                f"{endpoint.name} is registered with paged=True and returned "
                f"{type(data).__name__}; return what paginate() gives"
            )
        items = data.items
        if endpoint.response is not None:
            items = _schema(endpoint.response).dump(items, many=True)
        meta = dict(data.meta) if data.count is None else {"count": data.count, **data.meta}
        return to_json({"data": items, "page": {"next": data.next}, "meta": meta})
    if endpoint.response is None:
        return b"" if data is None else to_json(data)
    return to_json(_schema(endpoint.response).dump(data))


def _schema(schema: SchemaLike) -> Schema:
    return schema() if isinstance(schema, type) else schema


def to_json(data: object) -> bytes:
    """Data as JSON: UUIDs and moments as strings, numbers as they are."""
    return orjson.dumps(data, default=_default)


def _default(value: object) -> object:
    """What orjson does not know: decimals and lazily translated texts are written as text."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)
