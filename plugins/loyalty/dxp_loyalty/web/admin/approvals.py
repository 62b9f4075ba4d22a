"""Adjustments that wait for a second person, and the reasons of adjustments."""

from __future__ import annotations

import uuid
from typing import Any

from flask import request, url_for
from marshmallow import Schema, fields, validate
from sqlalchemy import select

from dxp.api import AdminCall, Problem, needs, paginate
from dxp.api import gettext as _
from dxp.contracts import Profiles
from dxp_loyalty.models import AdjustmentRequest
from dxp_loyalty.permissions import ADJUST, APPROVE
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.web.admin.blueprint import admin, languages, loyalty_of, tell, texts_from
from dxp_loyalty.web.schemas import KEY


class DecisionForm(Schema):
    """A word to the decision."""

    note = fields.String(load_default="", allow_none=True, validate=validate.Length(0, 500))


class ReasonForm(Schema):
    """A reason; names come in fields of their own."""

    key = fields.String(required=True, validate=KEY)
    active = fields.Boolean(load_default=False)


@admin.page("GET", "/adjustments", access=needs(APPROVE) | needs(ADJUST), paged=True)
def list_requests(call: AdminCall) -> Any:
    """Those that wait, or were decided."""
    states = request_states()
    wanted = request.args.get("state", "pending")
    wanted = wanted if wanted in dict(states) else "pending"
    statement = select(AdjustmentRequest).where(AdjustmentRequest.state == wanted)
    page = paginate(call, statement, keys=[(AdjustmentRequest.id, "desc")])
    profiles = call.platform.services.find(Profiles)
    members = [row.subject_id for row in page.items]
    loyalty = loyalty_of(call)
    reasons = loyalty.reasons.listed(call.session, call.locale)
    return call.render(
        "loyalty/requests.html",
        page=page,
        names={} if profiles is None else profiles.display_names(call.session, members),
        reasons=reasons,
        reason_names={reason.key: reason.name for reason in reasons},
        wanted=wanted,
        tabs=[
            {
                "label": label,
                "href": url_for("loyalty_admin.list_requests", state=state),
                "active": state == wanted,
                "count": loyalty.approvals.waiting(call.session) or None
                if state == "pending"
                else None,
            }
            for state, label in states
        ],
        own=actor_text(call.actor),
        limit=loyalty.settings.adjustment_limit,
        languages=languages(call),
        may_decide=call.actor.may(APPROVE),
        may_write=call.actor.may(ADJUST),
    )


@admin.page("POST", "/adjustments/<uuid:request_id>/approve", access=needs(APPROVE))
def approve_request(call: AdminCall, request_id: uuid.UUID) -> Any:
    """Write what somebody else asked for."""
    return _decide(call, request_id, approve=True)


@admin.page("POST", "/adjustments/<uuid:request_id>/reject", access=needs(APPROVE) | needs(ADJUST))
def reject_request(call: AdminCall, request_id: uuid.UUID) -> Any:
    """Turn it down; whoever asked withdraws it, and needs no permission to decide for that."""
    found = call.session.get(AdjustmentRequest, request_id)
    if not call.actor.may(APPROVE) and (found is None or found.asked_by != actor_text(call.actor)):
        call.toast(_("Only a colleague who may decide can turn it down."), kind="danger")
        return call.redirect("loyalty_admin.list_requests")
    return _decide(call, request_id, approve=False)


@admin.page("POST", "/adjustments/reasons", access=needs(APPROVE))
def save_reason(call: AdminCall) -> Any:
    """Add a reason, rename it, switch it off or on."""
    values, errors = call.load(ReasonForm())
    if not errors:
        try:
            loyalty_of(call).reasons.save(
                call.session,
                values["key"],
                texts=texts_from(call),
                active=values["active"],
                actor=call.actor,
            )
            call.toast(_("The reason is saved."))
        except Problem as problem:
            errors = call.errors_of(problem)
    tell(call, errors)
    return call.redirect("loyalty_admin.list_requests")


def request_states() -> list[tuple[str, str]]:
    """States of a request, in the order in which staff look at them."""
    return [
        ("pending", _("Waiting")),
        ("approved", _("Approved")),
        ("rejected", _("Turned down")),
        ("withdrawn", _("Withdrawn")),
    ]


def _decide(call: AdminCall, request_id: uuid.UUID, *, approve: bool) -> Any:
    approvals = loyalty_of(call).approvals
    values, errors = call.load(DecisionForm())
    if not errors:
        note = values["note"] or ""
        try:
            with call.session.begin_nested():
                if approve:
                    approvals.approve(call.session, request_id, actor=call.actor, note=note)
                else:
                    approvals.reject(call.session, request_id, actor=call.actor, note=note)
            call.toast(_("The points are adjusted.") if approve else _("Nothing is adjusted."))
        except Problem as problem:
            errors = call.errors_of(problem)
    tell(call, errors)
    return call.redirect("loyalty_admin.list_requests")
