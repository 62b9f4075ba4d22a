"""Customers about their own data, and storefronts about who a browser is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Response
from marshmallow import RAISE, Schema, fields, validate

from dxp.auth.actors import CustomerActor
from dxp.privacy import PrivacyRequest
from dxp.privacy.models import KINDS
from dxp.web.access import customer, needs
from dxp.web.blueprint import ApiBlueprint
from dxp.web.call import Call
from dxp.web.pagination import Page, paginate
from dxp.web.problem_codes import ProblemCode

CODES = (
    ProblemCode(
        "anonymous_id_taken",
        409,
        "The browser is another customer's",
        "Another customer signed in with this anonymous id before; computers are shared, and two "
        "strangers must not become one.",
        "Give the browser a new anonymous id, and send the request again with it.",
    ),
    ProblemCode(
        "cannot_merge",
        422,
        "These two cannot be merged",
        "They are one customer already, or one of them was merged before.",
        "Read `detail`, and use the customer that the two lead to.",
    ),
    ProblemCode(
        "too_many_open_requests",
        409,
        "Too many open requests",
        "A customer may have ten privacy requests that wait for an answer.",
        "Wait for an answer.",
    ),
    ProblemCode(
        "unknown_export",
        404,
        "No such copy",
        "There is no copy of data with this id, or it is not the customer's own.",
        "Ask for one by POST /api/v1/me/exports.",
    ),
    ProblemCode(
        "export_not_ready",
        409,
        "The copy is being made",
        "A customer with a long history waits for some minutes.",
        "Ask again in a minute.",
    ),
    ProblemCode(
        "export_gone",
        409,
        "The copy is gone",
        "A copy can be fetched once, within seven days.",
        "Ask for a new one by POST /api/v1/me/exports.",
    ),
)

api = ApiBlueprint(
    "privacy",
    __name__,
    url_prefix="/api/v1",
    description="Who a browser is, and what customers ask about their own data.",
    codes=CODES,
)


class IdentifyIn(Schema):
    """The browser's own id, as its events named it."""

    class Meta:
        unknown = RAISE

    anonymous_id = fields.String(required=True, validate=validate.Length(1, 200))


class IdentifyOut(Schema):
    """Whose the browser is now."""

    id = fields.UUID(required=True)


class PrivacyRequestIn(Schema):
    """What the customer asks for."""

    class Meta:
        unknown = RAISE

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    details = fields.String(load_default="", validate=validate.Length(0, 5_000))


class PrivacyRequestOut(Schema):
    """A request and what became of it."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    details = fields.String(required=True)
    answer = fields.String(required=True)
    asked_at = fields.AwareDateTime(format="iso", required=True)
    due_at = fields.AwareDateTime(format="iso", required=True)
    closed_at = fields.AwareDateTime(format="iso", required=True, allow_none=True)


class ExportOut(Schema):
    """A copy of the customer's data; `ready` ones can be fetched once."""

    id = fields.UUID(required=True)
    state = fields.String(required=True)
    size = fields.Integer(required=True)
    asked_at = fields.AwareDateTime(format="iso", required=True)
    expires_at = fields.AwareDateTime(format="iso", required=True)


def _me(call: Call) -> uuid.UUID:
    assert isinstance(call.actor, CustomerActor)
    return call.actor.subject_id


@api.endpoint(
    "POST",
    "/customers/<uuid:subject_id>/identify",
    summary="Attach a browser to the customer who signed in",
    access=needs("events.write"),
    body=IdentifyIn,
    response=IdentifyOut,
    problems=("unknown_subject", "anonymous_id_taken", "cannot_merge"),
)
def identify(call: Call, body: dict[str, Any], subject_id: uuid.UUID) -> Any:
    """What the browser did before becomes the customer's, and what it does from now on. Send it
    after each log-in; repeating it is harmless. Give the browser a new id at log-out.
    """
    found = call.platform.privacy.identity.identify(
        call.session, call.actor, subject_id=subject_id, anonymous_id=body["anonymous_id"]
    )
    return {"id": found}


@api.endpoint(
    "POST",
    "/me/identify",
    summary="Attach one's own browser",
    access=customer(),
    body=IdentifyIn,
    response=IdentifyOut,
    problems=("anonymous_id_taken", "cannot_merge"),
)
def identify_own(call: Call, body: dict[str, Any]) -> Any:
    """As the storefront's key does it, with the customer's token."""
    assert isinstance(call.actor, CustomerActor)
    found = call.platform.privacy.identity.identify(
        call.session, call.actor, subject_id=call.actor.named_id, anonymous_id=body["anonymous_id"]
    )
    return {"id": found}


@api.endpoint(
    "POST",
    "/me/privacy-requests",
    summary="Ask about one's own data",
    access=customer(),
    body=PrivacyRequestIn,
    response=PrivacyRequestOut,
    status=201,
    problems=("too_many_open_requests",),
)
def ask(call: Call, body: dict[str, Any]) -> Any:
    """Access, rectification, erasure or objection; it is answered within 30 days."""
    return call.platform.privacy.requests.open(
        call.session,
        call.actor,
        subject_id=_me(call),
        kind=body["kind"],
        details=body["details"],
        channel="storefront",
        verified_by="signed_in",
    )


@api.endpoint(
    "GET",
    "/me/privacy-requests",
    summary="List one's own requests",
    access=customer(),
    response=PrivacyRequestOut,
    paged=True,
)
def list_requests(call: Call) -> Page:
    """Latest first."""
    query = call.platform.privacy.requests.listed(subject_id=_me(call))
    return paginate(call, query, keys=[(PrivacyRequest.id, "desc")])


@api.endpoint(
    "POST",
    "/me/exports",
    summary="Have a copy of one's own data made",
    access=customer(),
    response=ExportOut,
    status=201,
)
def ask_for_export(call: Call) -> Any:
    """A ZIP file: JSON for each part of the platform, and one page to read."""
    return call.platform.privacy.exports.ask(call.session, call.actor, subject_id=_me(call))


@api.endpoint(
    "GET",
    "/me/exports/<uuid:export_id>",
    summary="See whether a copy is ready",
    access=customer(),
    response=ExportOut,
    problems=("unknown_export",),
)
def read_export(call: Call, export_id: uuid.UUID) -> Any:
    """Large ones take some minutes."""
    return call.platform.privacy.exports.get(call.session, export_id, owner_id=_me(call))


@api.endpoint(
    "POST",
    "/me/exports/<uuid:export_id>/file",
    summary="Fetch a copy of one's own data, once",
    access=customer(),
    problems=("unknown_export", "export_not_ready", "export_gone"),
    content_type="application/zip",
)
def fetch_export(call: Call, export_id: uuid.UUID) -> Response:
    """POST, because it uses the copy up."""
    parts = call.platform.privacy.exports.fetch(
        call.session, call.actor, export_id=export_id, owner_id=_me(call)
    )
    return zip_response(parts)


def zip_response(parts: Sequence[bytes]) -> Response:
    """A ZIP file, part by part."""
    response = Response(iter(parts), content_type="application/zip")
    response.headers["Content-Disposition"] = "attachment; filename=my-data.zip"
    response.headers["Cache-Control"] = "no-store"
    return response
