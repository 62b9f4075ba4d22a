"""Simulations of a rule: ask for one, see its numbers, take them along."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Mapping
from datetime import date
from io import StringIO
from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, format_day, format_number, needs
from dxp.api import gettext as _
from dxp_loyalty.permissions import RULES_READ, RULES_WRITE
from dxp_loyalty.services.explain import rule_name
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.simulations import MAX_DAYS
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of


class SimulationForm(Schema):
    """How many days, and which version."""

    days = fields.Integer(required=True, validate=validate.Range(1, MAX_DAYS))
    number = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 10**9))


@admin.page("GET", "/rules/<uuid:rule_id>/simulations", access=needs(RULES_READ))
def show_simulations(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """The latest simulations of a rule."""
    return _page(call, rule_id, {"days": 30}, {})


@admin.page("POST", "/rules/<uuid:rule_id>/simulations", access=needs(RULES_WRITE))
def start_simulation(call: AdminCall, rule_id: uuid.UUID) -> Any:
    """Replay the last days; much of it is done by a job."""
    values, errors = call.load(SimulationForm())
    if not errors:
        try:
            simulation = loyalty_of(call).simulations.ask(
                call.session, rule_id, actor=call.actor, **values
            )
        except Problem as problem:
            if problem.status == 404:
                raise
            errors = call.errors_of(problem)
        else:
            if simulation.state != "done":
                call.toast(_("That is much; a job works it out."))
            return call.redirect("loyalty_admin.show_simulations", rule_id=rule_id)
    return _page(call, rule_id, call.form, errors)


@admin.page("GET", "/simulations/<uuid:simulation_id>.csv", access=needs(RULES_READ))
def simulation_csv(call: AdminCall, simulation_id: uuid.UUID) -> Any:
    """Points by day, before and after."""
    simulation = loyalty_of(call).simulations.get(call.session, simulation_id)
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["day", "points_before", "points_after", "difference"])
    for day, before, after in (simulation.result or {}).get("by_day", ()):
        writer.writerow([day, before, after, after - before])
    answer = Response(text.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=simulation.csv"
    return answer


def _page(
    call: AdminCall, rule_id: uuid.UUID, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    loyalty = loyalty_of(call)
    rule = loyalty.earning.get(call.session, rule_id)
    versions = loyalty.earning.versions(call.session, rule_id)
    numbers = {version.id: version.number for version in versions}
    names = {
        campaign.key: in_locale(call.platform, campaign.texts, call.locale, "name")
        for campaign in loyalty.campaigns.listed(call.session)
    }
    return call.render(
        "loyalty/simulations.html",
        status=422 if errors else 200,
        rule=rule,
        name=rule_name(call.platform, versions[0], call.locale),
        versions=[
            (version.number, f"{format_number(version.number)} · {version.name}")
            for version in versions
        ],
        simulations=[
            {
                "row": one,
                "number": numbers[one.rule_version_id],
                "days": _days(one.result),
                "budgets": _budgets(one.result, names),
            }
            for one in loyalty.simulations.of_rule(call.session, rule_id)
        ],
        values=values,
        errors=errors,
        may_write=call.actor.may(RULES_WRITE),
    )


def _days(result: Mapping[str, Any] | None) -> list[tuple[str, int, int]]:
    """Days in the reader's calendar, with the points before and after."""
    return [(_day(day), before, after) for day, before, after in (result or {}).get("by_day", ())]


def _day(text: str | None) -> str:
    return "–" if text is None else format_day(date.fromisoformat(text))


def _budgets(
    result: Mapping[str, Any] | None, names: Mapping[str, str]
) -> list[list[tuple[str, str]]]:
    """What campaigns had, and how they would burn."""
    return [
        [
            (_("Campaign"), names.get(key) or key),
            (_("Budget at the beginning"), format_number(budget["at_start"])),
            (_("Spent before"), format_number(budget["before"])),
            (_("Spent after"), format_number(budget["after"])),
            (_("Used up on"), _day(budget["exhausted"])),
        ]
        for key, budget in (result or {}).get("budgets", {}).items()
    ]
