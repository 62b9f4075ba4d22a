"""Amounts of points in words, in the language of the reader."""

from __future__ import annotations

from decimal import Decimal

from dxp.api import format_money, format_number, gettext, ngettext

# The plural form of fractions is that of hundreds, in every language that has one of its own.
_AS_FRACTION = 100


def points_text(points: Decimal | int) -> str:
    """Such as `25 points`."""
    return ngettext(
        "%(points)s point", "%(points)s points", _count(points), points=format_number(points)
    )


def rate_text(points: Decimal, per: Decimal, currency: str | None) -> str:
    """Such as `2 points for each $1`; without a currency the amount is of any."""
    if currency is None:
        amount = gettext("%(amount)s of any currency", amount=format_number(per))
    else:
        amount = format_money(per, currency)
    return ngettext(
        "%(points)s point for each %(per)s",
        "%(points)s points for each %(per)s",
        _count(points),
        points=format_number(points),
        per=amount,
    )


def _count(points: Decimal | int) -> int:
    return int(points) if points == int(points) else _AS_FRACTION
