"""What may be said of a customer, by whichever way it comes in: API, form or file."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate

from dxp.api import timezones
from dxp_crm.services.birthdays import CALENDARS

REF = validate.And(validate.Length(1, 100), validate.Regexp(r"^\S(.*\S)?\Z", error="Not trimmed."))
LOCALE = validate.Regexp(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", error="Not a locale such as fr.")
NAME = validate.And(validate.Length(1, 200), validate.Regexp(r"\S", error="Write a name."))
COUNTRY = validate.Regexp(r"^[A-Z]{2}\Z", error="Not an ISO 3166 code such as FR.")
PURPOSE = validate.Regexp(r"^[a-z][a-z0-9_]{0,49}\Z", error="Not a purpose such as birthday.")


def custom_fields() -> fields.Dict:
    """Values by key of the fields that staff defined; the services check them."""
    return fields.Dict(
        data_key="fields",
        attribute="fields",
        keys=fields.String(validate=validate.Length(1, 50)),
        values=fields.Raw(allow_none=True),
        validate=validate.Length(max=200),
        metadata={
            "description": "Values of the fields that staff defined, by key; null empties one.",
            "example": {},
        },
    )


def _known_zone(name: str) -> None:
    if name not in timezones():
        raise ValidationError("Not an IANA time zone such as Europe/Paris.")


class BirthdayIn(Schema):
    """A birthday in its own calendar; the year may stay untold."""

    month = fields.Integer(required=True, strict=True, validate=validate.Range(1, 12))
    day = fields.Integer(required=True, strict=True, validate=validate.Range(1, 31))
    year = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 9999)
    )
    calendar = fields.String(load_default="gregorian", validate=validate.OneOf(CALENDARS))


class ConsentIn(Schema):
    """A customer's word on one purpose."""

    purpose = fields.String(required=True, validate=PURPOSE, metadata={"example": "birthday"})
    granted = fields.Boolean(required=True, truthy={True}, falsy={False})
    channel = fields.String(
        load_default="api", validate=validate.Length(1, 50), metadata={"example": "web"}
    )
    text_version = fields.String(
        load_default="1", validate=validate.Length(1, 50), metadata={"example": "2026-01"}
    )
    proof = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 500))


class CustomerFields(Schema):
    """The plain fields of a customer."""

    ref = fields.String(
        allow_none=True,
        validate=REF,
        metadata={"description": "The shop's own number.", "example": "C-1001"},
    )
    name = fields.String(allow_none=True, validate=validate.Length(1, 200))
    email = fields.Email(allow_none=True, validate=validate.Length(max=254))
    phone = fields.String(allow_none=True, validate=validate.Length(3, 40))
    locale = fields.String(allow_none=True, validate=LOCALE, metadata={"example": "fr"})
    timezone = fields.String(
        allow_none=True, validate=_known_zone, metadata={"example": "Europe/Paris"}
    )
    country = fields.String(allow_none=True, validate=COUNTRY, metadata={"example": "FR"})
    tags = fields.List(
        fields.String(validate=validate.Length(1, 50)), validate=validate.Length(max=50)
    )
    custom = custom_fields()


class CustomerIn(CustomerFields):
    """A customer about to be registered."""

    birthday = fields.Nested(BirthdayIn, load_default=None, allow_none=True)
    consents = fields.List(
        fields.Nested(ConsentIn), load_default=list, validate=validate.Length(max=20)
    )


class OrganisationFields(Schema):
    """The fields of an organisation but its name."""

    number = fields.String(
        allow_none=True, validate=REF, metadata={"description": "The shop's own number."}
    )
    country = fields.String(allow_none=True, validate=COUNTRY, metadata={"example": "FR"})
    tags = fields.List(
        fields.String(validate=validate.Length(1, 50)), validate=validate.Length(max=50)
    )
    custom = custom_fields()


class OrganisationIn(OrganisationFields):
    """An organisation about to be made."""

    name = fields.String(required=True, validate=NAME, metadata={"example": "North Roasters"})
