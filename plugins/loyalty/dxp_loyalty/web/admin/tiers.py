"""The ladder: how tiers are counted, and the tiers; a member's tier by hand."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import url_for
from marshmallow import Schema, fields, validate
from sqlalchemy import func, select

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.models import Tier, TierPlan, TierStanding
from dxp_loyalty.permissions import TIERS_READ, TIERS_WRITE
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.tier_plans import (
    BASES,
    PERIODS,
    PlanDraft,
    TierDraft,
    amount_shown,
)
from dxp_loyalty.web.admin.blueprint import (
    admin,
    languages,
    loyalty_of,
    tell,
    text_values,
    texts_from,
)
from dxp_loyalty.web.schemas import KEY
from dxp_loyalty.web.tier_present import amount_text, plain_amount


class PlanForm(Schema):
    """How tiers are counted."""

    basis = fields.String(load_default="points", validate=validate.OneOf(BASES))
    currency = fields.String(
        load_default=None, allow_none=True, validate=validate.Regexp(r"[A-Z]{3}\Z")
    )
    period = fields.String(load_default="calendar_year", validate=validate.OneOf(PERIODS))
    months = fields.Integer(load_default=12, validate=validate.Range(1, 60))
    keep_next = fields.Boolean(load_default=False)
    grace_days = fields.Integer(load_default=0, validate=validate.Range(0, 366))
    active = fields.Boolean(load_default=False)
    version = fields.Integer(load_default=None, allow_none=True)


class TierForm(Schema):
    """One tier; names come in fields of their own."""

    key = fields.String(validate=KEY)
    threshold = fields.Decimal(
        required=True, allow_nan=False, validate=validate.Range(Decimal(0), Decimal(10**11))
    )
    version = fields.Integer(load_default=0, allow_none=True)


class GivenTierForm(Schema):
    """A tier that staff give a member."""

    tier_id = fields.UUID(required=True)
    until = fields.Date(required=True)
    reason = fields.String(required=True, validate=validate.Length(1, 500))


@admin.page("GET", "/tiers", access=needs(TIERS_READ))
def list_tiers(call: AdminCall) -> Any:
    """The ladder with how many stand where, and how it is counted."""
    plans = loyalty_of(call).tier_plans
    plan = plans.plan(call.session)
    values: Mapping[str, Any] = _proposal() if plan is None else _values(plan)
    return _page(call, plan, values, {})


@admin.page("POST", "/tiers", access=needs(TIERS_WRITE))
def save_tier_plan(call: AdminCall) -> Any:
    """Change how tiers are counted; a stale form is refused and keeps what was typed."""
    plans = loyalty_of(call).tier_plans
    values, errors = call.load(PlanForm())
    if not errors:
        version = values.pop("version")
        try:
            with call.session.begin_nested():
                plans.save_plan(
                    call.session, PlanDraft(**values), expected_version=version, actor=call.actor
                )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved; a job looks at all members anew."))
            return call.redirect("loyalty_admin.list_tiers")
    return _page(call, plans.plan(call.session), call.form, errors)


@admin.page("GET", "/tiers/new", access=needs(TIERS_WRITE))
def new_tier(call: AdminCall) -> Any:
    """An empty form."""
    plan = loyalty_of(call).tier_plans.plan(call.session)
    if plan is None:
        call.toast(_("Say first how tiers are counted."), kind="warning")
        return call.redirect("loyalty_admin.list_tiers")
    return _form(call, plan, None, {"version": plan.version}, {})


@admin.page("POST", "/tiers/new", access=needs(TIERS_WRITE))
def create_tier(call: AdminCall) -> Any:
    """Add a tier to the ladder."""
    return _save(call, None)


@admin.page("GET", "/tiers/<uuid:tier_id>", access=needs(TIERS_READ))
def edit_tier(call: AdminCall, tier_id: uuid.UUID) -> Any:
    """The form with the tier as it is."""
    plans = loyalty_of(call).tier_plans
    tier, plan = plans.tier(call.session, tier_id), plans.plan(call.session)
    assert plan is not None, "a tier has a plan"
    values = {
        "threshold": plain_amount(plan, amount_shown(plan, tier.threshold)),
        "version": plan.version,
        **text_values(tier.texts),
    }
    return _form(call, plan, tier, values, {})


@admin.page("POST", "/tiers/<uuid:tier_id>", access=needs(TIERS_WRITE))
def save_tier(call: AdminCall, tier_id: uuid.UUID) -> Any:
    """Change a tier; nobody who has it loses it."""
    return _save(call, loyalty_of(call).tier_plans.tier(call.session, tier_id))


@admin.page("POST", "/tiers/<uuid:tier_id>/remove", access=needs(TIERS_WRITE))
def remove_tier(call: AdminCall, tier_id: uuid.UUID) -> Any:
    """Take a tier that nobody has out of the ladder."""
    plans = loyalty_of(call).tier_plans
    plan = plans.plan(call.session)
    version = 0 if plan is None else plan.version
    try:
        plans.remove_tier(call.session, tier_id, expected_version=version, actor=call.actor)
        call.toast(_("The tier is gone."))
    except Problem as problem:
        tell(call, call.errors_of(problem))
    return call.redirect("loyalty_admin.list_tiers")


@admin.page("POST", "/members/<uuid:subject_id>/tier", access=needs(TIERS_WRITE))
def give_tier(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Give a member a tier until the end of a day."""
    loyalty = loyalty_of(call)
    values, errors = call.load(GivenTierForm())
    if not errors:
        try:
            tier = loyalty.tier_plans.tier(call.session, values.pop("tier_id"))
            loyalty.tiers.give(call.session, subject_id, tier, actor=call.actor, **values)
            call.toast(_("The tier is given."))
        except Problem as problem:
            errors = call.errors_of(problem)
    tell(call, errors)
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)


