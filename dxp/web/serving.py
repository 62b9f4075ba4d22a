"""One API request from its first check to its response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Response, request
from marshmallow import Schema

from dxp.auth.actors import StaffActor
from dxp.errors import Forbidden, Problem
from dxp.web.answering import answer
from dxp.web.call import Call, PageRequest
from dxp.web.csrf import check_origin
from dxp.web.endpoint import Endpoint, SchemaLike
from dxp.web.etag import Preconditions
from dxp.web.frame import Entry
from dxp.web.idempotency import read_key, run_once
from dxp.web.pagination import binding_of
from dxp.web.reading import (
    check_locale,
    check_path,
    check_size,
    read_body,
    read_page,
    read_query,
    refuse_body,
)
from dxp.web.state import current_platform, request_state
from dxp.web.strictness import check_problem, check_status, check_view

if TYPE_CHECKING:
    from dxp.platform import Platform


def serve(endpoint: Endpoint, view: Callable[..., Any], view_args: Mapping[str, Any]) -> Response:
    """Check who asks, read the input, run the view in its transaction, and answer.

    Permission comes before input, so that an outsider learns nothing from how input is refused;
    input comes before the transaction, so that a malformed request never takes the write lock.
    """
    platform = current_platform()
    try:
        check_size(request)
        with Entry(platform, endpoint.access) as entry:
            check_origin(entry.identity)
            _refuse_unfinished(entry)
            check_path(view_args)
            check_locale(platform.settings)
            arguments = dict(view_args) | _read(endpoint)
            page = _page(endpoint, platform)
            key = read_key(request) if endpoint.idempotent else None
            preconditions = Preconditions(
                if_match=request.if_match, if_none_match=request.if_none_match
            )
            if endpoint.guards_versions:
                preconditions.require_match()
            state = request_state()
            call = Call(
                session=entry.begin(endpoint.mode),
                actor=entry.identity.actor,
                platform=platform,
                locale=state.locale,
                now=platform.clock.now(),
                request_id=state.request_id,
                page=page,
                preconditions=preconditions,
            )

            def run() -> Response:
                value = view(call, **arguments)
                check_view(endpoint, call)
                response = answer(endpoint, call, value)
                check_status(endpoint, response)
                return response

            return run() if key is None else run_once(call, key, run)
    except Problem as problem:
        check_problem(endpoint, problem)
        raise


def _refuse_unfinished(entry: Entry) -> None:
    """Staff who still have to choose a password, or set up a second factor, are not in yet."""
    actor = entry.identity.actor
    if isinstance(actor, StaffActor) and actor.pending is not None and entry.permission == "staff":
        raise Forbidden(
            "The request was refused, because your sign-in is not finished; "
            "open /admin and do what it asks first"
        )


def _read(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {}
    query = read_query(_instance(endpoint.query), paged=endpoint.paged)
    if endpoint.query is not None:
        found["query"] = query
    if endpoint.body is not None:
        schema = _instance(endpoint.body)
        assert schema is not None
        found["body"] = read_body(schema)
    elif not endpoint.safe:
        refuse_body(request)
    return found


def _page(endpoint: Endpoint, platform: Platform) -> PageRequest | None:
    if not endpoint.paged:
        return None
    asked = read_page(platform.settings)
    return PageRequest(
        limit=asked.limit,
        cursor=asked.cursor,
        count=asked.count,
        binding=binding_of(endpoint.name, request),
    )


def _instance(schema: SchemaLike | None) -> Schema | None:
    return schema() if isinstance(schema, type) else schema
