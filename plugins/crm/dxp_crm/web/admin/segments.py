"""Segments: the list, one of them, and the form with its preview."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields, validate
from sqlalchemy import select

from dxp.api import AdminCall, Platform, Problem, needs, ngettext, paginate
from dxp.api import gettext as _
from dxp_crm.models import Segment, SegmentMember
from dxp_crm.models.segment import ACTIVE, BUILDING, DRAFT, DYNAMIC, STATIC
from dxp_crm.permissions import EXPORT, MANAGE_SEGMENTS, READ
from dxp_crm.services import Crm
from dxp_crm.services.tables import csv_lines
from dxp_crm.services.texts import in_locale
from dxp_crm.web.admin.blueprint import admin, crm_of, tell
from dxp_crm.web.admin.conditions import (
    errors_of,
    fact_labels,
    sent_builder,
    sent_condition,
    stored_builder,
)
from dxp_crm.web.segments_api import KEY, check_access

MOST_REFS = 100_000


class SegmentForm(Schema):
    """A segment's own fields; the condition is read apart."""

    key = fields.String(required=True, validate=KEY)
    name = fields.String(required=True, validate=validate.Length(1, 200))
    kind = fields.String(load_default=DYNAMIC, validate=validate.OneOf((DYNAMIC, STATIC)))


@admin.page("GET", "/segments", access=needs(READ), paged=True)
def list_segments(call: AdminCall) -> Any:
    """All segments with their size and how it went."""
    keys = [(Segment.created_at, "desc"), (Segment.id, "desc")]
    page = paginate(call, select(Segment), keys=keys)
    sizes = crm_of(call).segments.looking.sizes(call.session, [row.id for row in page.items])
    return call.render(
        "crm/segments.html",
        page=page.map(lambda row: _row(call, row, sizes[row.id])),
        may_manage=call.actor.may(MANAGE_SEGMENTS),
    )


@admin.page("GET", "/segments/new", access=needs(MANAGE_SEGMENTS))
def new_segment(call: AdminCall) -> Any:
    """An empty form."""
    values = {"kind": STATIC if request.args.get("kind") == STATIC else DYNAMIC}
    return _form(call, None, values, {}, builder=stored_builder(call, {}))


@admin.page("POST", "/segments/new", access=needs(MANAGE_SEGMENTS))
def create_segment(call: AdminCall) -> Any:
    """Make a segment, as a draft."""
    if call.form.get("do"):
        return _form(call, None, call.form, {}, builder=sent_builder(call))
    values, errors = call.load(SegmentForm())
    condition, faults = sent_condition(call)
    errors |= faults
    if not errors:
        try:
            data = {
                "key": values["key"],
                "names": {call.locale: values["name"]},
                "kind": values["kind"],
                "condition": condition if values["kind"] == DYNAMIC else {},
            }
            crm_of(call).segments.definitions.create(call.session, call.actor, data)
        except Problem as problem:
            errors = _errors_of(call, problem)
        else:
            call.toast(_("The segment is made."))
            return call.redirect("crm_admin.show_segment", key=values["key"])
    return _form(call, None, call.form, errors, builder=sent_builder(call))


@admin.page("GET", "/segments/<key>", access=needs(READ), paged=True)
def show_segment(call: AdminCall, key: str) -> Any:
    """One segment: its size over time, and who is in it."""
    return _segment_page(call, key)


def _segment_page(
    call: AdminCall, key: str, *, errors: Mapping[str, Any] = MappingProxyType({})
) -> Any:
    """The page of a segment, with the form that changes a list as it was sent."""
    crm = crm_of(call)
    segment = crm.segments.definitions.get(call.session, key)
    statement = select(SegmentMember.subject_id, SegmentMember.since).where(
        SegmentMember.segment_id == segment.id
    )
    page = paginate(call, statement, keys=[(SegmentMember.subject_id, "asc")])
    ids = [row[0] for row in page.items]
    names = crm.customers.display_names(call.session, ids)
    sizes = crm.segments.looking.sizes(call.session, [segment.id])[segment.id]
    return call.render(
        "crm/segment.html",
        status=422 if errors else 200,
        errors=errors,
        sent=call.form,
        segment=_row(call, segment, sizes),
        source=json.dumps(segment.condition, indent=2, ensure_ascii=False),
        page=page.map(
            lambda row: {"id": row[0], "since": row[1], "name": names.get(row[0]) or str(row[0])}
        ),
        may_export=call.actor.may(EXPORT),
        may_manage=call.actor.may(MANAGE_SEGMENTS),
    )


