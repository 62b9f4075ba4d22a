"""What an earning rule says, checked and ready to use; `rule_schema` describes its JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from marshmallow import ValidationError

from dxp.api import Condition, Unprocessable, compile_condition, field_errors, gettext
from dxp_loyalty.services.purchases import ORDER_PLACED, Line, Purchase
from dxp_loyalty.services.rule_schema import ROUNDINGS, DefinitionSchema
from dxp_loyalty.services.windows import TimeWindow

__all__ = ["EARNING_EVENTS", "ROUNDINGS", "DefinitionSchema"]

EARNING_EVENTS = (ORDER_PLACED, "customer.registered")
"""Events that rules may listen to."""
_OF_THE_EVENT = ("order", "event")


@dataclass(frozen=True, kw_only=True)
class Cap:
    """The most that one member gets of a rule in a period: points, times, or both."""

    window: str
    points: int | None
    times: int | None


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A checked definition; what is None is as the wallet says.

    Attributes:
        rate: points for a unit of the amount.
        factor: by which a multiplier multiplies; 1 otherwise.
        conditional: whether there is a condition at all.
        asks_member: whether it asks for facts of the member.
    """

    kind: str
    points: Decimal
    per: Decimal
    rate: Fraction
    factor: Fraction
    factor_told: Decimal
    currency: str | None
    rounding: str | None
    minimum: int
    condition: Condition
    conditional: bool
    asks_member: bool
    line_condition: Condition | None
    basis: str
    windows: Sequence[TimeWindow]
    stacking: str
    priority: int
    caps: Sequence[Cap]
    campaign: str | None
    wallet: str | None
    pending_days: int | None
    expires_after_days: int | None
    names: Mapping[str, str]

    @property
    def by_line(self) -> bool:
        """Whether only some lines of an order count."""
        return self.line_condition is not None

    @property
    def limited(self) -> bool:
        """Whether what it gives depends on what was given before."""
        return bool(self.caps) or self.campaign is not None


def rounded(exact: Fraction, rounding: str) -> int:
    """A number of points, none below zero, as a whole one; a half goes up to the nearest."""
    if rounding == "up":
        return math.ceil(exact)
    return math.floor(exact if rounding == "down" else exact + Fraction(1, 2))


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
    of_orders = loaded["award"]["type"] in ("per_amount", "per_piece") or loaded["line_condition"]
    if of_orders and event_type != ORDER_PLACED:
        raise Unprocessable(
            gettext(
                "The rule gives points by amount or by item, and only orders have these; "
                "choose order.placed, or a fixed number of points"
            ),
            code="invalid_rule",
        )
    for name in ("condition", "line_condition"):
        _check_condition(loaded[name], name)
    stored: dict[str, Any] = DefinitionSchema().dump(loaded)
    return stored


def _check_condition(source: Mapping[str, Any], name: str) -> None:
    try:
        compile_condition(source)
    except Unprocessable as refusal:
        raise Unprocessable(
            refusal.detail,
            code="invalid_rule",
            errors=[
                replace(error, pointer=f"/{name}{error.pointer or ''}") for error in refusal.errors
            ],
        ) from refusal


def parse_definition(stored: Mapping[str, Any]) -> Definition:
    """A stored definition, ready to use; what older ones do not say is as it was then."""
    award = stored["award"]
    points = Decimal(award.get("points") or 0)
    per = Decimal(award.get("per") or 1)
    factor = Decimal(award.get("factor") or 1)
    condition = compile_condition(stored.get("condition") or {})
    lines = stored.get("line_condition")
    return Definition(
        kind=award["type"],
        points=points,
        per=per,
        rate=Fraction(points) / Fraction(per),
        factor=Fraction(factor),
        factor_told=factor,
        currency=award.get("currency"),
        rounding=award.get("rounding"),
        minimum=award.get("minimum", 0),
        condition=condition,
        conditional=bool(condition.source),
        asks_member=bool(condition.segments)
        or any(name.partition(".")[0] not in _OF_THE_EVENT for name in condition.facts),
        line_condition=compile_condition(lines) if lines else None,
        basis=stored.get("basis", "paid"),
        windows=tuple(_window(item) for item in stored.get("windows", ())),
        stacking=stored.get("stacking", "additive"),
        priority=stored.get("priority", 0),
        caps=tuple(Cap(**item) for item in stored.get("caps", ())),
        campaign=stored.get("campaign"),
        wallet=stored.get("wallet"),
        pending_days=stored.get("pending_days"),
        expires_after_days=stored.get("expires_after_days"),
        names=stored.get("names") or {},
    )


def _window(item: Mapping[str, Any]) -> TimeWindow:
    return TimeWindow(
        weekdays=frozenset(item.get("weekdays") or ()),
        since=time.fromisoformat(item["from"]),
        until=time.fromisoformat(item["until"]),
    )


def purchase_facts(purchase: Purchase) -> dict[str, Any]:
    """An event as conditions see it: `order.total` is a number there, to be compared."""
    facts: dict[str, Any] = {"event": purchase.data, "event.type": purchase.type}
    if purchase.type == ORDER_PLACED:
        facts["order"] = purchase.data
        facts["order.total"] = None if purchase.total is None else float(purchase.total)
    return facts


def line_facts(line: Line) -> dict[str, Any]:
    """A line as conditions see it; its amounts are numbers there, after all discounts."""
    return {
        "line": line.data,
        "line.total": float(line.paid),
        "line.price": float(line.paid / line.quantity) if line.quantity else None,
        "line.discounted": line.discount > 0,
    }
