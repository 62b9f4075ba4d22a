"""Organisations: the list, one of them with its people, and the form."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from babel import Locale
from flask import request, url_for
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, EventRow, Problem, needs, paginate, record_of
from dxp.api import gettext as _
from dxp_crm.models import ORGANISATION, Membership, Organisation, Task
from dxp_crm.permissions import READ, WRITE, WRITE_TASKS
from dxp_crm.services.checks import COUNTRY, NAME, REF
from dxp_crm.services.listing import RecordFilter
from dxp_crm.services.people import staff_names
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.services.timeline import describe, narrowed
from dxp_crm.services.visibility import organisation_view
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.admin.custom_fields import field_facts, form_fields, read_fields
from dxp_crm.web.admin.forms import TagsForm
from dxp_crm.web.admin.timeline import asked_filter, timeline_values

SHOWN_PEOPLE = 200


class OrganisationForm(TagsForm):
    """An organisation; tags come as one text with commas."""

    name = fields.String(required=True, validate=NAME)
    number = fields.String(allow_none=True, validate=REF)
    country = fields.String(allow_none=True, validate=COUNTRY)
    version = fields.Integer(allow_none=True)


class MemberForm(Schema):
    """A customer by number or e-mail address, and the role."""

    who = fields.String(required=True, validate=validate.Length(1, 254))
    role = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 100))


@admin.page("GET", "/organisations", access=needs(READ), paged=True)
def list_organisations(call: AdminCall) -> Any:
    """All organisations, found by a part of name or number, or by tag."""
    crm = crm_of(call)
    access = crm.visibility.of(call.session, call.actor)
    text = request.args.get("q", "").strip()[:200]
    tag = request.args.get("tag", "")[:50]
    may_filter = access.sees("tags", record=ORGANISATION)
    wanted = RecordFilter(text=text, tag=(tag or None) if may_filter else None)
    keys = [(Organisation.created_at, "desc"), (Organisation.id, "desc")]
    statement = crm.organisations.matching(call.session, wanted, access)
    page = paginate(call, statement, keys=keys)
    return call.render(
        "crm/organisations.html",
        page=page.map(lambda found: organisation_view(found, access, ())),
        sizes=crm.organisations.sizes(call.session, [found.id for found in page.items]),
        q=text,
        tag=tag,
        tags=[(item.name, item.name) for item in crm.tags.listed(call.session)]
        if may_filter
        else [],
        colors=crm.tags.colors(call.session),
        may_write=call.actor.may(WRITE),
    )


@admin.page("GET", "/organisations/new", access=needs(WRITE))
def new_organisation(call: AdminCall) -> Any:
    """An empty form."""
    return _form(call, None, {}, {})


@admin.page("POST", "/organisations/new", access=needs(WRITE))
def create_organisation(call: AdminCall) -> Any:
    """Make an organisation."""
    values, errors = call.load(OrganisationForm())
    if not errors:
        try:
            found = crm_of(call).organisations.create(
                call.session, call.actor, _without_version(values) | {"fields": _sent(call)}
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The organisation is made."))
            return call.redirect("crm_admin.show_organisation", organisation_id=found.id)
    return _form(call, None, call.form, errors)


@admin.page("GET", "/organisations/<uuid:organisation_id>", access=needs(READ), paged=True)
def show_organisation(call: AdminCall, organisation_id: uuid.UUID) -> Any:
    """One organisation: profile, people, tasks, and the timeline of its people."""
    return _organisation_page(call, organisation_id)


def _organisation_page(
    call: AdminCall, organisation_id: uuid.UUID, *, errors: Mapping[str, Any] = MappingProxyType({})
) -> Any:
    """The page of an organisation, with the form to add a person as it was sent."""
    crm = crm_of(call)
    found = crm.organisations.get(call.session, organisation_id)
    access = crm.visibility.of(call.session, call.actor)
    definitions = crm.definitions.listed(call.session, ORGANISATION)
    members = call.session.scalars(
        crm.organisations.members(organisation_id)
        .order_by(Membership.id.desc())
        .limit(SHOWN_PEOPLE)
    ).all()
    query = narrowed(crm.organisations.timeline(organisation_id), asked_filter(call, access))
    keys = [(EventRow.occurred_at, "desc"), (EventRow.id, "desc")]
    page = paginate(call, query, keys=keys)
    items = [describe(call.platform, record_of(row), access) for row in page.items]
    tasks = crm.tasks.matching(TaskFilter(organisation_id=organisation_id))
    return call.render(
        "crm/organisation.html",
        status=422 if errors else 200,
        errors=errors,
        sent=call.form,
        organisation=organisation_view(found, access, definitions),
        access=access,
        field_facts=field_facts(call, definitions, access, stored=found.fields),
        colors=crm.tags.colors(call.session),
        names=Locale.parse(call.locale),
        members=members,
        people=crm.customers.display_names(call.session, [row.subject_id for row in members]),
        tasks=call.session.scalars(tasks.order_by(Task.due_at, Task.id).limit(50)).all(),
        staff=staff_names(call.platform, call.session),
        now=call.now,
        **timeline_values(call, items),
        next_cursor=None if errors else page.next,
        may_write=call.actor.may(WRITE),
        may_task=call.actor.may(WRITE_TASKS),
    )


@admin.page("GET", "/organisations/<uuid:organisation_id>/edit", access=needs(WRITE))
def edit_organisation(call: AdminCall, organisation_id: uuid.UUID) -> Any:
    """The form with what is known."""
    found = crm_of(call).organisations.get(call.session, organisation_id)
    values = found.snapshot() | {"tags": ", ".join(found.tags), "version": found.version}
    return _form(call, found, values, {})


@admin.page("POST", "/organisations/<uuid:organisation_id>/edit", access=needs(WRITE))
def save_organisation(call: AdminCall, organisation_id: uuid.UUID) -> Any:
    """Save what was changed; a stale form is refused and keeps what was typed."""
    organisations = crm_of(call).organisations
    found = organisations.get(call.session, organisation_id)
    values, errors = call.load(OrganisationForm())
    if not errors:
        try:
            organisations.update(
                call.session,
                call.actor,
                organisation_id=organisation_id,
                version=values.get("version"),
                changes=_without_version(values) | {"fields": _sent(call)},
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("crm_admin.show_organisation", organisation_id=organisation_id)
    return _form(call, found, call.form, errors)


@admin.page("POST", "/organisations/<uuid:organisation_id>/delete", access=needs(WRITE))
def delete_organisation(call: AdminCall, organisation_id: uuid.UUID) -> Any:
    """Forget an organisation; its people stay."""
    crm_of(call).organisations.delete(call.session, call.actor, organisation_id=organisation_id)
    call.toast(_("The organisation is deleted."))
    return call.redirect("crm_admin.list_organisations")


@admin.page("POST", "/organisations/<uuid:organisation_id>/people", access=needs(WRITE), paged=True)
def add_person(call: AdminCall, organisation_id: uuid.UUID) -> Any:
    """Let a customer belong to an organisation, by number or e-mail address."""
    values, errors = call.load(MemberForm())
    if not errors:
        crm = crm_of(call)
        subject_id = crm.customers.named(call.session, call.actor, values["who"])
        if subject_id is None:
            errors = {"who": [_("No customer has this number or e-mail address.")]}
        else:
            crm.organisations.join(
                call.session,
                call.actor,
                organisation_id=organisation_id,
                subject_id=subject_id,
                role=values["role"],
            )
            call.toast(_("The customer belongs to the organisation now."))
            return call.redirect("crm_admin.show_organisation", organisation_id=organisation_id)
    return _organisation_page(call, organisation_id, errors=errors)


@admin.page(
    "POST",
    "/organisations/<uuid:organisation_id>/people/<uuid:subject_id>/remove",
    access=needs(WRITE),
)
def remove_person(call: AdminCall, organisation_id: uuid.UUID, subject_id: uuid.UUID) -> Any:
    """Take a customer out of an organisation."""
    crm_of(call).organisations.leave(
        call.session, call.actor, organisation_id=organisation_id, subject_id=subject_id
    )
    call.toast(_("The customer no longer belongs to the organisation."))
    return call.redirect("crm_admin.show_organisation", organisation_id=organisation_id)


def _sent(call: AdminCall) -> dict[str, Any]:
    crm = crm_of(call)
    definitions = crm.definitions.listed(call.session, ORGANISATION)
    return read_fields(call, definitions, crm.visibility.of(call.session, call.actor))


def _without_version(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "version"}


def _form(
    call: AdminCall, found: Organisation | None, values: Any, errors: Mapping[str, Any]
) -> Any:
    crm = crm_of(call)
    access = crm.visibility.of(call.session, call.actor)
    definitions = crm.definitions.listed(call.session, ORGANISATION)
    if found is None:
        action = url_for("crm_admin.create_organisation")
        back = url_for("crm_admin.list_organisations")
    else:
        action = url_for("crm_admin.save_organisation", organisation_id=found.id)
        back = url_for("crm_admin.show_organisation", organisation_id=found.id)
    return call.render(
        "crm/organisation_form.html",
        status=422 if errors else 200,
        heading=found.name if found else _("New organisation"),
        found=found,
        access=access,
        fields=form_fields(call, definitions, access, stored=found.fields if found else {}),
        values=values,
        errors=errors,
        action=action,
        back=back,
    )