@admin.page("POST", "/members/<uuid:subject_id>/tier/take", access=needs(TIERS_WRITE))
def take_tier(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Take a given tier back."""
    loyalty_of(call).tiers.take(call.session, subject_id, actor=call.actor)
    call.toast(_("The tier is taken back; what was earned stays."))
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)


def _save(call: AdminCall, tier: Tier | None) -> Any:
    plans = loyalty_of(call).tier_plans
    values, errors = call.load(TierForm())
    if not errors and tier is None and not values.get("key"):
        errors = {"key": [_("Give the tier a key.")]}
    if not errors:
        draft = TierDraft(
            key=values.get("key") or (tier.key if tier is not None else ""),
            threshold=values["threshold"],
            texts=texts_from(call),
        )
        version = values["version"] or 0
        try:
            with call.session.begin_nested():
                if tier is None:
                    plans.add_tier(call.session, draft, expected_version=version, actor=call.actor)
                else:
                    plans.edit_tier(
                        call.session, tier.id, draft, expected_version=version, actor=call.actor
                    )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved; a job looks at all members anew."))
            return call.redirect("loyalty_admin.list_tiers")
    plan = plans.plan(call.session)
    if plan is None:
        return call.redirect("loyalty_admin.list_tiers")
    return _form(call, plan, tier, call.form, errors)


def _proposal() -> dict[str, Any]:
    return {
        "basis": "points",
        "period": "calendar_year",
        "months": 12,
        "keep_next": True,
        "grace_days": 30,
        "active": True,
    }


def _values(plan: TierPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in (*PlanDraft.__dataclass_fields__, "version")}


def _page(
    call: AdminCall, plan: TierPlan | None, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    counts: dict[Any, int] = dict(
        call.session.execute(
            select(TierStanding.tier_id, func.count()).group_by(TierStanding.tier_id)
        ).all()
    )
    tiers = [] if plan is None else loyalty_of(call).tier_plans.tiers(call.session)
    return call.render(
        "loyalty/tiers.html",
        status=422 if errors else 200,
        plan=plan,
        values=values,
        errors=errors,
        tiers=[
            {
                "tier": tier,
                "name": in_locale(call.platform, tier.texts, call.locale, "name"),
                "threshold": amount_text(plan, amount_shown(plan, tier.threshold)),
                "members": counts.get(tier.id, 0),
            }
            for tier in tiers
            if plan is not None
        ],
        may_write=call.actor.may(TIERS_WRITE),
    )


def _form(
    call: AdminCall,
    plan: TierPlan,
    tier: Tier | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
) -> Any:
    if tier is None:
        action = url_for("loyalty_admin.create_tier")
    else:
        action = url_for("loyalty_admin.save_tier", tier_id=tier.id)
    return call.render(
        "loyalty/tier_form.html",
        status=422 if errors else 200,
        plan=plan,
        tier=tier,
        heading=_("New tier")
        if tier is None
        else in_locale(call.platform, tier.texts, call.locale, "name"),
        values=values,
        errors=errors,
        action=action,
        languages=languages(call),
        may_write=call.actor.may(TIERS_WRITE),
    )
