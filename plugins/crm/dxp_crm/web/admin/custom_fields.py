"""Fields that staff defined, on forms and pages of the records that have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from dxp.api import AdminCall, format_day, format_number
from dxp.api import gettext as _
from dxp_crm.models import FieldDefinition
from dxp_crm.services.fields import check_fields
from dxp_crm.services.texts import in_locale
from dxp_crm.services.visibility import FieldAccess


def read_fields(
    call: AdminCall, definitions: Sequence[FieldDefinition], access: FieldAccess
) -> dict[str, Any]:
    """The values that a form sent, of the fields that may be changed.

    Raises:
        Unprocessable: a value does not fit its field (`invalid_fields`).
    """
    sent: dict[str, Any] = {}
    for item in definitions:
        name = f"fields.{item.key}"
        if access.changes(name, record=item.record):
            several = item.type == "choices"
            sent[item.key] = call.form.getlist(name) if several else call.form.get(name)
    return check_fields(definitions, sent, from_text=True)


def form_fields(
    call: AdminCall,
    definitions: Sequence[FieldDefinition],
    access: FieldAccess,
    *,
    stored: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What a form shows of each field; one that may only be seen is shown as text.

    A form that comes back with errors keeps what was typed.
    """
    rows = []
    for item in definitions:
        name = f"fields.{item.key}"
        if not access.sees(name, record=item.record):
            continue
        value = stored.get(item.key)
        if call.form:
            value = call.form.getlist(name) if item.type == "choices" else call.form.get(name)
        elif isinstance(value, bool):
            value = "true" if value else "false"
        rows.append(
            {
                "name": name,
                "type": item.type,
                "label": in_locale(call.platform, item.labels, call.locale),
                "help": in_locale(call.platform, item.help, call.locale),
                "required": item.required,
                "options": _options(call, item),
                "value": value,
                "editable": access.changes(name, record=item.record),
                "text": field_text(call, item, stored.get(item.key)),
            }
        )
    return rows


def field_facts(
    call: AdminCall,
    definitions: Sequence[FieldDefinition],
    access: FieldAccess,
    *,
    stored: Mapping[str, Any],
) -> list[tuple[str, Any]]:
    """Label and value of each field that is seen, for people."""
    return [
        (
            in_locale(call.platform, item.labels, call.locale),
            field_text(call, item, stored.get(item.key)),
        )
        for item in definitions
        if access.sees(f"fields.{item.key}", record=item.record)
    ]


def field_text(call: AdminCall, definition: FieldDefinition, value: Any) -> Any:
    """A value as people read it; None when there is none."""
    if value is None:
        return None
    if definition.type == "boolean":
        return _("Yes") if value else _("No")
    if definition.type == "date":
        return format_day(date.fromisoformat(value))
    if definition.type in ("number", "integer"):
        return format_number(Decimal(str(value)))
    if definition.type == "url":
        return Markup('<a href="{0}" rel="noopener noreferrer" dir="ltr">{0}</a>').format(value)
    if definition.type in ("choice", "choices"):
        labels = dict(_options(call, definition))
        chosen = value if isinstance(value, list) else [value]
        return ", ".join(labels.get(str(item), str(item)) for item in chosen)
    return Markup("<bdi>{}</bdi>").format(value)


def _options(call: AdminCall, definition: FieldDefinition) -> list[tuple[str, str]]:
    if definition.type == "boolean":
        return [("true", _("Yes")), ("false", _("No"))]
    return [
        (
            choice["value"],
            in_locale(call.platform, choice["labels"], call.locale) or choice["value"],
        )
        for choice in definition.choices
    ]
