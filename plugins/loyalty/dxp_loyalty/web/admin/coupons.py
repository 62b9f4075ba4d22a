"""Batches of coupon codes: made, brought in from files, downloaded once, withdrawn."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Platform, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.permissions import COUPONS_READ, COUPONS_WRITE
from dxp_loyalty.services.birthdays import local_midnight
from dxp_loyalty.services.coupon_batches import MOST_CODES, BatchDraft
from dxp_loyalty.services.coupon_codes import ALPHABETS, LEAST_LENGTH, MOST_LENGTH, CodeForm
from dxp_loyalty.services.coupon_imports import MOST_USES, ImportReport
from dxp_loyalty.services.coupons import form_of
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of
from dxp_loyalty.web.admin.words import batch_states
from dxp_loyalty.web.schemas import KEY

MOST_FILE_BYTES = 8_000_000
FORM_BYTES = 65_536


def _limit(_platform: Platform) -> int:
    return MOST_FILE_BYTES + FORM_BYTES


class BatchForm(Schema):
    """A batch; days are in the programme's zone."""

    key = fields.String(required=True, validate=KEY)
    name = fields.String(required=True, validate=validate.Length(1, 120))
    what = fields.String(
        required=True, validate=validate.OneOf(["download", "rewards", "imported"])
    )
    count = fields.Integer(load_default=0, allow_none=True, validate=validate.Range(0, MOST_CODES))
    prefix = fields.String(load_default="", allow_none=True, validate=validate.Length(0, 19))
    length = fields.Integer(
        load_default=12, allow_none=True, validate=validate.Range(LEAST_LENGTH, MOST_LENGTH)
    )
    alphabet = fields.String(
        load_default="letters_digits", validate=validate.OneOf(list(ALPHABETS))
    )
    discount_percent = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, 100)
    )
    max_uses = fields.Integer(
        load_default=1, allow_none=True, validate=validate.Range(1, MOST_USES)
    )
    first_day = fields.Date(load_default=None, allow_none=True)
    last_day = fields.Date(load_default=None, allow_none=True)


@admin.page("GET", "/coupons", access=needs(COUPONS_READ))
def list_coupons(call: AdminCall) -> Any:
    """All batches, latest first."""
    return call.render(
        "loyalty/coupons.html",
        batches=loyalty_of(call).coupon_batches.listed(call.session),
        states=batch_states(),
        may_write=call.actor.may(COUPONS_WRITE),
    )


@admin.page("GET", "/coupons/new", access=needs(COUPONS_WRITE))
def new_coupons(call: AdminCall) -> Any:
    """An empty form."""
    values = {"what": "download", "length": 12, "alphabet": "letters_digits", "max_uses": 1}
    return _form(call, values, {})


