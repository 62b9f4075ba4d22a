"""Duplicates: what the scan found, and merging two side by side."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from dxp.api import AdminCall, Plugin, Problem, SubjectContext, format_number, needs, paginate
from dxp.api import gettext as _
from dxp.contracts import Points
from dxp_crm.jobs import SCAN
from dxp_crm.models import Customer, Duplicate, DuplicateScan
from dxp_crm.permissions import MERGE
from dxp_crm.services.duplicates import READING, progress_of
from dxp_crm.services.privacy import choices_of
from dxp_crm.web.admin.blueprint import admin, crm_of


@admin.page("GET", "/duplicates", access=needs(MERGE), paged=True)
def list_duplicates(call: AdminCall) -> Any:
    """The pairs of the last scan, the likeliest first."""
    keys = [(Duplicate.score, "desc"), (Duplicate.low_id, "asc"), (Duplicate.high_id, "asc")]
    page = paginate(call, crm_of(call).duplicates.found(), keys=keys)
    ids = [key for row in page.items for key in (row.low_id, row.high_id)]
    names = crm_of(call).customers.display_names(call.session, ids)
    scan = crm_of(call).duplicates.state(call.session)
    return call.render(
        "crm/duplicates.html", page=page, names=names, reasons=_reasons(), **_progress(scan)
    )


@admin.page("POST", "/duplicates/scan", access=needs(MERGE))
def scan_duplicates(call: AdminCall) -> Any:
    """Look for duplicates now, in the background."""
    call.platform.jobs.enqueue(call.session, SCAN)
    call.toast(_("The scan begins in a moment. You may leave this page."))
    return call.redirect("crm_admin.list_duplicates")


@admin.page("GET", "/duplicates/progress", access=needs(MERGE))
def scan_progress(call: AdminCall) -> Any:
    """How far the scan is; the page asks for this every second until it has ended."""
    scan = crm_of(call).duplicates.state(call.session)
    if scan is None or scan.finished_at is not None:
        return call.redirect("crm_admin.list_duplicates")
    return call.render("crm/_duplicates_progress.html", **_progress(scan))


@admin.page("POST", "/duplicates/<uuid:first_id>/<uuid:second_id>/refute", access=needs(MERGE))
def refute_duplicate(call: AdminCall, first_id: uuid.UUID, second_id: uuid.UUID) -> Any:
    """Remember that these are two customers."""
    crm_of(call).duplicates.refute(call.session, call.actor, first_id=first_id, second_id=second_id)
    call.toast(_("Remembered: these are two customers."))
    return call.redirect("crm_admin.list_duplicates")


@admin.page("GET", "/merge/<uuid:winner_id>/<uuid:loser_id>", access=needs(MERGE))
def show_merge(call: AdminCall, winner_id: uuid.UUID, loser_id: uuid.UUID) -> Any:
    """Both side by side: what stays is chosen field by field."""
    return _merge_page(call, winner_id, loser_id, {})


@admin.page("POST", "/merge/<uuid:winner_id>/<uuid:loser_id>", access=needs(MERGE))
def merge_customers(call: AdminCall, winner_id: uuid.UUID, loser_id: uuid.UUID) -> Any:
    """Merge the two; it can be undone for 30 days."""
    access = crm_of(call).visibility.of(call.session, call.actor)
    chosen = {
        name: call.form[name]
        for name in call.form
        if name.startswith("crm.")
        and call.form[name] in ("winner", "loser")
        and access.changes(name.removeprefix("crm."))
    }
    try:
        call.platform.privacy.merges.merge(
            call.session, call.actor, winner_id=winner_id, loser_id=loser_id, choices=chosen
        )
    except Problem as problem:
        return _merge_page(call, winner_id, loser_id, call.errors_of(problem))
    call.toast(_("The two are one customer now. That can be undone for 30 days."))
    return call.redirect("crm_admin.show_customer", subject_id=winner_id)


def _merge_page(
    call: AdminCall, winner_id: uuid.UUID, loser_id: uuid.UUID, errors: Mapping[str, Any]
) -> Any:
    winner = crm_of(call).customers.get(call.session, winner_id)
    loser = crm_of(call).customers.get(call.session, loser_id)
    access = crm_of(call).visibility.of(call.session, call.actor)
    return call.render(
        "crm/merge.html",
        status=422 if errors else 200,
        winner=winner,
        loser=loser,
        fields=[row for row in choices_of(winner, loser) if access.changes(row[0])],
        labels=_labels(),
        moving=_moving(call, loser),
        chosen=call.form,
        errors=errors,
    )


def _moving(call: AdminCall, loser: Customer) -> list[tuple[str, int]]:
    """What goes over to the other, counted: points, and the lists of every plugin's export."""
    subject_id = loser.subject_id
    context = SubjectContext(
        session=call.session, platform=call.platform, subject_id=subject_id, actor=call.actor
    )
    found = [
        (f"{answer.plugin}: {name.replace('_', ' ')}", len(value))
        for answer in call.platform.plugins.call(Plugin.export_subject, context)
        for name, value in answer.value.items()
        if isinstance(value, list) and value
    ]
    points = call.platform.services.find(Points)
    balance = points.balances(call.session, [subject_id]).get(subject_id) if points else None
    return [(_("Points"), balance.available), *found] if balance else found


def _progress(scan: DuplicateScan | None) -> dict[str, Any]:
    """What the bar shows, or when the last scan ended."""
    if scan is None or scan.finished_at is not None:
        return {"busy": False, "ended": None if scan is None else scan.finished_at}
    reading = _(
        "Customers are being read: %(read)s of %(total)s.",
        read=format_number(scan.read),
        total=format_number(scan.to_read),
    )
    comparing = _("Customers who have something in common are being compared.")
    return {
        "busy": True,
        "percent": progress_of(scan),
        "work": reading if scan.stage == READING else comparing,
    }


def _reasons() -> dict[str, str]:
    return {
        "same_name": _("same name"),
        "similar_name": _("similar name"),
        "same_mailbox": _("same mailbox"),
        "similar_mailbox": _("similar e-mail address"),
        "same_phone": _("same telephone number"),
        "same_birthday": _("same birthday"),
        "other_birthday": _("another birthday"),
    }


def _labels() -> dict[str, str]:
    return {
        "ref": _("Number in the shop"),
        "name": _("Name"),
        "email": _("E-mail"),
        "phone": _("Phone"),
        "locale": _("Language"),
        "timezone": _("Time zone"),
        "country": _("Country"),
        "birthday": _("Birthday"),
    }
