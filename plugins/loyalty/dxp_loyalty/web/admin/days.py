"""The calendar of days that editors keep."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.models import OccasionDay
from dxp_loyalty.permissions import OCCASIONS_READ, OCCASIONS_WRITE
from dxp_loyalty.services.calendars import CALENDARS
from dxp_loyalty.services.day_keeping import DayDraft
from dxp_loyalty.services.days import EVERYWHERE
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.web.admin.blueprint import admin, languages, loyalty_of, text_values, texts_from
from dxp_loyalty.web.admin.words import calendars, ordinals, weekdays
from dxp_loyalty.web.schemas import KEY

SPARE_ROWS = 1
MOST_ROWS = 60


class DayForm(Schema):
    """A day; names and patterns come in fields of their own."""

    key = fields.String(validate=KEY)
    version = fields.Integer(load_default=None, allow_none=True)
    rows = fields.Integer(load_default=SPARE_ROWS, validate=validate.Range(1, MOST_ROWS))


class PatternForm(Schema):
    """When a day is in one country."""

    country = fields.String(load_default=EVERYWHERE)
    way = fields.String(load_default="date", validate=validate.OneOf(["date", "weekday"]))
    calendar = fields.String(load_default=CALENDARS[0], validate=validate.OneOf(CALENDARS))
    month = fields.Integer(load_default=None, allow_none=True)
    day = fields.Integer(load_default=None, allow_none=True)
    weekday = fields.Integer(load_default=None, allow_none=True)
    nth = fields.Integer(load_default=1)
    dates = fields.String(load_default="")


@admin.page("GET", "/occasions/days", access=needs(OCCASIONS_READ))
def list_days(call: AdminCall) -> Any:
    """All days, with the next dates of each."""
    days = loyalty_of(call).days
    today = call.now.date()
    return call.render(
        "loyalty/days.html",
        days=[
            (day, _name(call, day), days.next_dates(day, today, count=2))
            for day in days.listed(call.session)
        ],
        everywhere=EVERYWHERE,
        may_write=call.actor.may(OCCASIONS_WRITE),
    )


@admin.page("GET", "/occasions/days/new", access=needs(OCCASIONS_WRITE))
def new_day(call: AdminCall) -> Any:
    """An empty form."""
    return _form(call, None, {"rows": SPARE_ROWS, "country_0": EVERYWHERE}, {})


@admin.page("POST", "/occasions/days/new", access=needs(OCCASIONS_WRITE))
def create_day(call: AdminCall) -> Any:
    """Keep a day."""
    values, errors = _read(call)
    if not errors and not values.get("key"):
        errors = {"key": [_("Give the day a key.")]}
    if not errors:
        draft = DayDraft(key=values["key"], texts=values["texts"], patterns=values["patterns"])
        try:
            loyalty_of(call).days.create(call.session, draft, actor=call.actor)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The day is kept; a rule can give something on it now."))
            return call.redirect("loyalty_admin.list_days")
    return _form(call, None, call.form, errors)


@admin.page("GET", "/occasions/days/<uuid:day_id>", access=needs(OCCASIONS_READ))
def edit_day(call: AdminCall, day_id: uuid.UUID) -> Any:
    """The form with the day as it is."""
    day = loyalty_of(call).days.day(call.session, day_id)
    values: dict[str, Any] = {"version": day.version, "rows": len(day.patterns) + SPARE_ROWS}
    for number, (country, pattern) in enumerate(day.patterns.items()):
        row = {"country": country, "way": "weekday" if "weekday" in pattern else "date", **pattern}
        row["dates"] = "\n".join(f"{year}={on}" for year, on in pattern.get("dates", {}).items())
        values |= {f"{name}_{number}": value for name, value in row.items()}
    return _form(call, day, values | text_values(day.texts), {})


@admin.page("POST", "/occasions/days/<uuid:day_id>", access=needs(OCCASIONS_WRITE))
def save_day(call: AdminCall, day_id: uuid.UUID) -> Any:
    """Change when the day is; a stale form is refused and keeps what was typed."""
    days = loyalty_of(call).days
    day = days.day(call.session, day_id)
    values, errors = _read(call)
    if not errors:
        draft = DayDraft(key=day.key, texts=values["texts"], patterns=values["patterns"])
        try:
            days.edit(
                call.session,
                day_id,
                draft,
                expected_version=values["version"] or 0,
                actor=call.actor,
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved; the next run plans anew."))
            return call.redirect("loyalty_admin.list_days")
    return _form(call, day, call.form, errors)


@admin.page("POST", "/occasions/days/<uuid:day_id>/remove", access=needs(OCCASIONS_WRITE))
def remove_day(call: AdminCall, day_id: uuid.UUID) -> Any:
    """Keep a day no longer, unless a rule gives something on it."""
    try:
        loyalty_of(call).days.remove(call.session, day_id, actor=call.actor)
    except Problem as problem:
        call.toast(problem.detail, kind="danger")
        return call.redirect("loyalty_admin.edit_day", day_id=day_id)
    call.toast(_("The day is kept no longer."))
    return call.redirect("loyalty_admin.list_days")


def _read(call: AdminCall) -> tuple[dict[str, Any], Mapping[str, Any]]:
    values, errors = call.load(DayForm())
    if errors:
        return values, errors
    values["texts"] = texts_from(call)
    if not values["texts"]:
        return values, {"_schema": [_("Give the day a name in one language at least.")]}
    patterns: dict[str, dict[str, Any]] = {}
    found: dict[str, list[str]] = {}
    for number in range(values["rows"]):
        typed = {
            name: call.form.get(f"{name}_{number}", "").strip() for name in PatternForm().fields
        }
        if not typed["month"]:
            continue
        row = {name: text for name, text in typed.items() if text}
        faults = PatternForm().validate(row)
        if faults:
            found |= {f"{name}_{number}": told for name, told in faults.items()}
            continue
        pattern = PatternForm().load(row)
        country = pattern["country"].upper()
        if country in patterns:
            found[f"country_{number}"] = [_("This country stands above already.")]
        patterns[country] = _pattern(pattern)
    values["patterns"] = patterns
    return values, found


def _pattern(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("month", "weekday", "nth") if row["way"] == "weekday" else ("calendar", "month", "day")
    dates: dict[str, str] = {}
    for line in row["dates"].splitlines():
        if line.strip():
            year, _mark, day = line.partition("=")
            dates[year.strip()] = day.strip()
    pattern = {name: row[name] for name in names}
    if row["way"] == "weekday" and pattern["weekday"] is None:
        pattern["weekday"] = 0
    return pattern | ({"dates": dates} if dates else {})


def _form(
    call: AdminCall, day: OccasionDay | None, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    if day is None:
        action = url_for("loyalty_admin.create_day")
    else:
        action = url_for("loyalty_admin.save_day", day_id=day.id)
    days = loyalty_of(call).days
    try:
        rows = min(max(int(values.get("rows") or SPARE_ROWS), 1), MOST_ROWS)
    except ValueError:
        rows = SPARE_ROWS
    return call.render(
        "loyalty/day_form.html",
        status=422 if errors else 200,
        day=day,
        heading=_("New day") if day is None else _name(call, day),
        values=values,
        errors=errors,
        action=action,
        rows=rows,
        languages=languages(call),
        calendars=calendars(),
        weekdays=weekdays(call.locale),
        ordinals=[(str(nth), label) for nth, label in ordinals()],
        coming={} if day is None else days.next_dates(day, call.now.date()),
        everywhere=EVERYWHERE,
        may_write=call.actor.may(OCCASIONS_WRITE),
    )


def _name(call: AdminCall, day: OccasionDay) -> str:
    return in_locale(call.platform, day.texts, call.locale, "name") or day.key
