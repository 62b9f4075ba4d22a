"""What the routes of /api/v1/auth take and answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema


class CustomerNameIn(Schema):
    """A customer, by exactly one of two names."""

    id = fields.UUID(metadata={"description": "The customer's id here."})
    ref = fields.String(
        validate=validate.Length(1, 200),
        metadata={"description": "The storefront's own number of the customer.", "example": "C-42"},
    )

    class Meta:
        unknown = "raise"

    @validates_schema
    def _one(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give exactly one of 'id' and 'ref'.")


class CustomerTokenIn(Schema):
    """For whom a token is wanted."""

    customer = fields.Nested(CustomerNameIn, required=True)


class RefreshIn(Schema):
    """A refresh token."""

    refresh_token = fields.String(required=True, validate=validate.Length(1, 200))


class CodeRequestIn(Schema):
    """Where a code is to be sent."""

    email = fields.Email(
        required=True,
        validate=validate.Length(max=254),
        metadata={"example": "ada@example.com"},
    )


class CodeIn(CodeRequestIn):
    """A code as it came by mail."""

    code = fields.String(
        required=True,
        validate=validate.Regexp(r"^[0-9]{6}\Z", error="Six digits."),
        metadata={"example": "123456"},
    )


class TokensOut(Schema):
    """A customer's tokens."""

    access_token = fields.String(
        required=True, metadata={"description": "For `Authorization: Bearer` on /me routes."}
    )
    token_type = fields.Constant("Bearer", required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "In seconds."})
    refresh_token = fields.String(
        required=True, metadata={"description": "Serves once, at POST /auth/refresh."}
    )
    refresh_expires_in = fields.Integer(required=True, metadata={"description": "In seconds."})
    customer_id = fields.UUID(required=True, attribute="subject_id")


class AcceptedOut(Schema):
    """That the request was taken in, and nothing more."""

    status = fields.Constant("accepted", required=True)
