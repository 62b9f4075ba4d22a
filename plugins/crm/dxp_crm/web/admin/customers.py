"""Customers: the list, one of them, and the forms."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from babel import Locale
from babel.dates import format_skeleton
from flask import Response, request, stream_with_context, url_for
from sqlalchemy import select

from dxp.api import (
    AdminCall,
    EventRow,
    Problem,
    StaffActor,
    needs,
    paginate,
    record_of,
)
from dxp.api import gettext as _
from dxp_crm.models import PERSON, Consent, Customer
from dxp_crm.permissions import EXPORT, READ, WRITE
from dxp_crm.services.listing import CustomerFilter
from dxp_crm.services.timeline import describe, timeline_query
from dxp_crm.services.visibility import customer_view, label_of
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.admin.custom_fields import field_facts, form_fields, read_fields
from dxp_crm.web.admin.forms import (
    BirthdayForm,
    ConsentForm,
    CustomerForm,
    NoteForm,
    calendar_names,
)
from dxp_crm.web.admin.frame import customer_frame
from dxp_crm.web.admin.timeline import asked_filter, timeline_values
from dxp_crm.web.admin.views import view_tabs


@admin.page("GET", "/customers", access=needs(READ), paged=True)
def list_customers(call: AdminCall) -> Any:
    """All customers, found by a part of name, number or e-mail address."""
    crm = crm_of(call)
    if not request.args:
        default = crm.views.default_of(call.session, call.actor)
        if default is not None:
            return call.redirect("crm_admin.show_view", view_id=default.id)
    text = request.args.get("q", "").strip()[:200]
    tag = request.args.get("tag", "")[:50]
    access = crm.visibility.of(call.session, call.actor)
    may_filter = access.sees("tags")
    wanted = CustomerFilter(text=text, tag=tag or None if may_filter else None)
    statement = crm.customers.matching(call.session, wanted, access)
    keys = [(Customer.created_at, "desc"), (Customer.subject_id, "desc")]
    page = paginate(call, statement, keys=keys)
    return call.render(
        "crm/customers.html",
        page=page.map(lambda found: customer_view(found, access, ())),
        tabs=view_tabs(call, active=None),
        q=text,
        tag=tag,
        tags=[(item.name, item.name) for item in crm.tags.listed(call.session)]
        if may_filter
        else [],
        colors=crm.tags.colors(call.session),
        may_write=call.actor.may(WRITE),
        may_export=call.actor.may(EXPORT),
    )


@admin.page("GET", "/customers.csv", access=needs(EXPORT), transaction=False)
def export_customers(call: AdminCall) -> Response:
    """The customers of the list as a file, with all fields that the reader may see."""
    wanted = CustomerFilter(
        text=request.args.get("q", "").strip()[:200], tag=request.args.get("tag", "")[:50] or None
    )
    lines = crm_of(call).exports.customers(call.actor, wanted)
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=customers.csv"
    return response


@admin.page("GET", "/customers/new", access=needs(WRITE))
def new_customer(call: AdminCall) -> Any:
    """An empty form."""
    return _customer_form(call, None, {}, {})


@admin.page("POST", "/customers/new", access=needs(WRITE))
def create_customer(call: AdminCall) -> Any:
    """Register a customer by hand."""
    values, errors = call.load(CustomerForm())
    if not errors:
        try:
            customer = crm_of(call).customers.register(
                call.session, call.actor, values | {"fields": _sent_fields(call)}
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The customer is registered."))
            return call.redirect("crm_admin.show_customer", subject_id=customer.subject_id)
    return _customer_form(call, None, call.form, errors)


@admin.page("GET", "/customers/<uuid:subject_id>", access=needs(READ), paged=True)
def show_customer(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """One customer: profile, consents, notes, what other plugins know, and the timeline."""
    return _customer_page(call, subject_id)


def _customer_page(
    call: AdminCall,
    subject_id: uuid.UUID,
    *,
    form: str = "",
    errors: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """The page of a customer.

    Args:
        form: the small form that comes back as it was sent, each error at its field.
    """
    crm = crm_of(call)
    found, frame = customer_frame(call, subject_id, active="overview")
    access = frame["access"]
    keys = [(EventRow.occurred_at, "desc"), (EventRow.id, "desc")]
    page = paginate(call, timeline_query(subject_id, asked_filter(call, access)), keys=keys)
    items = [describe(call.platform, record_of(row), access) for row in page.items]
    return call.render(
        "crm/customer.html",
        status=422 if errors else 200,
        **frame,
        form=form,
        sent=call.form,
        errors=errors,
        birthday=birthday_text(frame["customer"]["birthday"], call.locale),
        field_facts=field_facts(call, frame["definitions"], access, stored=found.fields),
        colors=crm.tags.colors(call.session),
        names=Locale.parse(call.locale),
        consents=_consent_rows(call, crm.consents.current(call.session, subject_id)),
        notes=crm.customers.notes(call.session, subject_id),
        panels=call.panels("admin.customer", subject_id=subject_id),
        **timeline_values(call, items),
        next_cursor=None if errors else page.next,
        purposes=_purposes(call),
        calendars=calendar_names(),
    )


@admin.page("GET", "/customers/<uuid:subject_id>/edit", access=needs(WRITE))
def edit_customer(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """The form with what is known."""
    customer = crm_of(call).customers.get(call.session, subject_id)
    values = customer.snapshot() | {
        "tags": ", ".join(customer.tags),
        "version": customer.version,
    }
    return _customer_form(call, customer, values, {})


@admin.page("POST", "/customers/<uuid:subject_id>/edit", access=needs(WRITE))
def save_customer(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Save what was changed; a stale form is refused and keeps what was typed."""
    crm = crm_of(call)
    customer = crm.customers.get(call.session, subject_id)
    values, errors = call.load(CustomerForm())
    if not errors:
        version = values.pop("version", None)
        try:
            crm.customers.update(
                call.session,
                call.actor,
                subject_id=subject_id,
                version=version,
                changes=values | {"fields": _sent_fields(call)},
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("crm_admin.show_customer", subject_id=subject_id)
    return _customer_form(call, customer, call.form, errors)


@admin.page("POST", "/customers/<uuid:subject_id>/birthday", access=needs(WRITE), paged=True)
def save_birthday(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Set a birthday in the customer's calendar."""
    values, errors = call.load(BirthdayForm())
    if not errors:
        try:
            crm_of(call).customers.set_birthday(
                call.session, call.actor, subject_id=subject_id, birthday=values
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The birthday is saved."))
            return call.redirect("crm_admin.show_customer", subject_id=subject_id)
    return _customer_page(call, subject_id, form="birthday", errors=errors)


@admin.page("GET", "/customers/<uuid:subject_id>/consents", access=needs(READ), paged=True)
def consent_history(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """The ledger of one customer's words, latest first."""
    customer = crm_of(call).customers.get(call.session, subject_id)
    query = select(Consent).where(Consent.subject_id == customer.subject_id)
    names = crm_of(call).customers.display_names(call.session, [customer.subject_id])
    return call.render(
        "crm/consent_history.html",
        page=paginate(call, query, keys=[(Consent.id, "desc")]),
        name=names.get(customer.subject_id) or _("Customer"),
        subject_id=customer.subject_id,
        purposes=call.platform.privacy.purposes,
    )


@admin.page("POST", "/customers/<uuid:subject_id>/consents", access=needs(WRITE), paged=True)
def save_consent(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Record the customer's word on one purpose."""
    values, errors = call.load(ConsentForm())
    if errors:
        return _customer_page(call, subject_id, form="consent", errors=errors)
    crm = crm_of(call)
    crm.customers.get(call.session, subject_id)
    crm.consents.record(
        call.session,
        call.actor,
        subject_id=subject_id,
        channel="admin",
        text_version="admin",
        **values,
    )
    call.toast(_("The consent is recorded."))
    return call.redirect("crm_admin.show_customer", subject_id=subject_id)


@admin.page("POST", "/customers/<uuid:subject_id>/notes", access=needs(WRITE), paged=True)
def save_note(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Write a note."""
    values, errors = call.load(NoteForm())
    if errors:
        return _customer_page(call, subject_id, form="note", errors=errors)
    author = call.actor.name if isinstance(call.actor, StaffActor) else call.actor.key
    crm_of(call).customers.add_note(
        call.session, call.actor, subject_id=subject_id, text=values["text"], author=author
    )
    call.toast(_("The note is added."))
    return call.redirect("crm_admin.show_customer", subject_id=subject_id)


def _sent_fields(call: AdminCall) -> dict[str, Any]:
    """Values of custom fields as the form has them."""
    crm = crm_of(call)
    definitions = crm.definitions.listed(call.session, PERSON)
    return read_fields(call, definitions, crm.visibility.of(call.session, call.actor))


def _customer_form(
    call: AdminCall, customer: Customer | None, values: Any, errors: dict[str, Any]
) -> Any:
    crm = crm_of(call)
    access = crm.visibility.of(call.session, call.actor)
    definitions = crm.definitions.listed(call.session, PERSON)
    stored = customer.fields if customer else {}
    if customer is None:
        action = url_for("crm_admin.create_customer")
        back = url_for("crm_admin.list_customers")
    else:
        action = url_for("crm_admin.save_customer", subject_id=customer.subject_id)
        back = url_for("crm_admin.show_customer", subject_id=customer.subject_id)
    return call.render(
        "crm/customer_form.html",
        status=422 if errors else 200,
        heading=(label_of(customer, access) or _("Customer")) if customer else _("New customer"),
        customer=customer,
        access=access,
        fields=form_fields(call, definitions, access, stored=stored),
        values=values,
        errors=errors,
        action=action,
        back=back,
    )


def birthday_text(birthday: dict[str, Any] | None, locale: str) -> str | None:
    """Day, month and perhaps year, in the customer's own calendar."""
    if birthday is None:
        return None
    if birthday["calendar"] == "gregorian" and birthday["year"] is None:
        some = date(2000, birthday["month"], birthday["day"])
        return str(format_skeleton("MMMMd", some, locale=locale))
    calendar = dict(calendar_names()).get(birthday["calendar"], "")
    parts = (birthday["year"], birthday["month"], birthday["day"])
    return f"{'-'.join(f'{part:02}' for part in parts if part is not None)} ({calendar})"


def _consent_rows(call: AdminCall, consents: list[Consent]) -> list[tuple[str, str]]:
    purposes = call.platform.privacy.purposes
    return [
        (
            purposes.label(consent.purpose),
            _("Yes") if consent.granted else _("Withdrawn"),
        )
        for consent in consents
    ]


def _purposes(call: AdminCall) -> list[tuple[str, str]]:
    return [(purpose.key, str(purpose.label)) for purpose in call.platform.privacy.purposes.all()]
