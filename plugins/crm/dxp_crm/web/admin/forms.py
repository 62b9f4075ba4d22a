"""What the admin's forms send."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, pre_load, validate

from dxp.api import gettext as _
from dxp_crm.services.birthdays import CALENDARS
from dxp_crm.services.checks import PURPOSE, CustomerFields


class TagsForm(Schema):
    """Tags, which come as one text with commas."""

    tags = fields.List(
        fields.String(validate=validate.Length(1, 50)), validate=validate.Length(max=50)
    )

    @pre_load
    def _split_tags(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        if "tags" not in data:
            return data  # the field is not on the form of who may not change it
        text = data["tags"]
        tags = [tag.strip() for tag in (text or "").split(",") if tag.strip()]
        return data | {"tags": tags}


class CustomerForm(TagsForm, CustomerFields):
    """The plain fields of a customer."""

    version = fields.Integer(allow_none=True)


class BirthdayForm(Schema):
    """A birthday; numbers come as text."""

    month = fields.Integer(required=True, validate=validate.Range(1, 12))
    day = fields.Integer(required=True, validate=validate.Range(1, 31))
    year = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 9999))
    calendar = fields.String(load_default="gregorian", validate=validate.OneOf(CALENDARS))


class ConsentForm(Schema):
    """The customer's word on one purpose."""

    purpose = fields.String(required=True, validate=PURPOSE)
    granted = fields.Boolean(required=True)


class NoteForm(Schema):
    """A note."""

    text = fields.String(required=True, validate=validate.Length(1, 10_000))


def calendar_names() -> list[tuple[str, str]]:
    """Calendars for a chooser."""
    return [
        ("gregorian", _("Gregorian")),
        ("jalali", _("Solar Hijri (Jalali)")),
        ("hijri_umalqura", _("Lunar Hijri (Umm al-Qura)")),
    ]