@admin.page("POST", "/coupons/new", access=needs(COUPONS_WRITE))
def create_coupons(call: AdminCall) -> Any:
    """Make a batch; a job makes its codes."""
    values, errors = call.load(BatchForm())
    if not errors:
        try:
            batch = loyalty_of(call).coupon_batches.create(
                call.session, _draft(call, values), actor=call.actor
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            return call.redirect("loyalty_admin.show_coupons", batch_id=batch.id)
    return _form(call, call.form, errors)


@admin.page("GET", "/coupons/<uuid:batch_id>", access=needs(COUPONS_READ))
def show_coupons(call: AdminCall, batch_id: uuid.UUID) -> Any:
    """A batch, and what can be done with it."""
    return _page(call, batch_id)


@admin.page("GET", "/coupons/<uuid:batch_id>/progress", access=needs(COUPONS_READ))
def coupons_progress(call: AdminCall, batch_id: uuid.UUID) -> Any:
    """How far the job is; the page asks for this every second."""
    batch = loyalty_of(call).coupon_batches.get(call.session, batch_id)
    if batch.state != "making":
        return call.redirect("loyalty_admin.show_coupons", batch_id=batch_id)
    return call.render("loyalty/_coupon_progress.html", batch=batch)


@admin.page("POST", "/coupons/<uuid:batch_id>/codes.csv", access=needs(COUPONS_WRITE))
def download_coupons(call: AdminCall, batch_id: uuid.UUID) -> Any:
    """All codes, once."""
    batches = loyalty_of(call).coupon_batches
    try:
        batch = batches.deliver(call.session, batch_id, actor=call.actor)
    except Problem as problem:
        call.toast(problem.detail, kind="danger")
        return call.redirect("loyalty_admin.show_coupons", batch_id=batch_id)
    call.session.flush()
    call.session.expunge(batch)
    response = Response(batches.lines(batch), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={batch.key}.csv"
    return response


@admin.page("POST", "/coupons/<uuid:batch_id>/withdraw", access=needs(COUPONS_WRITE))
def withdraw_coupons(call: AdminCall, batch_id: uuid.UUID) -> Any:
    """Make all its codes worthless."""
    loyalty_of(call).coupon_batches.withdraw(call.session, batch_id, actor=call.actor)
    call.toast(_("The codes are worth nothing any more."))
    return call.redirect("loyalty_admin.show_coupons", batch_id=batch_id)


@admin.page(
    "POST", "/coupons/<uuid:batch_id>/import", access=needs(COUPONS_WRITE), body_limit=_limit
)
def import_coupons(call: AdminCall, batch_id: uuid.UUID) -> Any:
    """Bring codes in from a file, and show the rows that were left out."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _page(call, batch_id, errors={"file": [_("Choose a file.")]})
    loyalty = loyalty_of(call)
    try:
        with io.TextIOWrapper(sent.stream, encoding="utf-8", newline="") as lines:
            report = loyalty.coupon_imports.run(call.session, batch_id, lines, actor=call.actor)
    except Problem as problem:
        return _page(call, batch_id, errors={"file": [problem.detail]})
    return _page(call, batch_id, report=report)


def _draft(call: AdminCall, values: Mapping[str, Any]) -> BatchDraft:
    zone = ZoneInfo(loyalty_of(call).settings.timezone)
    first: date | None = values["first_day"]
    last: date | None = values["last_day"]
    imported = values["what"] == "imported"
    percent = values["discount_percent"]
    return BatchDraft(
        key=values["key"],
        name=values["name"],
        purpose="download" if imported else values["what"],
        origin="imported" if imported else "generated",
        count=values["count"] or 0,
        form=CodeForm(
            prefix=values["prefix"] or "",
            length=values["length"] or 0,
            alphabet=values["alphabet"],
        ),
        benefit={} if percent is None else {"discount_percent": percent},
        max_uses=values["max_uses"] or 1,
        valid_from=None if first is None else local_midnight(first, zone),
        valid_until=None if last is None else local_midnight(last + timedelta(days=1), zone),
    )


def _form(call: AdminCall, values: Mapping[str, Any], errors: Mapping[str, Any]) -> Any:
    return call.render(
        "loyalty/coupon_form.html",
        status=422 if errors else 200,
        values=values,
        errors=errors,
        alphabets=[
            ("letters_digits", _("Letters and digits")),
            ("letters", _("Letters")),
        ],
        bits=round(CodeForm().entropy),
    )


def _page(
    call: AdminCall,
    batch_id: uuid.UUID,
    *,
    errors: Mapping[str, Any] | None = None,
    report: ImportReport | None = None,
) -> Any:
    batch = loyalty_of(call).coupon_batches.get(call.session, batch_id)
    form = form_of(batch)
    generated = batch.origin == "generated"
    return call.render(
        "loyalty/coupon_batch.html",
        status=422 if errors else 200,
        batch=batch,
        state=batch_states()[batch.state],
        entropy=round(form.entropy) if generated else None,
        guesses=round(2 ** form.safety(batch.wanted)) if generated else None,
        errors=errors or {},
        report=report,
        most_mb=MOST_FILE_BYTES // 1_000_000,
        may_write=call.actor.may(COUPONS_WRITE),
    )
