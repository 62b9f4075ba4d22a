"""Importing in four steps: upload, map, dry run, commit; and taking it back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any
from urllib.parse import quote

from flask import Response, request, stream_with_context

from dxp.api import AdminCall, Platform, Problem, needs, paginate
from dxp.api import gettext as _
from dxp_crm.models import Import
from dxp_crm.permissions import IMPORT
from dxp_crm.services.importing.files import ENCODINGS
from dxp_crm.services.importing.reading import DELIMITERS
from dxp_crm.services.importing.runs import OUTCOMES
from dxp_crm.services.importing.service import BUSY, MEGABYTE, ImportService
from dxp_crm.services.tables import csv_lines
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.admin.forms import calendar_names

SHOWN_FAULTS = 10
_RECORD_PAGES = {
    "customers": ("crm_admin.show_customer", "subject_id"),
    "organisations": ("crm_admin.show_organisation", "organisation_id"),
}
FORM_BYTES = 65_536


def _limit(platform: Platform) -> int:
    return int(platform.plugins.settings_of("crm")["import_max_mb"]) * MEGABYTE + FORM_BYTES


@admin.page("GET", "/imports", access=needs(IMPORT), paged=True)
def list_imports(call: AdminCall) -> Any:
    """All imports of the last 30 days, latest first."""
    page = paginate(call, _imports(call).listed(), keys=[(Import.id, "desc")])
    return call.render(
        "crm/imports.html", page=page, kinds=dict(_kind_names(call)), states=_states()
    )


@admin.page("GET", "/imports/new", access=needs(IMPORT))
def new_import(call: AdminCall) -> Any:
    """Where a file is chosen."""
    return _upload_form(call, {})


@admin.page("POST", "/imports/new", access=needs(IMPORT), transaction=False, body_limit=_limit)
def upload_import(call: AdminCall) -> Any:
    """Take a file in. It is written to disk piece by piece, in no transaction."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _upload_form(call, {"file": [_("Choose a file.")]})
    try:
        with closing(sent):
            job = _imports(call).take_in(
                call.actor,
                sent.stream,
                kind=call.form.get("kind", ""),
                file_name=sent.filename.replace("\x00", ""),
                source=call.form.get("source", "") or "import",
            )
    except Problem as problem:
        errors = call.errors_of(problem) if problem.errors else {"file": [problem.detail]}
        return _upload_form(call, errors)
    return call.redirect("crm_admin.show_import", import_id=job.id)


@admin.page("GET", "/imports/<uuid:import_id>", access=needs(IMPORT))
def show_import(call: AdminCall, import_id: uuid.UUID) -> Any:
    """The step that the import is at."""
    job = _imports(call).get(call.session, import_id)
    return _page(call, job, {}, again=request.args.get("map") == "1")


@admin.page("GET", "/imports/<uuid:import_id>/progress", access=needs(IMPORT))
def import_progress(call: AdminCall, import_id: uuid.UUID) -> Any:
    """How far the job is; the page asks for this every second until there is more to show."""
    job = _imports(call).get(call.session, import_id)
    if job.state not in BUSY:
        return call.redirect("crm_admin.show_import", import_id=import_id)
    return call.render("crm/_import_progress.html", **_progress(job))


@admin.page("POST", "/imports/<uuid:import_id>/reading", access=needs(IMPORT))
def reread_import(call: AdminCall, import_id: uuid.UUID) -> Any:
    """Read the file in the encoding that a person chose."""
    imports = _imports(call)
    job = imports.get(call.session, import_id, lock=True)
    try:
        imports.reread(
            call.session,
            job,
            encoding=call.form.get("encoding", ""),
            delimiter=_DELIMITERS.get(call.form.get("delimiter", ""), ","),
        )
    except Problem as problem:
        call.session.refresh(job)
        return _page(call, job, {"encoding": [problem.detail]}, again=True)
    return call.redirect("crm_admin.show_import", import_id=import_id, map=1)


@admin.page("POST", "/imports/<uuid:import_id>/check", access=needs(IMPORT))
def check_import(call: AdminCall, import_id: uuid.UUID) -> Any:
    """Save what each column is, and begin the dry run."""
    imports = _imports(call)
    job = imports.get(call.session, import_id, lock=True)
    mapping = {
        heading: call.form.get(f"column-{index}", "") for index, heading in enumerate(job.headings)
    }
    options = {
        name: call.form[name]
        for name, choices in _options(job).items()
        if call.form.get(name) in dict(choices)
    }
    try:
        imports.check(call.session, call.actor, job, mapping=mapping, options=options)
    except Problem as problem:
        if problem.status != 422:
            return _too_late(call, import_id)
        found = call.errors_of(problem)
        errors = {
            f"column-{job.headings.index(name)}" if name in job.headings else name: messages
            for name, messages in found.items()
        }
        job.mapping, job.options = mapping, {**job.options, **options}
        return _page(call, job, errors, again=True)
    return call.redirect("crm_admin.show_import", import_id=import_id)


