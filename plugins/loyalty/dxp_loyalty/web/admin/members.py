"""A member's ledger: read, verify, adjust."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates
from sqlalchemy import select

from dxp.api import AdminCall, Problem, format_number, needs, paginate
from dxp.api import gettext as _
from dxp.contracts import Profiles
from dxp_loyalty.models import Account
from dxp_loyalty.permissions import ADJUST, LEDGER_READ, OCCASIONS_WRITE
from dxp_loyalty.services.adjustments import REASON_CODES
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.explain import why
from dxp_loyalty.services.invariants import verify_account
from dxp_loyalty.services.statements import NEWEST_FIRST, entries_query
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of, tell
from dxp_loyalty.web.admin.words import adjustment_reasons, kinds, reason_text, states


class AdjustmentForm(Schema):
    """Points to add or to take, and why."""

    points = fields.Integer(required=True, validate=validate.Range(-MAX_POINTS, MAX_POINTS))
    reason_code = fields.String(required=True, validate=validate.OneOf(REASON_CODES))
    note = fields.String(load_default="", allow_none=True, validate=validate.Length(0, 500))
    once = fields.UUID(required=True)

    @validates("points")
    def check_points(self, value: int, **_options: Any) -> None:
        if value == 0:
            raise ValidationError(_("Zero moves no points."))


@admin.page("GET", "/members/<uuid:subject_id>", access=needs(LEDGER_READ), paged=True)
def show_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Wallets, gifts, and the ledger line by line."""
    loyalty = loyalty_of(call)
    query = entries_query(subject_id, wallet=loyalty.settings.wallet)
    page = paginate(call, query, keys=NEWEST_FIRST)
    lines = [
        {
            "entry": row[0],
            "note": row[1],
            "why": why(
                call.platform, row[0], note=row[1], rule=row[2], reward=row[3], locale=call.locale
            ),
        }
        for row in page.items
    ]
    profiles = call.platform.services.find(Profiles)
    name = None if profiles is None else profiles.display_name(call.session, subject_id)
    return call.render(
        "loyalty/member.html",
        subject_id=subject_id,
        name=name or str(subject_id),
        wallets=loyalty.points.wallets(call.session, subject_id),
        lines=lines,
        next_cursor=page.next,
        gifts=loyalty.occasions.gifts(call.session, subject_id),
        kinds=kinds(),
        states=dict(states()),
        reason_text=reason_text,
        reasons=adjustment_reasons(),
        once=uuid.uuid4(),
        may_adjust=call.actor.may(ADJUST),
    )


@admin.page(
    "POST", "/members/<uuid:subject_id>/verify", access=needs(LEDGER_READ), transaction="read"
)
def verify_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Check the chain of the member's accounts."""
    accounts = call.session.scalars(select(Account).where(Account.subject_id == subject_id)).all()
    entries, faults = 0, []
    for account in accounts:
        report = verify_account(call.session, account)
        entries += report.entries
        faults += report.violations
    if faults:
        call.toast(
            _(
                "The chain is broken at %(where)s: the ledger was changed from outside. "
                "Restore it from a backup, and find out who had access.",
                where=faults[0].where,
            ),
            kind="danger",
        )
    else:
        call.toast(_("The chain of %(count)s entries is whole.", count=format_number(entries)))
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)


@admin.page("POST", "/members/<uuid:subject_id>/adjust", access=needs(ADJUST))
def adjust_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Add or take points by hand."""
    values, errors = call.load(AdjustmentForm())
    if not errors:
        once = f"form:{values.pop('once')}"
        values["note"] = values["note"] or ""
        try:
            loyalty_of(call).adjustments.adjust(
                call.session, subject_id, actor=call.actor, once=once, **values
            )
            call.toast(_("The points are adjusted."))
        except Problem as problem:
            errors = call.errors_of(problem)
    tell(call, errors)
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)


@admin.page("POST", "/members/<uuid:subject_id>/occasions", access=needs(OCCASIONS_WRITE))
def pause_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Stop all gifts for a member who has died, or go on after a mistake."""
    paused = call.form.get("paused") == "true"
    loyalty_of(call).membership.pause(call.session, subject_id, paused=paused, actor=call.actor)
    call.toast(_("Gifts are stopped.") if paused else _("Gifts go on."))
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)
