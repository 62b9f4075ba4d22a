"""Defining fields, and saying which roles see and change them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import request, url_for
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, NotFound, Problem, needs
from dxp.api import gettext as _
from dxp_crm.models import EVERYBODY, PERSON, RECORDS, FieldDefinition
from dxp_crm.permissions import MANAGE_FIELDS
from dxp_crm.services.definitions import FieldDraft
from dxp_crm.services.fields import CHOOSING, TYPES
from dxp_crm.services.texts import in_locale
from dxp_crm.services.visibility import BUILT_IN
from dxp_crm.web.admin.blueprint import admin, crm_of, tell


class FieldForm(Schema):
    """A definition; labels and help come as `label.<locale>`, choices one a line."""

    record = fields.String(load_default=PERSON, validate=validate.OneOf(RECORDS))
    key = fields.String(load_default="", allow_none=True, validate=validate.Length(max=50))
    type = fields.String(required=True, validate=validate.OneOf(list(TYPES)))
    choices = fields.String(load_default="", allow_none=True, validate=validate.Length(max=20_000))
    required = fields.Boolean(load_default=False)
    shown_to_customer = fields.Boolean(load_default=False)


class OrderForm(Schema):
    """Ids of fields in their new order."""

    order = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=500))


class AccessForm(Schema):
    """Who may see and change one field."""

    see = fields.String(required=True, validate=validate.OneOf(["everybody", "roles"]))
    change = fields.String(required=True, validate=validate.OneOf(["everybody", "roles"]))
    see_roles = fields.List(fields.String(), load_default=list)
    change_roles = fields.List(fields.String(), load_default=list)


@admin.page("GET", "/fields", access=needs(MANAGE_FIELDS))
def list_fields(call: AdminCall) -> Any:
    """The fields of a kind of record in their order, with who may see them."""
    record = request.args.get("record", PERSON)
    if record not in RECORDS:
        record = PERSON
    crm = crm_of(call)
    rules = crm.visibility.rules(call.session, record)
    titles = {role.name: role.title for role in call.platform.accounts.roles.all(call.session)}

    def access_text(name: str) -> str:
        rule = rules.get(name)
        if rule is None or EVERYBODY in rule.see_roles:
            return ""
        return ", ".join(titles.get(role, role) for role in rule.see_roles) or _("Nobody")

    rows = [
        {
            "id": item.id,
            "name": f"fields.{item.key}",
            "key": item.key,
            "label": in_locale(call.platform, item.labels, call.locale),
            "type": TYPES[item.type],
            "required": item.required,
            "archived": item.archived_at is not None,
            "seen_by": access_text(f"fields.{item.key}"),
        }
        for item in crm.definitions.listed(call.session, record, archived=True)
    ]
    built_in = [
        {"name": name, "label": built_in_labels()[name], "seen_by": access_text(name)}
        for name in BUILT_IN[record]
    ]
    return call.render("crm/fields.html", rows=rows, built_in=built_in, record=record)


@admin.page("POST", "/fields/order", access=needs(MANAGE_FIELDS))
def save_order(call: AdminCall) -> Any:
    """Put the fields into the order in which the list was dragged."""
    values, errors = call.load(OrderForm(), lists=("order",))
    record = request.args.get("record", PERSON)
    if not errors and record in RECORDS:
        crm_of(call).definitions.reorder(
            call.session, call.actor, record=record, field_ids=values["order"]
        )
        call.toast(_("The order is saved."))
    tell(call, errors)
    if call.is_htmx:
        return ""
    return call.redirect("crm_admin.list_fields", record=record)


@admin.page("GET", "/fields/new", access=needs(MANAGE_FIELDS))
def new_field(call: AdminCall) -> Any:
    """An empty form."""
    return _form(call, None, {"record": request.args.get("record", PERSON), "type": "text"}, {})


@admin.page("POST", "/fields/new", access=needs(MANAGE_FIELDS))
def create_field(call: AdminCall) -> Any:
    """Make a field."""
    values, errors = call.load(FieldForm())
    if not errors:
        try:
            crm_of(call).definitions.create(
                call.session,
                call.actor,
                record=values["record"],
                key=values["key"] or "",
                draft=_draft(call, values, {}),
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The field is made."))
            return call.redirect("crm_admin.list_fields", record=values["record"])
    return _form(call, None, call.form, errors)


@admin.page("GET", "/fields/<uuid:field_id>", access=needs(MANAGE_FIELDS))
def edit_field(call: AdminCall, field_id: uuid.UUID) -> Any:
    """The form of a field, with what can be done to it."""
    found = crm_of(call).definitions.get(call.session, field_id)
    values: dict[str, Any] = {
        "record": found.record,
        "key": found.key,
        "type": found.type,
        "required": found.required,
        "shown_to_customer": found.shown_to_customer,
        "choices": "\n".join(
            f"{choice['value']} = {in_locale(call.platform, choice['labels'], call.locale)}"
            if choice["labels"]
            else choice["value"]
            for choice in found.choices
        ),
    }
    values |= {f"label.{locale}": text for locale, text in found.labels.items()}
    values |= {f"help.{locale}": text for locale, text in found.help.items()}
    return _form(call, found, values, {})


@admin.page("POST", "/fields/<uuid:field_id>", access=needs(MANAGE_FIELDS))
def save_field(call: AdminCall, field_id: uuid.UUID) -> Any:
    """Change a field; what would lose values is refused."""
    definitions = crm_of(call).definitions
    found = definitions.get(call.session, field_id)
    values, errors = call.load(FieldForm())
    if not errors:
        labels = {choice["value"]: choice["labels"] for choice in found.choices}
        try:
            definitions.update(
                call.session, call.actor, field_id=field_id, draft=_draft(call, values, labels)
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("crm_admin.list_fields", record=found.record)
    return _form(call, found, call.form, errors)


@admin.page(
    "POST",
    "/fields/<uuid:field_id>/<any(archive,restore,delete):what>",
    access=needs(MANAGE_FIELDS),
)
def end_field(call: AdminCall, field_id: uuid.UUID, what: str) -> Any:
    """Archive, restore or delete a field."""
    definitions = crm_of(call).definitions
    record = definitions.get(call.session, field_id).record
    done = {
        "archive": (definitions.archive, _("The field is archived; its values are kept.")),
        "restore": (definitions.restore, _("The field is back.")),
        "delete": (definitions.delete, _("The field is deleted.")),
    }
    act, text = done[what]
    try:
        act(call.session, call.actor, field_id=field_id)
        call.toast(text)
    except Problem as problem:
        tell(call, call.errors_of(problem))
    return call.redirect("crm_admin.list_fields", record=record)


@admin.page("GET", "/fields/access/<record>/<name>", access=needs(MANAGE_FIELDS))
def edit_access(call: AdminCall, record: str, name: str) -> Any:
    """Which roles see and change one field."""
    _check_field(call, record, name)
    rule = crm_of(call).visibility.rules(call.session, record).get(name)
    values = {
        "see": _who(rule.see_roles if rule else [EVERYBODY]),
        "change": _who(rule.change_roles if rule else [EVERYBODY]),
        "see_roles": rule.see_roles if rule else [],
        "change_roles": rule.change_roles if rule else [],
    }
    return _access_form(call, record, name, values, {})


@admin.page("POST", "/fields/access/<record>/<name>", access=needs(MANAGE_FIELDS))
def save_access(call: AdminCall, record: str, name: str) -> Any:
    """Say which roles see and change one field."""
    _check_field(call, record, name)
    values, errors = call.load(AccessForm(), lists=("see_roles", "change_roles"))
    known = {role.name for role in call.platform.accounts.roles.all(call.session)}
    if errors:
        return _access_form(call, record, name, call.form, errors)
    chosen = {
        side: [EVERYBODY]
        if values[side] == "everybody"
        else sorted(known.intersection(values[f"{side}_roles"]))
        for side in ("see", "change")
    }
    crm_of(call).visibility.restrict(
        call.session,
        call.actor,
        record=record,
        name=name,
        see_roles=chosen["see"],
        change_roles=chosen["change"],
    )
    call.toast(_("Saved."))
    return call.redirect("crm_admin.list_fields", record=record)


def built_in_labels() -> dict[str, str]:
    """Names of the fields that every record has."""
    return {
        "name": _("Name"),
        "ref": _("Number in the shop"),
        "email": _("E-mail"),
        "phone": _("Phone"),
        "locale": _("Language"),
        "timezone": _("Time zone"),
        "country": _("Country"),
        "tags": _("Tags"),
        "birthday": _("Birthday"),
        "number": _("Number"),
    }


def _check_field(call: AdminCall, record: str, name: str) -> None:
    """Refuse the address of a field that does not exist.

    Raises:
        NotFound: there is none.
    """
    known = set(BUILT_IN.get(record, ()))
    if record in RECORDS:
        listed = crm_of(call).definitions.listed(call.session, record, archived=True)
        known |= {f"fields.{item.key}" for item in listed}
    if name not in known:
        raise NotFound("There is no such field; look at the list of fields", code="unknown_field")


def _who(roles: list[str]) -> str:
    return "everybody" if EVERYBODY in roles else "roles"


def _draft(
    call: AdminCall, values: Mapping[str, Any], known: Mapping[str, Mapping[str, str]]
) -> FieldDraft:
    """Lines such as `gold = Gold customers` name a choice in the language of the page."""
    choices = []
    for line in (values["choices"] or "").splitlines():
        value, _mark, label = (part.strip() for part in line.partition("="))
        if value:
            own = {call.locale: label[:200]} if label else {}
            choices.append({"value": value[:200], "labels": {**known.get(value, {}), **own}})
    locales = call.platform.settings.locale.available
    return FieldDraft(
        type=values["type"],
        labels={name: call.form.get(f"label.{name}", "").strip()[:200] for name in locales},
        help={name: call.form.get(f"help.{name}", "").strip()[:500] for name in locales},
        choices=choices if values["type"] in CHOOSING else [],
        required=values["required"],
        shown_to_customer=values["shown_to_customer"],
    )


def _form(
    call: AdminCall,
    found: FieldDefinition | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
) -> Any:
    if found is None:
        action = url_for("crm_admin.create_field")
    else:
        action = url_for("crm_admin.save_field", field_id=found.id)
    return call.render(
        "crm/field_form.html",
        status=422 if errors else 200,
        found=found,
        values=values,
        errors=errors,
        action=action,
        types=list(TYPES.items()),
        locales=call.platform.settings.locale.available,
        record=found.record if found else values.get("record", PERSON),
    )


def _access_form(
    call: AdminCall, record: str, name: str, values: Any, errors: Mapping[str, Any]
) -> Any:
    lists = {
        side: values.getlist(side) if hasattr(values, "getlist") else values[side]
        for side in ("see_roles", "change_roles")
    }
    return call.render(
        "crm/field_access.html",
        status=422 if errors else 200,
        record=record,
        name=name,
        label=built_in_labels().get(name, name.removeprefix("fields.")),
        values=values,
        lists=lists,
        errors=errors,
        roles=[(role.name, role.title) for role in call.platform.accounts.roles.all(call.session)],
    )
