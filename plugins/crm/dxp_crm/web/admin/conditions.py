"""The form for conditions on a page: what it was sent with, its buttons, and whom it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from dxp.api import AdminCall, FactField, Problem, format_number, needs
from dxp.api import gettext as _
from dxp_crm.permissions import READ
from dxp_crm.services.segments.event_fields import DataField, data_fields
from dxp_crm.services.segments.looking import Preview
from dxp_crm.services.texts import in_locale
from dxp_crm.web.admin import condition_events, condition_form, condition_rows
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.segments_api import check_access

Errors = dict[str, list[str]]
IN_VIEW = "view"
"""What a form says under `condition_for` when the database alone must answer its condition."""


def words_of(call: AdminCall) -> condition_form.Words:
    """What conditions can speak of, in the reader's language."""
    catalogue = crm_of(call).segments.catalogue
    found = catalogue.fields(call.session, locale=call.locale)
    known = catalogue.events()
    types = call.platform.events.types

    @cache
    def data(name: str) -> Mapping[str, DataField] | None:
        return data_fields(types[name]) if name in known else None

    usable = {name: field for name, field in found.items() if field.in_segments}
    return condition_form.Words(fields=usable, data=data)


def sent_condition(call: AdminCall) -> tuple[dict[str, Any], Errors]:
    """The condition on the form, or what is wrong with its rows or its source."""
    if call.form.get("mode") != "source":
        words = words_of(call)
        tree = condition_form.read(call.form)
        if condition_form.size_of(tree) > condition_form.MOST_NODES:
            return {}, {"source": [_("The form has too many rows; make segments of its parts.")]}
        faults = condition_form.check(tree, words)
        if faults:
            return {}, {"source": faults}
        return condition_form.condition_of(tree, words), {}
    try:
        found = json.loads(call.form.get("source", "") or "{}")
    except (ValueError, RecursionError) as error:
        return {}, {"source": [_("This is not JSON: %(error)s", error=str(error))]}
    if not isinstance(found, dict):
        return {}, {"source": [_("A condition is an object in curly brackets.")]}
    return found, {}


def errors_of(call: AdminCall, problem: Problem) -> Errors:
    """What is wrong with a condition stands at the condition, whatever its place in it."""
    if problem.code in ("invalid_condition", "segment_cycle", "field_restricted"):
        return {"source": [fault.detail for fault in problem.errors] or [str(problem)]}
    return call.errors_of(problem)


def sent_builder(call: AdminCall, *, faults: bool = True) -> dict[str, Any]:
    """What the template of the form takes, as the form was sent.

    Without scripts its buttons send the whole form; it then comes back as they say.

    Args:
        faults: whether each stands at its row; not while the form is still being filled in.
    """
    words = words_of(call)
    tree: condition_form.Node | None = condition_form.read(call.form)
    source = call.form.get("source", "")
    as_source = call.form.get("mode") == "source"
    action = call.form.get("do", "")
    if action == "source":
        as_source = True
        meant = condition_form.condition_of(tree or {}, words)
        source = json.dumps(meant, indent=2, ensure_ascii=False)
    elif action == "form":
        condition, wrong = sent_condition(call)
        tree = None if wrong else condition_form.tree_of(condition, words)
        as_source = tree is None
        if as_source:
            call.toast(
                _("The form has no words for all of this, so it stays as it is."), kind="info"
            )
    elif action:
        tree = condition_form.apply(tree or {}, action)
    elif tree is not None and faults:
        condition_form.check(tree, words)
    return _builder(call, words, tree, source, as_source=as_source)


def stored_builder(call: AdminCall, condition: Mapping[str, Any]) -> dict[str, Any]:
    """What the template of the form takes for a condition that is kept: JSON where it must."""
    words = words_of(call)
    tree = condition_form.tree_of(condition, words)
    source = json.dumps(condition, indent=2, ensure_ascii=False)
    return _builder(call, words, tree, source, as_source=tree is None)


@admin.page("POST", "/conditions/builder", access=needs(READ), transaction="read")
def build_condition(call: AdminCall) -> Any:
    """The rows of the form after a button."""
    return call.render("crm/_condition_builder.html", **sent_builder(call, faults=False))


@admin.page("POST", "/conditions/preview", access=needs(READ), transaction="read")
def preview_condition(call: AdminCall) -> Any:
    """How many the condition on the form means, with ten of them."""
    condition, errors = sent_condition(call)
    found = None
    crm = crm_of(call)
    if not errors:
        try:
            if call.form.get("condition_for") == IN_VIEW:
                text = call.form.get("text", "").strip()[:200]
                found = crm.views.preview(call.session, call.actor, condition, text=text)
            else:
                check_access(crm, call.session, call.actor, condition)
                found = crm.segments.looking.preview(call.session, condition)
        except Problem as problem:
            errors = errors_of(call, problem)
    examples = [] if found is None else [row.subject_id for row in found.examples]
    names = crm.customers.display_names(call.session, examples)
    return call.render(
        "crm/_condition_preview.html",
        found=found,
        errors=errors,
        names=names,
        estimate=None if found is None or found.exact else _about_estimate(call, found),
    )


def _about_estimate(call: AdminCall, found: Preview) -> str:
    """Why the number is none that was counted."""
    looked_at = format_number(found.looked_at)
    if not found.uncounted:
        return _(
            "An estimate from %(number)s customers: not every part of the condition can be "
            "counted in the database.",
            number=looked_at,
        )
    fields = words_of(call).fields
    labels = [str(fields[name].label) if name in fields else name for name in found.uncounted]
    return _(
        "An estimate from %(number)s customers: the database cannot count %(fields)s.",
        number=looked_at,
        fields=", ".join(labels),
    )


def _builder(
    call: AdminCall,
    words: condition_form.Words,
    tree: condition_form.Node | None,
    source: str,
    *,
    as_source: bool,
) -> dict[str, Any]:
    crm = crm_of(call)
    segments = crm.segments.looking.all_names(call.session)
    return {
        "tree": condition_form.tidy(tree or condition_form.empty_group(), words),
        "source": source,
        "as_source": as_source,
        "fields": words.fields,
        "field_options": [(name, str(field.label)) for name, field in words.fields.items()],
        "event_options": list(crm.segments.catalogue.events().items()),
        "segment_options": [
            (key, in_locale(call.platform, names, call.locale) or key)
            for key, names in segments.items()
        ],
        "data_of": lambda name: words.data(name) or {},
        "data_options": lambda name: [
            (field.name, field.label) for field in (words.data(name) or {}).values()
        ],
        "operators_of": condition_rows.operators_of,
        "takes": condition_rows.takes,
        "units": condition_rows.units(),
        "count_operators": condition_events.count_operators(),
        "windows": condition_events.windows(),
    }


def fact_labels(call: AdminCall) -> dict[str, str]:
    """Labels of facts and of types of events by name."""
    fields: Mapping[str, FactField] = words_of(call).fields
    labels = {name: str(field.label) for name, field in fields.items()}
    return labels | crm_of(call).segments.catalogue.events()
