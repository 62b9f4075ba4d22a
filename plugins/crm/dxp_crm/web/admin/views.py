"""Saved views of customers."""

from __future__ import annotations

import json
import uuid
from typing import Any

from flask import Response, stream_with_context, url_for

from dxp.api import AdminCall, Problem, needs, paginate
from dxp.api import gettext as _
from dxp_crm.models import PERSON, Customer, SavedView
from dxp_crm.permissions import EXPORT, READ
from dxp_crm.services.exporting import texts_of
from dxp_crm.services.texts import in_locale
from dxp_crm.services.views import ViewDraft
from dxp_crm.services.visibility import customer_view, label_of
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.admin.fields import built_in_labels

MAX_CONDITION = 20_000


@admin.page("GET", "/views", access=needs(READ), paged=True)
def list_views(call: AdminCall) -> Any:
    """One's own views and those that are shared."""
    statement = crm_of(call).views.listed(call.actor)
    page = paginate(call, statement, keys=[(SavedView.id, "desc")])
    return call.render("crm/views.html", page=page, me=call.actor.key)


@admin.page("GET", "/views/new", access=needs(READ))
def new_view(call: AdminCall) -> Any:
    """An empty form."""
    values = {"columns": ["name", "ref", "email", "created_at"], "newest_first": "true"}
    return _form(call, None, values, {})


@admin.page("POST", "/views/new", access=needs(READ))
def create_view(call: AdminCall) -> Any:
    """Keep a view."""
    return _save(call, None)


@admin.page("GET", "/views/<uuid:view_id>", access=needs(READ), paged=True)
def show_view(call: AdminCall, view_id: uuid.UUID) -> Any:
    """The customers of a view, by cursor; nobody counts them."""
    crm = crm_of(call)
    view = crm.views.get(call.session, call.actor, view_id)
    access = crm.visibility.of(call.session, call.actor)
    definitions = crm.definitions.listed(call.session, PERSON)
    direction = "desc" if view.newest_first else "asc"
    keys = [(Customer.created_at, direction), (Customer.subject_id, direction)]
    page = paginate(call, crm.views.matching(call.session, view, access), keys=keys)
    known = crm.views.columns(call.session, access)
    columns = [name for name in view.columns if name in known]
    labels = _labels(call)
    return call.render(
        "crm/view.html",
        view=view,
        own=view.owner_key == call.actor.key,
        columns=[(name, labels[name]) for name in columns],
        page=page.map(
            lambda found: {
                "subject_id": found.subject_id,
                "label": label_of(found, access) or found.subject_id,
                "cells": texts_of(customer_view(found, access, definitions), prefixed=True),
                "created_at": found.created_at,
            }
        ),
        may_export=call.actor.may(EXPORT),
    )


@admin.page("GET", "/views/<uuid:view_id>/edit", access=needs(READ))
def edit_view(call: AdminCall, view_id: uuid.UUID) -> Any:
    """The form with what is kept."""
    view = crm_of(call).views.get(call.session, call.actor, view_id)
    condition = json.dumps(view.condition, ensure_ascii=False, indent=2) if view.condition else ""
    return _form(call, view, view.snapshot() | {"condition": condition}, {})


@admin.page("POST", "/views/<uuid:view_id>/edit", access=needs(READ))
def save_view(call: AdminCall, view_id: uuid.UUID) -> Any:
    """Change one's own view."""
    return _save(call, crm_of(call).views.get(call.session, call.actor, view_id))


@admin.page("POST", "/views/<uuid:view_id>/delete", access=needs(READ))
def delete_view(call: AdminCall, view_id: uuid.UUID) -> Any:
    """Forget one's own view."""
    crm_of(call).views.delete(call.session, call.actor, view_id)
    call.toast(_("The view is deleted. The customers stay."))
    return call.redirect("crm_admin.list_views")


@admin.page("GET", "/views/<uuid:view_id>.csv", access=needs(EXPORT), transaction=False)
def export_view(call: AdminCall, view_id: uuid.UUID) -> Response:
    """The customers of a view as a file, with the view's columns."""
    crm = crm_of(call)
    with call.platform.db.read() as session:
        view = crm.views.get(session, call.actor, view_id)
    lines = crm.exports.lines(
        call.actor,
        lambda session, access: crm.views.matching(session, view, access),
        about={"view": view.name},
        only=[name.removeprefix("fields.") for name in view.columns],
    )
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=customers.csv"
    return response


def _save(call: AdminCall, view: SavedView | None) -> Any:
    draft, errors = _draft(call)
    if draft is not None:
        try:
            saved = crm_of(call).views.save(
                call.session, call.actor, draft, view_id=None if view is None else view.id
            )
        except Problem as problem:
            found = call.errors_of(problem)
            errors = {
                "columns" if name == "columns" else "condition": messages
                for name, messages in found.items()
            }
        else:
            call.toast(_("The view is saved."))
            return call.redirect("crm_admin.show_view", view_id=saved.id)
    values = {name: call.form.get(name, "") for name in ("name", "text", "condition")}
    sent = {"columns": call.form.getlist("columns"), "shared": call.form.get("shared") == "true"}
    return _form(call, view, values | sent | {"newest_first": _newest(call)}, errors)


def _draft(call: AdminCall) -> tuple[ViewDraft | None, dict[str, list[str]]]:
    name, text = call.form.get("name", "").strip(), call.form.get("text", "").strip()
    source = call.form.get("condition", "").strip()
    errors: dict[str, list[str]] = {}
    if not 1 <= len(name) <= 100:
        errors["name"] = [_("Give it a name of at most 100 characters.")]
    if len(text) > 200:
        errors["text"] = [_("At most 200 characters.")]
    condition: Any = {}
    try:
        condition = json.loads(source[:MAX_CONDITION]) if source else {}
    except (ValueError, RecursionError):
        errors["condition"] = [_("This is not JSON.")]
    if errors:
        return None, errors
    return ViewDraft(
        name=name,
        shared=call.form.get("shared") == "true",
        text=text,
        condition=condition,
        columns=call.form.getlist("columns"),
        newest_first=_newest(call),
    ), {}


def _newest(call: AdminCall) -> bool:
    return call.form.get("newest_first", "true") == "true"


def _form(
    call: AdminCall, view: SavedView | None, values: dict[str, Any], errors: dict[str, Any]
) -> Any:
    crm = crm_of(call)
    access = crm.visibility.of(call.session, call.actor)
    labels = _labels(call)
    action = (
        url_for("crm_admin.create_view")
        if view is None
        else url_for("crm_admin.save_view", view_id=view.id)
    )
    return call.render(
        "crm/view_form.html",
        status=422 if errors else 200,
        view=view,
        values=values,
        errors=errors,
        action=action,
        choices=[(name, labels[name]) for name in crm.views.columns(call.session, access)],
    )


def _labels(call: AdminCall) -> dict[str, str]:
    definitions = crm_of(call).definitions.listed(call.session, PERSON)
    custom = {
        f"fields.{item.key}": in_locale(call.platform, item.labels, call.locale) or item.key
        for item in definitions
    }
    return {**built_in_labels(), **custom, "created_at": _("Since")}
