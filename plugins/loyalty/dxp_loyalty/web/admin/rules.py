"""Earning rules: list, create, put a new version in force or keep it as a draft."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from flask import url_for

from dxp.api import AdminCall, Problem, format_number, needs
from dxp.api import gettext as _
from dxp_loyalty.models import EarningRule, EarningRuleVersion
from dxp_loyalty.permissions import RULES_READ, RULES_WRITE
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.explain import rule_name
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.points_text import points_text, rate_text
from dxp_loyalty.services.rule_language import EARNING_EVENTS
from dxp_loyalty.web.admin.blueprint import admin, languages, loyalty_of
from dxp_loyalty.web.admin.rule_form import (
    RuleForm,
    clock_text,
    definition_of,
    in_zone,
    typed_rows,
    values_of,
)

_ON_FORM = {"windows": "windows", "caps": "caps", "names": "name"}


@admin.page("GET", "/rules", access=needs(RULES_READ))
def list_rules(call: AdminCall) -> Any:
    """All rules in their newest versions."""
    return call.render(
        "loyalty/rules.html",
        rules=[
            {
                "rule": rule,
                "version": version,
                "name": rule_name(call.platform, version, call.locale),
                "award": _award_text(version.definition["award"]),
                "state": state_of(version, call.now),
            }
            for rule, version in loyalty_of(call).earning.listed(call.session)
        ],
        events=dict(_events(call)),
        may_write=call.actor.may(RULES_WRITE),
    )


@admin.page("GET", "/rules/new", access=needs(RULES_WRITE))
def new_rule(call: AdminCall) -> Any:
    """A form with an ordinary rule."""
    award = {"type": "per_amount", "points": "1", "per": "1"}
    values = {**values_of({"award": award}), "event_type": EARNING_EVENTS[0], "active": True}
    return _form(call, None, values, {})


@admin.page("POST", "/rules/new", access=needs(RULES_WRITE))
def create_rule(call: AdminCall) -> Any:
    """Put a new rule in force, or keep it as a draft."""
    values, errors = call.load(RuleForm())
    if not errors and not values.get("key"):
        errors = {"key": [_("Give the rule a key.")]}
    if not errors:
        try:
            rule = loyalty_of(call).earning.create(
                call.session, _draft(call, values, values["key"]), actor=call.actor
            )
        except Problem as problem:
            errors = _by_field(call, problem)
        else:
            return _saved(call, rule, values, _("The rule is in force."))
    return _form(call, None, {**call.form.to_dict(), **typed_rows(call.form)}, errors)


@admin.page("GET", "/rules/<uuid:rule_id>", access=needs(RULES_READ))
def edit_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """The form with the newest version, be it a draft."""
    earning = loyalty_of(call).earning
    rule = earning.get(call.session, rule_id)
    newest = earning.versions(call.session, rule_id)[0]
    zone = ZoneInfo(loyalty_of(call).settings.timezone)
    values = {
        **values_of(newest.definition),
        "key": rule.key,
        "name": newest.name,
        "event_type": newest.event_type,
        "active": newest.active,
        "draft": newest.draft,
        "live_from": clock_text(newest.live_from, zone),
        "live_until": clock_text(newest.live_until, zone),
        "version": rule.version,
    }
    return _form(call, rule, values, {})


@admin.page("POST", "/rules/<uuid:rule_id>", access=needs(RULES_WRITE))
def save_rule(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """Keep a new version; a stale form is refused and keeps what was typed."""
    earning = loyalty_of(call).earning
    rule = earning.get(call.session, rule_id)
    values, errors = call.load(RuleForm())
    if not errors:
        try:
            earning.revise(
                call.session,
                rule_id,
                _draft(call, values, rule.key),
                expected_version=values["version"] or 0,
                actor=call.actor,
            )
        except Problem as problem:
            errors = _by_field(call, problem)
        else:
            return _saved(call, rule, values, _("The new version is in force."))
    return _form(call, rule, {**call.form.to_dict(), **typed_rows(call.form)}, errors)


def state_of(version: EarningRuleVersion, now: datetime) -> tuple[str, str]:
    """What a version is now, and how to show it."""
    if version.draft:
        return _("Draft"), "info"
    if not version.active:
        return _("Off"), "neutral"
    if version.live_until is not None and version.live_until <= now:
        return _("Ended"), "neutral"
    if version.live_from is not None and version.live_from > now:
        return _("Goes live later"), "warning"
    return _("In force"), "success"


def _saved(call: AdminCall, rule: EarningRule, values: Mapping[str, Any], said: str) -> Any:
    if values["draft"]:
        call.toast(_("The draft is kept; simulate it before it goes live."))
        return call.redirect("loyalty_admin.show_simulations", rule_id=rule.id)
    call.toast(said)
    return call.redirect("loyalty_admin.list_rules")


def _events(call: AdminCall) -> list[tuple[str, str]]:
    types = call.platform.events.types
    return [(name, str(types[name].label or name)) for name in EARNING_EVENTS]


def _award_text(award: Mapping[str, Any]) -> str:
    if award["type"] == "multiplier":
        return _("%(factor)s times the points", factor=format_number(Decimal(award["factor"])))
    points = Decimal(award["points"])
    if award["type"] == "fixed":
        return points_text(points)
    if award["type"] == "per_piece":
        return _("%(points)s for each piece", points=points_text(points))
    return rate_text(points, Decimal(award.get("per") or 1), award.get("currency"))


def _draft(call: AdminCall, values: Mapping[str, Any], key: str) -> RuleDraft:
    zone = ZoneInfo(loyalty_of(call).settings.timezone)
    locales = call.platform.settings.locale.available
    return RuleDraft(
        key=key,
        name=values["name"],
        event_type=values["event_type"],
        definition=definition_of(values, call.form, locales),
        active=values["active"],
        draft=values["draft"],
        live_from=in_zone(values["live_from"], zone),
        live_until=in_zone(values["live_until"], zone),
    )


def _by_field(call: AdminCall, problem: Problem) -> dict[str, list[str]]:
    """Faults of the definition, under the fields of the form."""
    errors: dict[str, list[str]] = {}
    for name, messages in call.errors_of(problem).items():
        field = name.removeprefix("award.").partition(".")[0]
        errors.setdefault(_ON_FORM.get(field, field), []).extend(messages)
    return errors


def _form(
    call: AdminCall, rule: EarningRule | None, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    loyalty = loyalty_of(call)
    if rule is None:
        action, versions = url_for("loyalty_admin.create_rule"), []
    else:
        action = url_for("loyalty_admin.save_rule", rule_id=rule.id)
        versions = [
            (version, state_of(version, call.now))
            for version in loyalty.earning.versions(call.session, rule.id)
        ]
    days = get_day_names("abbreviated", locale=call.locale)
    return call.render(
        "loyalty/rule_form.html",
        status=422 if errors else 200,
        rule=rule,
        values=values,
        errors=errors,
        action=action,
        versions=versions,
        events=_events(call),
        languages=languages(call),
        weekdays=[(number, days[number - 1]) for number in range(1, 8)],
        wallets=[
            (wallet.key, in_locale(call.platform, wallet.texts, call.locale, "name"))
            for wallet in loyalty.wallets.listed(call.session)
        ],
        campaigns=[
            (campaign.key, in_locale(call.platform, campaign.texts, call.locale, "name"))
            for campaign in loyalty.campaigns.listed(call.session)
        ],
        may_write=call.actor.may(RULES_WRITE),
    )