@admin.page("POST", "/imports/<uuid:import_id>/commit", access=needs(IMPORT))
def commit_import(call: AdminCall, import_id: uuid.UUID) -> Any:
    """Write what the dry run found."""
    imports = _imports(call)
    job = imports.get(call.session, import_id, lock=True)
    try:
        imports.commit(call.session, call.actor, job)
    except Problem as problem:
        if problem.status == 422:
            return _page(call, job, call.errors_of(problem), again=True)
        return _too_late(call, import_id)
    return call.redirect("crm_admin.show_import", import_id=import_id)


@admin.page("POST", "/imports/<uuid:import_id>/revert", access=needs(IMPORT))
def revert_import(call: AdminCall, import_id: uuid.UUID) -> Any:
    """Take back what it did."""
    imports = _imports(call)
    job = imports.get(call.session, import_id, lock=True)
    try:
        imports.revert(call.session, call.actor, job)
    except Problem:
        return _too_late(call, import_id)
    return call.redirect("crm_admin.show_import", import_id=import_id)


@admin.page("POST", "/imports/<uuid:import_id>/delete", access=needs(IMPORT))
def delete_import(call: AdminCall, import_id: uuid.UUID) -> Any:
    """Forget the file; what it wrote stays."""
    imports = _imports(call)
    job = imports.get(call.session, import_id, lock=True)
    try:
        imports.discard(call.session, call.actor, job)
    except Problem:
        return _too_late(call, import_id)
    call.toast(_("The file and its record are deleted. What was imported stays."))
    return call.redirect("crm_admin.list_imports")


@admin.page("GET", "/imports/<uuid:import_id>/faults.csv", access=needs(IMPORT))
def import_faults(call: AdminCall, import_id: uuid.UUID) -> Response:
    """The rows that are left out, as they were, with the reason in a column of its own."""
    imports = _imports(call)
    job = imports.get(call.session, import_id)
    width = len(job.headings)
    found = imports.faulty_rows(call.session, job, locale=call.locale)

    def rows() -> Iterator[Sequence[str]]:
        yield [*job.headings, _("Row"), _("Reason")]
        for faulty in found:
            cells = [*faulty.cells, *[""] * (width - len(faulty.cells))][:width]
            yield [*cells, str(faulty.row), " ".join(faulty.reasons)]

    lines = csv_lines(rows(), delimiter=job.delimiter)
    response = Response(stream_with_context(lines), mimetype="text/csv")
    name = quote(f"{_('faulty rows')} {job.file_name}.csv")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response


def _imports(call: AdminCall) -> ImportService:
    return crm_of(call).imports


def _too_late(call: AdminCall, import_id: uuid.UUID) -> Any:
    call.toast(_("Nothing was done: the import has moved on meanwhile."), kind="warning")
    return call.redirect("crm_admin.show_import", import_id=import_id)


def _upload_form(call: AdminCall, errors: dict[str, Any]) -> Any:
    return call.render(
        "crm/import_new.html",
        status=422 if errors else 200,
        errors=errors,
        kinds=_kind_names(call),
        kind=call.form.get("kind", "customers"),
        source=call.form.get("source", ""),
        largest=call.platform.plugins.settings_of("crm")["import_max_mb"],
    )


