"""Birthday gifts: their rules, and what was planned, issued and missed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import request, url_for
from marshmallow import Schema, fields, validate
from sqlalchemy import select

from dxp.api import AdminCall, Problem, needs, paginate
from dxp.api import gettext as _
from dxp.contracts import Profiles
from dxp_loyalty.models import OccasionGrant, OccasionRule
from dxp_loyalty.permissions import OCCASIONS_READ, OCCASIONS_WRITE
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.occasions import OccasionRuleDraft
from dxp_loyalty.web.admin.blueprint import admin, languages, loyalty_of, text_values, texts_from
from dxp_loyalty.web.admin.words import reason_text, states
from dxp_loyalty.web.schemas import KEY


class OccasionRuleForm(Schema):
    """A rule of birthday gifts; names come in fields of their own."""

    key = fields.String(validate=KEY)
    points = fields.Integer(load_default=0, validate=validate.Range(0, MAX_POINTS))
    reward_id = fields.UUID(load_default=None, allow_none=True)
    days_before = fields.Integer(load_default=0, validate=validate.Range(0, 60))
    days_after = fields.Integer(load_default=14, validate=validate.Range(0, 60))
    minimum_days = fields.Integer(load_default=14, validate=validate.Range(0, 365))
    late_policy = fields.String(
        load_default="delay", validate=validate.OneOf(["delay", "skip", "immediate"])
    )
    leap_day = fields.String(
        load_default="february_28", validate=validate.OneOf(["february_28", "march_1"])
    )
    minimum_age = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, 120)
    )
    active = fields.Boolean(load_default=False)
    version = fields.Integer(load_default=None, allow_none=True)


@admin.page("GET", "/birthdays", access=needs(OCCASIONS_READ), paged=True)
def list_birthdays(call: AdminCall) -> Any:
    """The rules, and the gifts in one state after another."""
    occasions = loyalty_of(call).occasions
    rules = occasions.rules(call.session)
    counts = occasions.counts(call.session)
    known = dict(states())
    wanted = request.args.get("state", "issued")
    wanted = wanted if wanted in known else "issued"
    statement = select(OccasionGrant).where(OccasionGrant.state == wanted)
    page = paginate(call, statement, keys=[(OccasionGrant.id, "asc")])
    profiles = call.platform.services.find(Profiles)
    members = [grant.subject_id for grant in page.items]
    return call.render(
        "loyalty/birthdays.html",
        rules=[(rule, in_locale(call.platform, rule.texts, call.locale, "name")) for rule in rules],
        page=page,
        names={} if profiles is None else profiles.display_names(call.session, members),
        wanted=wanted,
        tabs=[
            {
                "label": label,
                "href": url_for("loyalty_admin.list_birthdays", state=state),
                "active": state == wanted,
                "count": counts.get(state) or None,
            }
            for state, label in states()
        ],
        reason_text=reason_text,
        may_write=call.actor.may(OCCASIONS_WRITE),
    )


@admin.page("GET", "/birthdays/rules/new", access=needs(OCCASIONS_WRITE))
def new_birthday_rule(call: AdminCall) -> Any:
    """A form with what the settings propose."""
    settings = loyalty_of(call).settings
    values = {
        "points": settings.birthday_points,
        "days_before": settings.birthday_days_before,
        "days_after": settings.birthday_days_after,
        "minimum_days": settings.birthday_minimum_days,
        "late_policy": "delay",
        "leap_day": "february_28",
        "active": True,
    }
    return _form(call, None, values, {})


@admin.page("POST", "/birthdays/rules/new", access=needs(OCCASIONS_WRITE))
def create_birthday_rule(call: AdminCall) -> Any:
    """Begin to give something on birthdays."""
    values, errors = call.load(OccasionRuleForm())
    texts = texts_from(call)
    if not errors and not values.get("key"):
        errors = {"key": [_("Give the rule a key.")]}
    if not errors and not texts:
        errors = {"_schema": [_("Give the gift a name in one language at least.")]}
    if not errors:
        values.pop("version")
        try:
            loyalty_of(call).occasions.create_rule(
                call.session, OccasionRuleDraft(texts=texts, **values), actor=call.actor
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The rule is in force; the next run plans the gifts."))
            return call.redirect("loyalty_admin.list_birthdays")
    return _form(call, None, call.form, errors)


@admin.page("GET", "/birthdays/rules/<uuid:rule_id>", access=needs(OCCASIONS_READ))
def edit_birthday_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """The form with the rule as it is."""
    rule = loyalty_of(call).occasions.rule(call.session, rule_id)
    names = [name for name in OccasionRuleForm().fields if name != "texts"]
    values = {name: getattr(rule, name) for name in names} | text_values(rule.texts)
    return _form(call, rule, values, {})


@admin.page("POST", "/birthdays/rules/<uuid:rule_id>", access=needs(OCCASIONS_WRITE))
def save_birthday_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """Change the rule; a stale form is refused and keeps what was typed."""
    occasions = loyalty_of(call).occasions
    rule = occasions.rule(call.session, rule_id)
    values, errors = call.load(OccasionRuleForm())
    texts = texts_from(call)
    if not errors and not texts:
        errors = {"_schema": [_("Give the gift a name in one language at least.")]}
    if not errors:
        version = values.pop("version") or 0
        draft = OccasionRuleDraft(texts=texts, **{**values, "key": rule.key})
        try:
            occasions.edit_rule(
                call.session, rule_id, draft, expected_version=version, actor=call.actor
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved; the next run plans anew."))
            return call.redirect("loyalty_admin.list_birthdays")
    return _form(call, rule, call.form, errors)


def _form(
    call: AdminCall,
    rule: OccasionRule | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
) -> Any:
    if rule is None:
        action = url_for("loyalty_admin.create_birthday_rule")
    else:
        action = url_for("loyalty_admin.save_birthday_rule", rule_id=rule.id)
    rewards = loyalty_of(call).rewards.listed(call.session)
    return call.render(
        "loyalty/birthday_form.html",
        status=422 if errors else 200,
        rule=rule,
        heading=_("New rule")
        if rule is None
        else in_locale(call.platform, rule.texts, call.locale, "name"),
        values=values,
        errors=errors,
        action=action,
        languages=languages(call),
        rewards=[
            (str(reward.id), in_locale(call.platform, version.texts, call.locale, "name"))
            for reward, version in rewards
            if reward.active
        ],
        may_write=call.actor.may(OCCASIONS_WRITE),
    )
