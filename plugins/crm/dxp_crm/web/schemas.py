"""What the API answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from dxp.api import FilterFamily
from dxp_crm.services.checks import BirthdayIn, ConsentIn, CustomerFields, CustomerIn

__all__ = [
    "BirthdayIn",
    "BirthdayOut",
    "ConsentIn",
    "ConsentOut",
    "ConsentUpdate",
    "CustomerChanges",
    "CustomerIn",
    "CustomerOut",
    "CustomerQuery",
    "NoteIn",
    "NoteOut",
    "TimelineItemOut",
    "TimelineQuery",
]


class CustomerChanges(CustomerFields):
    """Fields to change; those left out stay as they are."""


class BirthdayOut(Schema):
    """A birthday as it was told."""

    month = fields.Integer(required=True)
    day = fields.Integer(required=True)
    year = fields.Integer(required=True, allow_none=True)
    calendar = fields.String(required=True)
    set_at = fields.String(required=True)


class CustomerOut(Schema):
    """A customer."""

    id = fields.UUID(required=True, attribute="subject_id")
    ref = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    locale = fields.String(required=True, allow_none=True)
    timezone = fields.String(required=True, allow_none=True)
    country = fields.String(required=True, allow_none=True)
    tags = fields.List(fields.String(), required=True)
    custom = fields.Dict(
        required=True,
        data_key="fields",
        attribute="fields",
        metadata={"description": "Values of the fields that staff defined, by key."},
    )
    birthday = fields.Nested(BirthdayOut, required=True, allow_none=True)
    hidden = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Fields that are empty here because you may not see them."},
    )
    version = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class CustomerQuery(Schema):
    """Filters of the customer list."""

    ref = fields.String(data_key="filter[ref]", validate=validate.Length(1, 100))
    email = fields.String(data_key="filter[email]", validate=validate.Length(1, 254))
    tag = fields.String(data_key="filter[tag]", validate=validate.Length(1, 50))
    values = FilterFamily(
        "field", description="One for each field: filter[field.size]=42 is equal to, or contains."
    )


class PurposeOut(Schema):
    """What data may be used for, if the customer lets it be."""

    key = fields.String(required=True, metadata={"example": "birthday"})
    label = fields.String(required=True)
    description = fields.String(required=True)
    text_version = fields.String(required=True)
    basis = fields.String(
        required=True, validate=validate.OneOf(["consent", "legitimate_interest"])
    )


class ConsentUpdate(ConsentIn):
    """A customer's word; the purpose is in the address."""

    class Meta:
        exclude = ("purpose",)


class ConsentOut(Schema):
    """The last word of a customer on one purpose."""

    purpose = fields.String(required=True)
    granted = fields.Boolean(required=True)
    channel = fields.String(required=True)
    text_version = fields.String(required=True)
    proof = fields.String(required=True, allow_none=True)
    recorded_at = fields.AwareDateTime(required=True)


def _names(text: str) -> None:
    if len(text.split(",")) > 20:
        raise ValidationError("At most 20 kinds.")


class TimelineQuery(Schema):
    """Filters of a timeline."""

    type = fields.String(
        data_key="filter[type]",
        validate=[validate.Length(1, 1000), _names],
        metadata={
            "description": "One kind of event, or several with commas between them.",
            "example": "order.placed,crm.ticket_opened",
        },
    )
    source = fields.String(data_key="filter[source]", validate=validate.Length(1, 100))
    since = fields.AwareDateTime(data_key="filter[since]")
    until = fields.AwareDateTime(data_key="filter[until]")

    @post_load
    def _split(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """As `TimelineFilter` takes it."""
        types = [name.strip() for name in data.pop("type", "").split(",")]
        return data | {"types": [name for name in types if name]}


class TimelineItemOut(Schema):
    """One thing that happened."""

    id = fields.UUID(required=True)
    type = fields.String(required=True, metadata={"example": "order.placed"})
    label = fields.String(required=True)
    summary = fields.String(required=True)
    occurred_at = fields.AwareDateTime(required=True)
    source = fields.String(required=True)
    data = fields.Dict(required=True)


class NoteIn(Schema):
    """A note about a customer."""

    text = fields.String(required=True, validate=validate.Length(1, 10_000))


class NoteOut(Schema):
    """A note about a customer."""

    id = fields.UUID(required=True)
    text = fields.String(required=True)
    author = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