@admin.page("GET", "/segments/<key>/edit", access=needs(MANAGE_SEGMENTS))
def edit_segment(call: AdminCall, key: str) -> Any:
    """The form, filled in."""
    segment = crm_of(call).segments.definitions.get(call.session, key)
    values = {
        "key": key,
        "name": in_locale(call.platform, segment.names, call.locale),
        "kind": segment.kind,
        "version": segment.version,
    }
    return _form(call, segment, values, {}, builder=stored_builder(call, segment.condition))


@admin.page("POST", "/segments/<key>/edit", access=needs(MANAGE_SEGMENTS))
def save_segment(call: AdminCall, key: str) -> Any:
    """Change names and condition."""
    definitions = crm_of(call).segments.definitions
    segment = definitions.get(call.session, key)
    if call.form.get("do"):
        return _form(call, segment, call.form, {}, builder=sent_builder(call))
    values, errors = call.load(SegmentForm(exclude=("key", "kind")))
    condition, faults = sent_condition(call)
    errors |= faults
    if not errors:
        changes: dict[str, Any] = {"names": segment.names | {call.locale: values["name"]}}
        if segment.kind == DYNAMIC:
            changes["condition"] = condition
        version = call.form.get("version", "")
        try:
            definitions.update(
                call.session,
                call.actor,
                key=key,
                changes=changes,
                version=int(version) if version.isascii() and version.isdigit() else None,
            )
        except Problem as problem:
            errors = _errors_of(call, problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("crm_admin.show_segment", key=key)
    return _form(call, segment, call.form, errors, builder=sent_builder(call))


@admin.page("POST", "/segments/<key>/status", access=needs(MANAGE_SEGMENTS))
def switch_segment(call: AdminCall, key: str) -> Any:
    """Switch a segment on or off."""
    wanted = ACTIVE if call.form.get("status") == ACTIVE else DRAFT
    try:
        crm_of(call).segments.definitions.update(
            call.session, call.actor, key=key, changes={"status": wanted}
        )
    except Problem as problem:
        tell(call, call.errors_of(problem))
    return call.redirect("crm_admin.show_segment", key=key)


@admin.page("POST", "/segments/<key>/delete", access=needs(MANAGE_SEGMENTS))
def delete_segment(call: AdminCall, key: str) -> Any:
    """Remove a segment, unless others ask about it."""
    try:
        crm_of(call).segments.definitions.delete(call.session, call.actor, key=key)
    except Problem as problem:
        tell(call, {"_schema": [str(problem)]})
        return call.redirect("crm_admin.show_segment", key=key)
    call.toast(_("The segment is deleted."))
    return call.redirect("crm_admin.list_segments")


@admin.page("POST", "/segments/<key>/members", access=needs(MANAGE_SEGMENTS), paged=True)
def change_members(call: AdminCall, key: str) -> Any:
    """Put customers on a list or take them off, by numbers typed in or in a file."""
    refs = _sent_refs(call)
    definitions = crm_of(call).segments.definitions
    change = (
        definitions.remove_from_list
        if call.form.get("do") == "remove"
        else (definitions.add_to_list)
    )
    if refs is None:
        wrong = {"file": [_("The file is not a text in UTF-8 with one number a line.")]}
        return _segment_page(call, key, errors=wrong)
    try:
        done = change(call.session, call.actor, key=key, refs=refs)
    except Problem as problem:
        return _segment_page(call, key, errors={"refs": [str(problem)]})
    text = ngettext(
        "%(n)s customer changed.", "%(n)s customers changed.", done.changed, n=done.changed
    )
    call.toast(text)
    if done.unknown:
        unknown = ", ".join(done.unknown[:20])
        call.toast(_("No customer has these numbers: %(refs)s", refs=unknown), kind="warning")
    return call.redirect("crm_admin.show_segment", key=key)


@admin.page("GET", "/segments/<key>/members.csv", access=needs(EXPORT), transaction=False)
def download_members(call: AdminCall, key: str) -> Any:
    """The members as a file, read in pieces, so that memory stays flat; in the audit log."""
    crm = crm_of(call)
    with call.platform.db.write() as session:
        segment = crm.segments.definitions.get(session, key)
        access = crm.visibility.of(session, call.actor)
        columns = [name for name in ("ref", "name", "email") if access.sees(name)]
        call.platform.audit.record(
            session,
            call.actor,
            action="crm.customers.exported",
            object_type="export",
            object_id="customers",
            after={"columns": [*columns, "since"], "segment": key},
        )
    lines = csv_lines(_member_rows(call.platform, segment.id, columns))
    headers = {"Content-Disposition": f'attachment; filename="segment-{key}.csv"'}
    return Response(lines, mimetype="text/csv", headers=headers)


@admin.page("GET", "/customers/<uuid:subject_id>/segments/<key>", access=needs(READ))
def explain_segment(call: AdminCall, subject_id: uuid.UUID, key: str) -> Any:
    """Why a customer is in a segment, or is not."""
    crm = crm_of(call)
    customer = crm.customers.get(call.session, subject_id)
    segment = crm.segments.definitions.get(call.session, key)
    check_access(crm, call.session, call.actor, segment.condition)
    inside = crm.segments.looking.keys_of(call.session, [subject_id])[subject_id]
    return call.render(
        "crm/segment_why.html",
        segment=_row(call, segment, []),
        subject_id=subject_id,
        heading=crm.customers.display_names(call.session, [subject_id]).get(subject_id)
        or str(customer.subject_id),
        findings=crm.segments.looking.explain(call.session, segment, subject_id),
        labels=fact_labels(call),
        inside=key in inside,
    )


def _row(call: AdminCall, segment: Segment, sizes: list[Any]) -> dict[str, Any]:
    statuses = {
        DRAFT: (_("Draft"), "neutral"),
        BUILDING: (_("Being filled"), "info"),
        ACTIVE: (_("Active"), "success"),
    }
    return {
        "id": segment.id,
        "key": segment.key,
        "name": in_locale(call.platform, segment.names, call.locale) or segment.key,
        "is_list": segment.kind == STATIC,
        "status": segment.status,
        "status_text": statuses[segment.status],
        "size": segment.size,
        "built": segment.built,
        "to_build": segment.to_build,
        "sizes": sizes,
    }


def _form(
    call: AdminCall,
    segment: Segment | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
    *,
    builder: Mapping[str, Any],
) -> Any:
    return call.render(
        "crm/segment_form.html",
        status=422 if errors else 200,
        segment=segment,
        values=values,
        errors=errors,
        is_list=values.get("kind") == STATIC,
        **builder,
    )


def _errors_of(call: AdminCall, problem: Problem) -> dict[str, list[str]]:
    if problem.code == "segment_exists":
        return {"key": [str(problem)]}
    return errors_of(call, problem)


def _sent_refs(call: AdminCall) -> list[str] | None:
    """Numbers typed in or in the first column of a file; None when the file cannot be read."""
    text = call.form.get("refs", "").replace(",", "\n")
    sent = request.files.get("file")
    if sent is not None and sent.filename:
        try:
            text += "\n" + sent.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
    rows = csv.reader(io.StringIO(text.replace("\x00", "")))
    refs = (row[0].strip() for row in rows if row)
    return [ref for ref in dict.fromkeys(refs) if ref and ref != "ref" and len(ref) <= 100][
        :MOST_REFS
    ]


def _member_rows(
    platform: Platform, segment_id: uuid.UUID, columns: Sequence[str]
) -> Iterator[Sequence[str]]:
    looking = platform.services.get(Crm).segments.looking
    yield [*columns, "since"]
    after: uuid.UUID | None = None
    while True:
        with platform.db.read() as session:
            rows = looking.member_rows(session, segment_id, after=after)
        for row in rows:
            yield [*(getattr(row, name) or "" for name in columns), row.since.isoformat()]
        if not rows:
            return
        after = rows[-1].subject_id
