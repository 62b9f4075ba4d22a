"""Gifts for occasions: their rules, and what was planned, issued and missed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson
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
from dxp_loyalty.services.planning import KINDS
from dxp_loyalty.web.admin.blueprint import admin, languages, loyalty_of, text_values, texts_from
from dxp_loyalty.web.admin.words import occasion_kinds, reason_text, states
from dxp_loyalty.web.schemas import KEY


class OccasionRuleForm(Schema):
    """A rule of gifts for an occasion; names come in fields of their own."""

    key = fields.String(validate=KEY)
    kind = fields.String(load_default="birthday", validate=validate.OneOf(KINDS))
    day_id = fields.UUID(load_default=None, allow_none=True)
    condition = fields.String(load_default="", validate=validate.Length(max=20_000))
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


@admin.page("GET", "/occasions", access=needs(OCCASIONS_READ), paged=True)
def list_occasions(call: AdminCall) -> Any:
    """The rules, and the gifts in one state after another."""
    loyalty = loyalty_of(call)
    counts = loyalty.occasions.counts(call.session)
    known = dict(states())
    wanted = request.args.get("state", "issued")
    wanted = wanted if wanted in known else "issued"
    statement = (
        select(OccasionGrant, OccasionRule)
        .join(OccasionRule, OccasionRule.id == OccasionGrant.rule_id)
        .where(OccasionGrant.state == wanted)
    )
    page = paginate(call, statement, keys=[(OccasionGrant.id, "asc")])
    profiles = call.platform.services.find(Profiles)
    members = [grant.subject_id for grant, _rule in page.items]
    named: dict[uuid.UUID | None, str] = {
        day.id: _name(call, day.texts) for day in loyalty.days.listed(call.session)
    }
    kinds = dict(occasion_kinds())
    return call.render(
        "loyalty/occasions.html",
        rules=[
            (rule, _name(call, rule.texts), named.get(rule.day_id) or kinds[rule.kind])
            for rule in loyalty.occasions.rules(call.session)
        ],
        page=page,
        gift_name=lambda rule: _name(call, rule.texts),
        names={} if profiles is None else profiles.display_names(call.session, members),
        wanted=wanted,
        tabs=[
            {
                "label": label,
                "href": url_for("loyalty_admin.list_occasions", state=state),
                "active": state == wanted,
                "count": counts.get(state) or None,
            }
            for state, label in states()
        ],
        reason_text=reason_text,
        may_write=call.actor.may(OCCASIONS_WRITE),
    )


@admin.page("GET", "/occasions/rules/new", access=needs(OCCASIONS_WRITE))
def new_occasion_rule(call: AdminCall) -> Any:
    """A form with what the settings propose."""
    settings = loyalty_of(call).settings
    values = {
        "kind": "birthday",
        "points": settings.birthday_points,
        "days_before": settings.birthday_days_before,
        "days_after": settings.birthday_days_after,
        "minimum_days": settings.birthday_minimum_days,
        "late_policy": "delay",
        "leap_day": "february_28",
        "active": True,
    }
    return _form(call, None, values, {})


@admin.page("POST", "/occasions/rules/new", access=needs(OCCASIONS_WRITE))
def create_occasion_rule(call: AdminCall) -> Any:
    """Begin to give something on an occasion."""
    values, errors = _read(call)
    if not errors and not values.get("key"):
        errors = {"key": [_("Give the rule a key.")]}
    if not errors:
        values.pop("version")
        try:
            loyalty_of(call).occasions.create_rule(
                call.session, OccasionRuleDraft(**values), actor=call.actor
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The rule is in force; the next run plans the gifts."))
            return call.redirect("loyalty_admin.list_occasions")
    return _form(call, None, call.form, errors)


@admin.page("GET", "/occasions/rules/<uuid:rule_id>", access=needs(OCCASIONS_READ))
def edit_occasion_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """The form with the rule as it is."""
    rule = loyalty_of(call).occasions.rule(call.session, rule_id)
    values = {name: getattr(rule, name) for name in OccasionRuleForm().fields}
    condition = rule.condition
    values["condition"] = (
        orjson.dumps(condition, option=orjson.OPT_INDENT_2).decode() if condition else ""
    )
    return _form(call, rule, values | text_values(rule.texts), {})


@admin.page("POST", "/occasions/rules/<uuid:rule_id>", access=needs(OCCASIONS_WRITE))
def save_occasion_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """Change the rule; a stale form is refused and keeps what was typed."""
    occasions = loyalty_of(call).occasions
    rule = occasions.rule(call.session, rule_id)
    values, errors = _read(call)
    if not errors:
        version = values.pop("version") or 0
        draft = OccasionRuleDraft(**{**values, "key": rule.key, "kind": rule.kind})
        try:
            occasions.edit_rule(
                call.session, rule_id, draft, expected_version=version, actor=call.actor
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved; the next run plans anew."))
            return call.redirect("loyalty_admin.list_occasions")
    return _form(call, rule, call.form, errors)


def _read(call: AdminCall) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """What the form says, with its texts and its condition as a document."""
    values, errors = call.load(OccasionRuleForm())
    if errors:
        return values, errors
    values["texts"] = texts_from(call)
    if not values["texts"]:
        return values, {"_schema": [_("Give the gift a name in one language at least.")]}
    written = values["condition"].strip()
    try:
        values["condition"] = orjson.loads(written) if written else None
    except orjson.JSONDecodeError:
        values["condition"] = written
    if values["condition"] is not None and not isinstance(values["condition"], dict):
        return values, {
            "condition": [_("This is no condition: write JSON between braces, or nothing.")]
        }
    return values, {}


def _form(
    call: AdminCall,
    rule: OccasionRule | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
) -> Any:
    if rule is None:
        action = url_for("loyalty_admin.create_occasion_rule")
    else:
        action = url_for("loyalty_admin.save_occasion_rule", rule_id=rule.id)
        values = {**values, "kind": rule.kind}
    loyalty = loyalty_of(call)
    return call.render(
        "loyalty/occasion_form.html",
        status=422 if errors else 200,
        rule=rule,
        heading=_("New rule") if rule is None else _name(call, rule.texts),
        values=values,
        errors=errors,
        action=action,
        languages=languages(call),
        kinds=occasion_kinds(),
        days=[
            (str(day.id), _name(call, day.texts) or day.key)
            for day in loyalty.days.listed(call.session)
        ],
        rewards=[
            (str(reward.id), _name(call, version.texts))
            for reward, version in loyalty.rewards.listed(call.session)
            if reward.active
        ],
        may_write=call.actor.may(OCCASIONS_WRITE),
    )


def _name(call: AdminCall, texts: Mapping[str, Mapping[str, Any]]) -> str:
    return in_locale(call.platform, texts, call.locale, "name")
