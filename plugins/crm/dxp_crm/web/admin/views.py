"""Saved views of customers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Response, request, stream_with_context, url_for

from dxp.api import AdminCall, Problem, needs, paginate
from dxp.api import gettext as _
from dxp_crm.models import PERSON, SavedView
from dxp_crm.permissions import EXPORT, READ
from dxp_crm.services.exporting import texts_of
from dxp_crm.services.texts import in_locale
from dxp_crm.services.views import ViewDraft
from dxp_crm.services.visibility import customer_view, label_of
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.admin.conditions import (
    IN_VIEW,
    errors_of,
    sent_builder,
    sent_condition,
    stored_builder,
)
from dxp_crm.web.admin.fields import built_in_labels

SHOWN_TABS = 8


@admin.page("GET", "/views", access=needs(READ), paged=True)
def list_views(call: AdminCall) -> Any:
    """One's own views and those that are shared."""
    statement = crm_of(call).views.listed(call.actor)
    page = paginate(call, statement, keys=[(SavedView.id, "desc")])
    default = crm_of(call).views.default_of(call.session, call.actor)
    return call.render("crm/views.html", page=page, me=call.actor.key, default=default)


@admin.page("GET", "/views/new", access=needs(READ))
def new_view(call: AdminCall) -> Any:
    """An empty form."""
    values = {"columns": ["name", "ref", "email", "created_at"], "direction": "-"}
    return _form(call, None, values, {}, builder=stored_builder(call, {}))


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
    known = crm.views.columns(call.session, access)
    asked = request.args.get("sort", "")
    sort = asked if asked.removeprefix("-") in known else view.sort
    keys = crm.views.keys(call.session, sort, access)
    page = paginate(call, crm.views.matching(call.session, call.actor, view, access), keys=keys)
    default = crm.views.default_of(call.session, call.actor)
    columns = [name for name in view.columns if name in known]
    labels = _labels(call)
    return call.render(
        "crm/view.html",
        view=view,
        own=view.owner_key == call.actor.key,
        sort=sort,
        is_default=default is not None and default.id == view.id,
        tabs=view_tabs(call, active=view.id),
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
    values = view.snapshot() | {
        "sort": view.sort.removeprefix("-"),
        "direction": "-" if view.sort.startswith("-") else "",
    }
    return _form(call, view, values, {}, builder=stored_builder(call, view.condition))


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


@admin.page("POST", "/views/<uuid:view_id>/default", access=needs(READ))
def set_default_view(call: AdminCall, view_id: uuid.UUID) -> Any:
    """Begin with a view from now on, or with all customers again."""
    begin = call.form.get("begin") == "true"
    crm_of(call).views.set_default(call.session, call.actor, view_id if begin else None)
    call.toast(
        _("“Customers” opens with this view from now on.")
        if begin
        else _("“Customers” opens with all of them again.")
    )
    return call.redirect("crm_admin.show_view", view_id=view_id)


@admin.page("GET", "/views/<uuid:view_id>.csv", access=needs(EXPORT), transaction=False)
def export_view(call: AdminCall, view_id: uuid.UUID) -> Response:
    """The customers of a view as a file, with the view's columns."""
    crm = crm_of(call)
    with call.platform.db.read() as session:
        view = crm.views.get(session, call.actor, view_id)
    lines = crm.exports.lines(
        call.actor,
        lambda session, access: crm.views.matching(session, call.actor, view, access),
        about={"view": view.name},
        only=[name.removeprefix("fields.") for name in view.columns],
        order=lambda session, access: crm.views.keys(session, view.sort, access),
    )
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=customers.csv"
    return response


def _save(call: AdminCall, view: SavedView | None) -> Any:
    if call.form.get("do"):
        return _form(call, view, _sent(call), {}, builder=sent_builder(call))
    draft, errors = _draft(call)
    if draft is not None:
        try:
            saved = crm_of(call).views.save(
                call.session, call.actor, draft, view_id=None if view is None else view.id
            )
        except Problem as problem:
            own = problem.code == "invalid_view"
            errors = call.errors_of(problem) if own else errors_of(call, problem)
        else:
            call.toast(_("The view is saved."))
            return call.redirect("crm_admin.show_view", view_id=saved.id)
    return _form(call, view, _sent(call), errors, builder=sent_builder(call))


def _sent(call: AdminCall) -> dict[str, Any]:
    names = ("name", "text", "sort", "direction")
    return {name: call.form.get(name, "") for name in names} | {
        "columns": call.form.getlist("columns"),
        "shared": call.form.get("shared") == "true",
    }


def _draft(call: AdminCall) -> tuple[ViewDraft | None, dict[str, list[str]]]:
    name, text = call.form.get("name", "").strip(), call.form.get("text", "").strip()
    errors: dict[str, list[str]] = {}
    if not 1 <= len(name) <= 100:
        errors["name"] = [_("Give it a name of at most 100 characters.")]
    if len(text) > 200:
        errors["text"] = [_("At most 200 characters.")]
    condition, faults = sent_condition(call)
    errors |= faults
    if errors:
        return None, errors
    sign = "-" if call.form.get("direction", "-") == "-" else ""
    return ViewDraft(
        name=name,
        shared=call.form.get("shared") == "true",
        text=text,
        condition=condition,
        columns=call.form.getlist("columns"),
        sort=f"{sign}{call.form.get('sort') or 'created_at'}",
    ), {}


def view_tabs(call: AdminCall, *, active: uuid.UUID | None) -> list[dict[str, Any]]:
    """All customers, and the views that one sees, the latest first."""
    statement = crm_of(call).views.listed(call.actor).order_by(SavedView.id.desc())
    views = call.session.scalars(statement.limit(SHOWN_TABS)).all()
    if not views:
        return []
    everybody = {
        "label": _("All"),
        "href": url_for("crm_admin.list_customers", all="1"),
        "active": active is None,
    }
    return [
        everybody,
        *(
            {
                "label": view.name,
                "href": url_for("crm_admin.show_view", view_id=view.id),
                "active": view.id == active,
            }
            for view in views
        ),
    ]


def _form(
    call: AdminCall,
    view: SavedView | None,
    values: dict[str, Any],
    errors: dict[str, Any],
    *,
    builder: Mapping[str, Any],
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
        condition_for=IN_VIEW,
        **builder,
    )


def _labels(call: AdminCall) -> dict[str, str]:
    definitions = crm_of(call).definitions.listed(call.session, PERSON)
    custom = {
        f"fields.{item.key}": in_locale(call.platform, item.labels, call.locale) or item.key
        for item in definitions
    }
    return {**built_in_labels(), **custom, "created_at": _("Since")}
