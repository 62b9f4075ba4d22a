"""An event as rules see it: an order with its lines, or something else that happened.

Amounts are exact fractions: what a rule gives must not depend on how a division was rounded.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from dxp.contracts import OrderPlaced

ORDER_PLACED = OrderPlaced.type
WHOLE = ""
"""Stands for the order as a whole where points are told by line."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One item of an order.

    Attributes:
        ref: what a return names it by; unique in its order.
        paid: for all pieces of it, after its share of any discount on the whole order.
        discount: what was taken off before, the share of the whole order's discount with it.
        data: as it was told.
    """

    ref: str
    paid: Fraction
    discount: Fraction
    data: Mapping[str, Any]

    @property
    def quantity(self) -> int:
        return int(self.data.get("quantity", 1))


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """What happened: an order, or with `total` None anything else that may earn."""

    event_id: uuid.UUID
    type: str
    at: datetime
    data: Mapping[str, Any]
    total: Fraction | None = None
    lines: Sequence[Line] = field(default=())

    @property
    def currency(self) -> str | None:
        value = self.data.get("currency")
        return None if value is None else str(value)


def purchase_of(
    event_type: str, data: Mapping[str, Any], *, event_id: uuid.UUID, at: datetime
) -> Purchase:
    """An event's data, read for rules.

    Lines that add up to more than the order's total were reduced together, as by a coupon: each
    bears its share. What the total holds beyond the lines, such as postage, belongs to no line.
    """
    total = _amount(data.get("total")) if event_type == ORDER_PLACED else None
    lines = () if total is None else _lines(data.get("lines") or (), total)
    return Purchase(event_id=event_id, type=event_type, at=at, data=data, total=total, lines=lines)


def _lines(told: Sequence[Mapping[str, Any]], total: Fraction) -> tuple[Line, ...]:
    prices = [_amount(item.get("total")) or Fraction(0) for item in told]
    in_all = sum(prices, Fraction(0))
    share = total / in_all if in_all > total else Fraction(1)
    refs: dict[str, None] = {}
    lines: list[Line] = []
    for number, (item, price) in enumerate(zip(told, prices, strict=True), 1):
        ref = str(item.get("line_id") or number)
        if ref in refs:
            ref = f"#{number}"
        refs[ref] = None
        paid = price * share
        discount = (_amount(item.get("discount")) or Fraction(0)) + price - paid
        lines.append(Line(ref=ref, paid=paid, discount=discount, data=item))
    return tuple(lines)


def spread(points: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Points by key in proportion to the weights, whole, adding up to `points` exactly.

    The largest remainders are rounded up, the first of equal ones first. Without any weight they
    belong to the order as a whole.
    """
    in_all = sum(weights.values(), Fraction(0))
    if in_all <= 0:
        return {WHOLE: points}
    exact = {key: points * weight / in_all for key, weight in weights.items()}
    found = {key: int(value) for key, value in exact.items()}
    missing = points - sum(found.values())
    order = sorted(exact, key=lambda key: found[key] - exact[key])
    for key in order[:missing]:
        found[key] += 1
    return {key: value for key, value in found.items() if value}


def _amount(value: object) -> Fraction | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None