def _page(call: AdminCall, job: Import, errors: dict[str, Any], *, again: bool) -> Any:
    imports = _imports(call)
    kind = imports.kinds()[job.kind]
    locked = kind.locked(call.session, call.actor)
    maps = job.state == "new" or (again and job.state == "checked")
    columns: list[dict[str, Any]] = []
    if maps:
        samples = imports.samples(job)
        columns = [
            {
                "heading": heading,
                "field": job.mapping.get(heading, ""),
                "samples": [row[index][:40] for row in samples if row[index].strip()][:3],
            }
            for index, heading in enumerate(job.headings)
        ]
    return call.render(
        "crm/import.html",
        status=422 if errors else 200,
        kind=str(kind.label),
        reverts=kind.reverts,
        record_page=_RECORD_PAGES.get(job.kind),
        maps=maps,
        columns=columns,
        previews=[(column["heading"], " · ".join(column["samples"])) for column in columns],
        fields=[
            (item.name, str(item.label))
            for item in kind.fields(call.session, locale=call.locale)
            if not locked(item.name)
        ],
        options=_options(job),
        errors=errors,
        encodings=_encodings(),
        delimiters=_delimiter_names(),
        delimiter=_DELIMITER_NAMES[job.delimiter],
        state=_states()[job.state],
        faulty=list(
            islice(imports.faulty_rows(call.session, job, locale=call.locale), SHOWN_FAULTS)
        ),
        kept=imports.kept(call.session, job) if job.state == "reverted" else (),
        kept_reasons=_kept_reasons(),
        may_revert=imports.may_revert(job),
        **_progress(job),
    )


def _progress(job: Import) -> dict[str, Any]:
    """What the bar and the figures show."""
    if job.state == "reverting":
        done = job.counts.get("reverted", 0) + job.counts.get("kept", 0)
        total = job.counts.get("new", 0) + job.counts.get("changed", 0)
    else:
        done, total = job.read_bytes, job.size
    percent = 100 * done // max(total, 1)
    names = _outcome_names()
    return {
        "job": job,
        "busy": job.state in BUSY,
        "percent": min(percent, 100),
        "figures": [(names[name], job.counts.get(name, 0)) for name in OUTCOMES],
        "work": {
            "checking": _("The file is being checked. Nothing is written yet."),
            "committing": _("The file is being written. You may leave this page."),
            "reverting": _("What the import did is being taken back."),
        }.get(job.state, ""),
    }


def _outcome_names() -> dict[str, str]:
    return {
        "new": _("New"),
        "changed": _("Changed"),
        "same": _("Left as they are"),
        "faulty": _("Faulty, left out"),
    }


def _kind_names(call: AdminCall) -> list[tuple[str, str]]:
    return [(name, str(kind.label)) for name, kind in _imports(call).kinds().items()]


def _states() -> dict[str, tuple[str, str]]:
    return {
        "new": (_("To be mapped"), "warning"),
        "checking": (_("Being checked"), "info"),
        "checked": (_("Checked"), "info"),
        "committing": (_("Being written"), "info"),
        "committed": (_("Imported"), "success"),
        "reverting": (_("Being reverted"), "info"),
        "reverted": (_("Reverted"), "neutral"),
        "failed": (_("Failed"), "danger"),
    }


def _kept_reasons() -> dict[str, str]:
    return {
        "touched": _("It was changed since, or something happened since."),
        "gone": _("It is not there any more."),
        "peopled": _("People belong to it."),
    }


def _options(job: Import) -> dict[str, list[tuple[str, str]]]:
    """How the file is to be understood, by option."""
    dates = [
        ("dmy", _("Day first: 31.12.2026")),
        ("mdy", _("Month first: 12/31/2026")),
    ]
    marks = [(".", _("Point: 1234.50")), (",", _("Comma: 1234,50"))]
    modes = [
        ("upsert", _("Add new ones and change known ones")),
        ("create", _("Add new ones only")),
        ("update", _("Change known ones only")),
    ]
    if job.kind == "organisations":
        return {"mode": modes, "dates": dates, "decimal": marks}
    if job.kind != "customers":
        return {"dates": dates, "decimal": marks}
    return {
        "mode": modes,
        "match": [("ref", _("Number in the shop")), ("email", _("E-mail"))],
        "dates": dates,
        "calendar": calendar_names(),
    }


_DELIMITER_NAMES = dict(zip(DELIMITERS, ("comma", "semicolon", "tab", "bar"), strict=True))
_DELIMITERS = {name: mark for mark, name in _DELIMITER_NAMES.items()}


def _delimiter_names() -> list[tuple[str, str]]:
    return [
        ("comma", _("Comma ,")),
        ("semicolon", _("Semicolon ;")),
        ("tab", _("Tab")),
        ("bar", _("Bar |")),
    ]


def _encodings() -> list[tuple[str, str]]:
    names = {
        "utf-8-sig": "UTF-8",
        "utf-16": "UTF-16",
        "utf-16-le": "UTF-16 LE",
        "utf-16-be": "UTF-16 BE",
        "cp1252": _("Windows-1252 (Western Europe)"),
        "cp1256": _("Windows-1256 (Arabic, Persian)"),
    }
    return [(name, names[name]) for name in ENCODINGS]
