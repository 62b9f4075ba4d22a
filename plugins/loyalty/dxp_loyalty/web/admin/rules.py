"""Earning rules: list, create, put a new version in force."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import url_for
from marshmallow import Schema, ValidationError, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.models import EarningRule
from dxp_loyalty.permissions import RULES_READ, RULES_WRITE
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.points_text import points_text, rate_text
from dxp_loyalty.services.rule_language import EARNING_EVENTS, ROUNDINGS
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of
from dxp_loyalty.web.schemas import KEY


def _is_object(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValidationError(_("Not valid JSON: %(fault)s", fault=str(error))) from error
    if not isinstance(value, dict):
        raise ValidationError(_("A condition is a JSON object, such as {}."))


class RuleForm(Schema):
    """A rule; the condition comes as JSON text."""

    key = fields.String(validate=KEY)
    name = fields.String(required=True, validate=validate.Length(1, 120))
    event_type = fields.String(required=True, validate=validate.OneOf(EARNING_EVENTS))
    type = fields.String(required=True, validate=validate.OneOf(["per_amount", "fixed"]))
    points = fields.String(required=True, validate=validate.Length(1, 20))
    per = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 20))
    currency = fields.String(load_default=None, allow_none=True)
    rounding = fields.String(load_default="down", validate=validate.OneOf(sorted(ROUNDINGS)))
    minimum = fields.Integer(load_default=0, allow_none=True, validate=validate.Range(0, 10**9))
    condition = fields.String(load_default=None, allow_none=True, validate=_is_object)
    pending_days = fields.Integer(load_default=0, validate=validate.Range(0, 730))
    expires_after_days = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, 36_500)
    )
    active = fields.Boolean(load_default=False)
    version = fields.Integer(load_default=None, allow_none=True)


@admin.page("GET", "/rules", access=needs(RULES_READ))
def list_rules(call: AdminCall) -> Any:
    """All rules in the versions in force."""
    return call.render(
        "loyalty/rules.html",
        rules=[
            (rule, version, _award_text(version.definition["award"]))
            for rule, version in loyalty_of(call).earning.listed(call.session)
        ],
        events=dict(_events(call)),
        may_write=call.actor.may(RULES_WRITE),
    )


@admin.page("GET", "/rules/new", access=needs(RULES_WRITE))
def new_rule(call: AdminCall) -> Any:
    """A form with an ordinary rule."""
    values = {
        "event_type": EARNING_EVENTS[0],
        "type": "per_amount",
        "points": "1",
        "per": "1",
        "rounding": "down",
        "pending_days": 0,
        "active": True,
    }
    return _form(call, None, values, {})


@admin.page("POST", "/rules/new", access=needs(RULES_WRITE))
def create_rule(call: AdminCall) -> Any:
    """Put a new rule in force."""
    values, errors = call.load(RuleForm())
    if not errors and not values.get("key"):
        errors = {"key": [_("Give the rule a key.")]}
    if not errors:
        try:
            loyalty_of(call).earning.create(
                call.session, _draft(values, values["key"]), actor=call.actor
            )
        except Problem as problem:
            errors = _by_field(call, problem)
        else:
            call.toast(_("The rule is in force."))
            return call.redirect("loyalty_admin.list_rules")
    return _form(call, None, call.form, errors)


@admin.page("GET", "/rules/<uuid:rule_id>", access=needs(RULES_READ))
def edit_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """The version in force, and those before it."""
    earning = loyalty_of(call).earning
    rule = earning.get(call.session, rule_id)
    current = earning.versions(call.session, rule_id)[0]
    definition = current.definition
    condition = definition.get("condition") or {}
    values = {
        "key": rule.key,
        "name": current.name,
        "event_type": rule.event_type,
        **definition["award"],
        "condition": json.dumps(condition, ensure_ascii=False, indent=2) if condition else "",
        "pending_days": definition.get("pending_days", 0),
        "expires_after_days": definition.get("expires_after_days"),
        "active": rule.active,
        "version": rule.version,
    }
    return _form(call, rule, values, {})


@admin.page("POST", "/rules/<uuid:rule_id>", access=needs(RULES_WRITE))
def save_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """Put a new version in force; a stale form is refused and keeps what was typed."""
    earning = loyalty_of(call).earning
    rule = earning.get(call.session, rule_id)
    values, errors = call.load(RuleForm())
    if not errors:
        try:
            earning.revise(
                call.session,
                rule_id,
                _draft(values, rule.key),
                expected_version=values["version"] or 0,
                actor=call.actor,
            )
        except Problem as problem:
            errors = _by_field(call, problem)
        else:
            call.toast(_("The new version is in force."))
            return call.redirect("loyalty_admin.list_rules")
    return _form(call, rule, call.form, errors)


def _events(call: AdminCall) -> list[tuple[str, str]]:
    types = call.platform.events.types
    return [(name, str(types[name].label or name)) for name in EARNING_EVENTS]


def _award_text(award: Mapping[str, Any]) -> str:
    points = Decimal(award["points"])
    if award["type"] == "fixed":
        return points_text(points)
    return rate_text(points, Decimal(award.get("per") or 1), award.get("currency"))


def _draft(values: Mapping[str, Any], key: str) -> RuleDraft:
    per_amount = values["type"] == "per_amount"
    definition = {
        "award": {
            "type": values["type"],
            "points": values["points"],
            "per": values["per"] if per_amount else None,
            "currency": values["currency"] if per_amount else None,
            "rounding": values["rounding"],
            "minimum": (values["minimum"] or 0) if per_amount else 0,
        },
        "condition": json.loads(values["condition"] or "{}"),
        "pending_days": values["pending_days"],
        "expires_after_days": values["expires_after_days"],
    }
    return RuleDraft(
        key=key,
        name=values["name"],
        event_type=values["event_type"],
        definition=definition,
        active=values["active"],
    )


def _by_field(call: AdminCall, problem: Problem) -> dict[str, list[str]]:
    """Faults of the definition, under the fields of the form."""
    errors: dict[str, list[str]] = {}
    for name, messages in call.errors_of(problem).items():
        field = name.removeprefix("award.").partition(".")[0]
        errors.setdefault(field, []).extend(messages)
    return errors


def _form(
    call: AdminCall, rule: EarningRule | None, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    if rule is None:
        action, versions = url_for("loyalty_admin.create_rule"), []
    else:
        action = url_for("loyalty_admin.save_rule", rule_id=rule.id)
        versions = list(loyalty_of(call).earning.versions(call.session, rule.id))
    return call.render(
        "loyalty/rule_form.html",
        status=422 if errors else 200,
        rule=rule,
        values=values,
        errors=errors,
        action=action,
        versions=versions,
        events=_events(call),
        may_write=call.actor.may(RULES_WRITE),
    )
