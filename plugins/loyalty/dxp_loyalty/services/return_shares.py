"""How much of points belongs to what came back: exact in sum, whatever the parts.

All is reckoned from the whole of what came back so far: the share of all returns together is
rounded down, and a return gets what its predecessors left of it. So partial returns add up to
the whole to the point, in any order and any number of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from dxp_loyalty.models import Order

WHOLE = ""
"""Stands for an order without lines, and for points of no line in particular."""


@dataclass(frozen=True, kw_only=True)
class Bought:
    """A line of an order: pieces, and what was paid for all of them."""

    quantity: int
    paid: Fraction


def share_of_order(bought: Mapping[str, Bought], back: Mapping[str, int]) -> Fraction:
    """The part of an order's value that came back, from 0 to 1; by pieces when all was free."""
    total = sum((line.paid for line in bought.values()), Fraction(0))
    if total > 0:
        value = sum(
            (line.paid * back.get(ref, 0) / line.quantity for ref, line in bought.items()),
            Fraction(0),
        )
        return value / total
    pieces = sum(line.quantity for line in bought.values())
    return Fraction(sum(back.values()), pieces) if pieces else Fraction(1)


def points_back(
    parts: Mapping[str, int], bought: Mapping[str, Bought], back: Mapping[str, int]
) -> int:
    """Points to be back after all that came back so far.

    Args:
        parts: points by the line that earned them; those of no line follow the order's value.
        back: pieces by line, of all returns together.
    """
    share = share_of_order(bought, back)
    found = 0
    for ref, points in parts.items():
        line = bought.get(ref)
        exact = share if line is None else Fraction(back.get(ref, 0), line.quantity)
        found += int(points * exact)
    return found


def bought_of(order: Order) -> dict[str, Bought]:
    """The lines of an order, or the order itself when it has none."""
    lines = {
        str(line["ref"]): Bought(
            quantity=max(int(line.get("quantity") or 1), 1), paid=_money(line.get("total"))
        )
        for line in order.lines
    }
    return lines or {WHOLE: Bought(quantity=1, paid=_money(order.total))}


def _money(text: Any) -> Fraction:
    try:
        return Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)
