"""The form of a rule's definition, as the API takes it and as it is stored.

{"award": {"type": "per_amount", "points": "1", "per": "1", "currency": "USD"},
 "condition": {"crm.segments": {"$in": ["vip"]}, "order.channel": "web"},
 "line_condition": {"line.category": "tea"}, "basis": "paid",
 "windows": [{"weekdays": [5, 6], "from": "17:00", "until": "20:00"}],
 "stacking": "additive", "priority": 10,
 "caps": [{"window": "month", "points": 500}], "campaign": "spring",
 "wallet": "points", "pending_days": 14, "expires_after_days": 365,
 "names": {"fr": "Un point par dollar"}}
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from dxp.api import gettext
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.windows import PERIODS

KINDS = ("per_amount", "fixed", "per_piece", "multiplier")
ROUNDINGS = ("down", "nearest", "up")
BASES = ("paid", "full", "undiscounted")
STACKINGS = ("additive", "best_of", "exclusive")
_KEY = r"[a-z][a-z0-9_-]{0,39}\Z"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]\Z"


def _points() -> fields.Decimal:
    return fields.Decimal(
        load_default=None,
        allow_none=True,
        as_string=True,
        # An exact fraction of a tiny exponent would fill the memory with digits.
        validate=validate.Range(Decimal("0.000001"), Decimal(10**9)),
        metadata={"example": "1"},
    )


class AwardSchema(Schema):
    """How many points."""

    type = fields.String(
        required=True,
        validate=validate.OneOf(KINDS),
        metadata={
            "description": "`per_amount`: `points` for each `per` units of the amount. `fixed`: "
            "`points` for each event. `per_piece`: `points` for each piece of the lines. "
            "`multiplier`: what other rules of the wallet give, times `factor`."
        },
    )
    points = _points()
    per = _points()
    factor = fields.Decimal(
        load_default=None,
        allow_none=True,
        as_string=True,
        validate=validate.Range(Decimal(1), Decimal(100), min_inclusive=False),
        metadata={"example": "2"},
    )
    currency = fields.String(
        load_default=None, allow_none=True, validate=validate.Regexp(r"[A-Z]{3}\Z")
    )
    rounding = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(ROUNDINGS),
        metadata={"description": "As the wallet says, when left out."},
    )
    minimum = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, MAX_POINTS),
        metadata={"description": "Points that any order earns at least, even a free one."},
    )

    @validates_schema
    def check(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        kind, points = data.get("type"), data.get("points")
        if kind == "multiplier":
            if data.get("factor") is None:
                raise ValidationError(gettext("Say by what to multiply."), "factor")
            return
        if points is None:
            raise ValidationError(gettext("Say how many points."), "points")
        if kind in ("fixed", "per_piece") and points != int(points):
            raise ValidationError(gettext("Give a whole number of points."), "points")


class TimeWindowSchema(Schema):
    """Hours of some days of the week, by the programme's clock."""

    weekdays = fields.List(
        fields.Integer(strict=True, validate=validate.Range(1, 7)),
        load_default=list,
        validate=validate.Length(max=7),
        metadata={"description": "1 is Monday, 7 Sunday; none: every day.", "example": [5, 6]},
    )
    since = fields.String(
        data_key="from",
        load_default="00:00",
        validate=validate.Regexp(_CLOCK, error="Not a time such as 17:00."),
    )
    until = fields.String(
        load_default="00:00",
        validate=validate.Regexp(_CLOCK, error="Not a time such as 17:00."),
        metadata={"description": "Before that time; an earlier one than `from`: the next day's."},
    )


class CapSchema(Schema):
    """The most that one member gets of the rule in a period."""

    window = fields.String(required=True, validate=validate.OneOf(PERIODS))
    points = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, MAX_POINTS)
    )
    times = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, 1_000_000)
    )

    @validates_schema
    def check(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if data.get("points") is None and data.get("times") is None:
            raise ValidationError(gettext("Say how many points, or how many times."), "points")


class DefinitionSchema(Schema):
    """A whole definition."""

    award = fields.Nested(AwardSchema, required=True)
    condition = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={
            "description": "About the member's facts and segments, and as `order.…` or `event.…` "
            "about the event's data."
        },
    )
    line_condition = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={
            "description": "Which lines of an order count: `line.sku`, `line.category`, "
            "`line.quantity`, `line.price` (of a piece), `line.total`, `line.discounted`. "
            "Empty: the whole order."
        },
    )
    basis = fields.String(
        load_default="paid",
        validate=validate.OneOf(BASES),
        metadata={
            "description": "`paid`: what was taken off earns nothing; `full`: it earns too; "
            "`undiscounted`: lines with a discount earn nothing at all."
        },
    )
    windows = fields.List(
        fields.Nested(TimeWindowSchema), load_default=list, validate=validate.Length(max=20)
    )
    stacking = fields.String(load_default="additive", validate=validate.OneOf(STACKINGS))
    priority = fields.Integer(strict=True, load_default=0, validate=validate.Range(-1000, 1000))
    caps = fields.List(fields.Nested(CapSchema), load_default=list, validate=validate.Length(max=5))
    campaign = fields.String(
        load_default=None, allow_none=True, validate=validate.Regexp(_KEY, error="Not a key.")
    )
    wallet = fields.String(
        load_default=None, allow_none=True, validate=validate.Regexp(_KEY, error="Not a key.")
    )
    pending_days = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 730),
        metadata={"example": 14, "description": "As the wallet says, when left out."},
    )
    expires_after_days = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 36_500),
        metadata={"example": 365, "description": "As the wallet says, when left out."},
    )
    names = fields.Dict(
        keys=fields.String(validate=validate.Length(2, 20)),
        values=fields.String(validate=validate.Length(1, 120)),
        load_default=dict,
        validate=validate.Length(max=20),
        metadata={"description": "What members call the rule, by locale; else its `name`."},
    )
