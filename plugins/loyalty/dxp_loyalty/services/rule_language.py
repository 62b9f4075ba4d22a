"""What an earning rule says, and what it makes of an event.

A definition is JSON:

    {"award": {"type": "per_amount", "points": "1", "per": "1", "currency": "USD",
               "rounding": "down"},
     "condition": {"order.channel": "web"},
     "pending_days": 14, "expires_after_days": 365}

`per_amount` gives `points` for each `per` units of the order's total, and `minimum` at least;
without `currency` it takes any. `{"type": "fixed", "points": 50}` gives the same for each event.
The condition is in the one condition language; `order.…` or `event.…` names a member of the
event's data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from dxp.api import (
    Condition,
    Situation,
    Unprocessable,
    compile_condition,
    field_errors,
    gettext,
)
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.purchases import ORDER_PLACED, WHOLE, Purchase, spread

ROUNDINGS = ("down", "nearest", "up")
EARNING_EVENTS = (ORDER_PLACED, "customer.registered")
"""Events that rules may listen to."""


class AwardSchema(Schema):
    """How many points."""

    type = fields.String(required=True, validate=validate.OneOf(["per_amount", "fixed"]))
    points = fields.Decimal(
        required=True,
        as_string=True,
        validate=validate.Range(Decimal(0), Decimal(10**9), min_inclusive=False),
        metadata={"example": "1"},
    )
    per = fields.Decimal(
        load_default=None,
        allow_none=True,
        as_string=True,
        validate=validate.Range(Decimal(0), Decimal(10**9), min_inclusive=False),
        metadata={"example": "1"},
    )
    currency = fields.String(
        load_default=None, allow_none=True, validate=validate.Regexp(r"[A-Z]{3}\Z")
    )
    rounding = fields.String(load_default="down", validate=validate.OneOf(sorted(ROUNDINGS)))
    minimum = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, MAX_POINTS),
        metadata={"description": "Points that any order earns at least, even a free one."},
    )

    @validates_schema
    def check(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        points = data.get("points")
        if data.get("type") == "fixed" and points is not None and points != int(points):
            raise ValidationError("A fixed award is a whole number of points.", "points")


class DefinitionSchema(Schema):
    """A whole definition."""

    award = fields.Nested(AwardSchema, required=True)
    condition = fields.Dict(keys=fields.String(), load_default=dict)
    pending_days = fields.Integer(
        strict=True, load_default=0, validate=validate.Range(0, 730), metadata={"example": 14}
    )
    expires_after_days = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 36_500),
        metadata={"example": 365},
    )


@dataclass(frozen=True, kw_only=True)
class Award:
    """What a rule gives for one event.

    Attributes:
        parts: the points by the line that earned them, as in `Earning`.
        inputs: what it was made from, for the entry.
    """

    points: int
    parts: Mapping[str, int]
    available_at: datetime
    expires_at: datetime | None
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A checked definition."""

    kind: str
    points: Decimal
    per: Decimal
    currency: str | None
    rounding: str
    minimum: int
    condition: Condition
    pending_days: int
    expires_after_days: int | None

    def award(self, purchase: Purchase) -> Award | None:
        """What the rule gives for an event; None when it does not apply or gives nothing."""
        if not self.condition.matches(facts_of(purchase), Situation(now=purchase.at)):
            return None
        points = self.points_for(purchase)
        if points == 0:
            return None
        inputs: dict[str, Any] = {"event": purchase.type, "event_id": str(purchase.event_id)}
        if purchase.total is not None:
            inputs |= {
                "order_id": purchase.data.get("order_id"),
                "total": str(purchase.data.get("total")),
                "currency": purchase.data.get("currency"),
            }
        if self.kind == "per_amount":
            inputs |= {"points": str(self.points), "per": str(self.per)}
        days = self.expires_after_days
        return Award(
            points=points,
            parts=spread(points, _weights(purchase)),
            available_at=purchase.at + timedelta(days=self.pending_days),
            expires_at=None if days is None else purchase.at + timedelta(days=days),
            inputs=inputs,
        )

    def points_for(self, purchase: Purchase) -> int:
        """Points without regard to the condition; 0 when it gives none."""
        if self.kind == "fixed":
            return int(self.points)
        if purchase.total is None or self.currency not in (None, purchase.currency):
            return 0
        exact = purchase.total * Fraction(self.points) / Fraction(self.per)
        return max(self.minimum, min(rounded(exact, self.rounding), MAX_POINTS))


def rounded(exact: Fraction, rounding: str) -> int:
    """A number of points, none below zero, as a whole one; a half goes up to the nearest."""
    if rounding == "up":
        return math.ceil(exact)
    return math.floor(exact if rounding == "down" else exact + Fraction(1, 2))


def _weights(purchase: Purchase) -> dict[str, Fraction]:
    """What each line, and the order as a whole beyond them, have of the total."""
    weights = {line.ref: line.paid for line in purchase.lines}
    beyond = (purchase.total or Fraction(0)) - sum(weights.values(), Fraction(0))
    return weights | {WHOLE: beyond} if beyond > 0 else weights


def check_definition(event_type: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as it is stored.

    Raises:
        Unprocessable: it does not fit, its condition is not in the condition language, or no
            rule may listen to the event (`invalid_rule`).
    """
    if event_type not in EARNING_EVENTS:
        raise Unprocessable(
            gettext(
                "Rules cannot earn for “%(event)s”, because the programme does not listen to it; "
                "choose one of: %(known)s",
                event=event_type,
                known=", ".join(EARNING_EVENTS),
            ),
            code="invalid_rule",
        )
    try:
        loaded = DefinitionSchema().load(source)
    except ValidationError as error:
        raise Unprocessable(
            gettext("The rule cannot be used as it is; mend the fields named in errors"),
            code="invalid_rule",
            errors=field_errors(error.messages),
        ) from error
    if loaded["award"]["type"] == "per_amount" and event_type != ORDER_PLACED:
        raise Unprocessable(
            gettext(
                "The rule gives points by amount, and only orders have an amount; "
                "choose order.placed, or a fixed number of points"
            ),
            code="invalid_rule",
        )
    _check_condition(loaded["condition"])
    stored: dict[str, Any] = DefinitionSchema().dump(loaded)
    return stored


def _check_condition(source: Mapping[str, Any]) -> None:
    try:
        compile_condition(source)
    except Unprocessable as refusal:
        raise Unprocessable(
            refusal.detail,
            code="invalid_rule",
            errors=[
                replace(error, pointer=f"/condition{error.pointer or ''}")
                for error in refusal.errors
            ],
        ) from refusal


def parse_definition(stored: Mapping[str, Any]) -> Definition:
    """A stored definition, ready to use."""
    award = stored["award"]
    return Definition(
        kind=award["type"],
        points=Decimal(award["points"]),
        per=Decimal(award.get("per") or 1),
        currency=award.get("currency"),
        rounding=award.get("rounding", "down"),
        minimum=award.get("minimum", 0),
        condition=compile_condition(stored.get("condition") or {}),
        pending_days=stored.get("pending_days", 0),
        expires_after_days=stored.get("expires_after_days"),
    )


def facts_of(purchase: Purchase) -> dict[str, Any]:
    """An event as conditions see it: `order.total` is a number there, to be compared."""
    facts: dict[str, Any] = {"event": purchase.data, "event.type": purchase.type}
    if purchase.type == ORDER_PLACED:
        facts["order"] = purchase.data
        facts["order.total"] = None if purchase.total is None else float(purchase.total)
    return facts
