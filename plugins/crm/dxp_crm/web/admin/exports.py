"""Exports: fetched at once when they are small, made by a job when they are large."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, request, send_file

from dxp.api import AdminCall, Problem, needs, paginate
from dxp.api import gettext as _
from dxp_crm.models import Export
from dxp_crm.permissions import EXPORT
from dxp_crm.services.export_files import QUEUED, READY
from dxp_crm.web.admin.blueprint import admin, crm_of

_ASKED = ("text", "tag", "view", "segment")


@admin.page("GET", "/exports", access=needs(EXPORT), paged=True)
def list_exports(call: AdminCall) -> Any:
    """One's own exports of the last day, latest first."""
    return call.render("crm/exports.html", **_values(call))


@admin.page("GET", "/exports/progress", access=needs(EXPORT), paged=True)
def exports_progress(call: AdminCall) -> Any:
    """How far they are; the page asks for this every second while one is being made."""
    return call.render("crm/_exports.html", **_values(call))


@admin.page("POST", "/exports", access=needs(EXPORT))
def ask_export(call: AdminCall) -> Any:
    """Have a file made in the background."""
    wanted = {name: call.form.get(name, "").strip()[:200] for name in _ASKED}
    if wanted["view"]:
        try:
            uuid.UUID(wanted["view"])
        except ValueError:
            wanted["view"] = str(uuid.UUID(int=0))
    try:
        crm_of(call).export_files.ask(
            call.session, call.actor, {name: value for name, value in wanted.items() if value}
        )
    except Problem as problem:
        call.toast(problem.detail, kind="danger")
    return call.redirect("crm_admin.list_exports")


@admin.page("GET", "/exports/<uuid:export_id>/file", access=needs(EXPORT), transaction=False)
def fetch_export(call: AdminCall, export_id: uuid.UUID) -> Any:
    """The file, for who asked for it."""
    try:
        # That it was fetched is noted, which the session of a page that is only read could not.
        with call.platform.db.write() as session:
            export, path = crm_of(call).export_files.fetch(session, call.actor, export_id)
    except Problem as problem:
        call.toast(problem.detail, kind="danger")
        return call.redirect("crm_admin.list_exports")
    answer: Response = send_file(
        path, mimetype="text/csv", as_attachment=True, download_name=f"{export.name}.csv"
    )
    answer.cache_control.no_store = True
    return answer


def _values(call: AdminCall) -> dict[str, Any]:
    page = paginate(
        call,
        crm_of(call).export_files.listed(call.actor),
        keys=[(Export.id, "desc")],
    )
    now = call.platform.clock.now()
    return {
        "page": page,
        "busy": any(row.state == QUEUED for row in page.items),
        "ready": READY,
        "now": now,
        "states": {
            QUEUED: (_("Being made"), "info"),
            READY: (_("Over"), "neutral"),
            "failed": (_("Failed"), "danger"),
            "erased": (_("Deleted"), "warning"),
        },
        "again": request.args.get("cursor") or None,
    }
