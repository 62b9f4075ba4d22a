"""Redemptions: who redeemed what, and taking one back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields, validate
from sqlalchemy import or_, select

from dxp.api import AdminCall, NotFound, Problem, Subject, needs, paginate
from dxp.api import gettext as _
from dxp.contracts import Profiles
from dxp_loyalty.models import Account, Hold, Reward, RewardVersion
from dxp_loyalty.permissions import LEDGER_READ, REDEEM, REVERSE
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.qr import qr_svg
from dxp_loyalty.services.undoing import REASON_CODES
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of
from dxp_loyalty.web.admin.words import redemption_states, reversal_reasons


class ReversalForm(Schema):
    """How much to take back, and why. `seen` is what was given back when the page was opened, so
    that a form that is sent twice counts once."""

    points = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, MAX_POINTS)
    )
    reason_code = fields.String(required=True, validate=validate.OneOf(REASON_CODES))
    note = fields.String(load_default="", allow_none=True, validate=validate.Length(0, 500))
    seen = fields.Integer(required=True)


@admin.page("GET", "/redemptions", access=needs(LEDGER_READ), paged=True)
def list_redemptions(call: AdminCall) -> Any:
    """Latest first; by state, or those of one member."""
    statement = (
        select(Hold, RewardVersion, Account.subject_id)
        .join(RewardVersion, RewardVersion.id == Hold.reward_version_id)
        .join(Account, Account.id == Hold.account_id)
    )
    state, member = request.args.get("state", ""), _uuid(request.args.get("member", ""))
    if state in dict(redemption_states()):
        statement = statement.where(Hold.state == state)
    if member is not None:
        statement = statement.join(Subject, Subject.id == Account.subject_id).where(
            or_(Subject.id == member, Subject.merged_into_id == member)
        )
    page = paginate(call, statement, keys=[(Hold.created_at, "desc"), (Hold.id, "desc")])
    profiles = call.platform.services.find(Profiles)
    ids = [row[2] for row in page.items]
    return call.render(
        "loyalty/redemptions.html",
        page=page,
        names={} if profiles is None else profiles.display_names(call.session, ids),
        name_of=lambda texts: in_locale(call.platform, texts, call.locale, "name"),
        states=redemption_states(),
        state=state,
        member=member,
    )


@admin.page("GET", "/redemptions/<uuid:redemption_id>", access=needs(LEDGER_READ))
def show_redemption(call: AdminCall, redemption_id: uuid.UUID) -> Any:
    """What was redeemed, what it gave, and what came back."""
    return _page(call, redemption_id, {})


@admin.page("GET", "/redemptions/<uuid:redemption_id>/code.svg", access=needs(REDEEM))
def redemption_code(call: AdminCall, redemption_id: uuid.UUID) -> Response:
    """The member's discount code for a till's scanner: for staff who may redeem for members."""
    code = _code(call, _hold(call, redemption_id))
    if code is None:
        raise NotFound(_("The redemption has no discount code; look at its state"), code="no_code")
    return Response(qr_svg(code), mimetype="image/svg+xml")


@admin.page("POST", "/redemptions/<uuid:redemption_id>/reverse", access=needs(REVERSE))
def reverse_redemption(call: AdminCall, redemption_id: uuid.UUID) -> Any:
    """Give points back, and the piece with the last of them."""
    values, errors = call.load(ReversalForm())
    if not errors and values["seen"] != _hold(call, redemption_id).reversed:
        errors = {"_schema": [_("Part of it was taken back meanwhile; look again.")]}
    if not errors:
        try:
            loyalty_of(call).undoing.reverse(
                call.session,
                redemption_id,
                points=values["points"],
                reason_code=values["reason_code"],
                note=values["note"] or "",
                actor=call.actor,
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Taken back."))
            return call.redirect("loyalty_admin.show_redemption", redemption_id=redemption_id)
    call.session.expire_all()
    return _page(call, redemption_id, errors)


def _page(call: AdminCall, redemption_id: uuid.UUID, errors: Mapping[str, Any]) -> Any:
    hold = _hold(call, redemption_id)
    version = call.session.get_one(RewardVersion, hold.reward_version_id)
    subject_id = call.session.get_one(Account, hold.account_id).subject_id
    profiles = call.platform.services.find(Profiles)
    name = None if profiles is None else profiles.display_name(call.session, subject_id)
    kind = loyalty_of(call).kinds.all().get(version.kind)
    return call.render(
        "loyalty/redemption.html",
        status=422 if errors else 200,
        hold=hold,
        reward=call.session.get_one(Reward, hold.reward_id),
        reward_name=in_locale(call.platform, version.texts, call.locale, "name"),
        kind=version.kind if kind is None else kind.label,
        subject_id=subject_id,
        name=name or str(subject_id),
        state=dict(redemption_states())[hold.state],
        given={k: v for k, v in hold.fulfilment.items() if not k.startswith("_")},
        code=_code(call, hold) if call.actor.may(REDEEM) else None,
        reasons=reversal_reasons(),
        errors=errors,
        values=call.form,
        may_reverse=call.actor.may(REVERSE) and hold.state == "captured",
    )


def _hold(call: AdminCall, redemption_id: uuid.UUID) -> Hold:
    hold = call.session.get(Hold, redemption_id)
    if hold is None:
        raise NotFound(
            _("There is no such redemption; look for it in the list"), code="unknown_redemption"
        )
    return hold


def _code(call: AdminCall, hold: Hold) -> str | None:
    version = call.session.get_one(RewardVersion, hold.reward_version_id)
    return loyalty_of(call).coupons.code_of(hold, kind=version.kind)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
