"""Amounts of points, as sentences."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dxp_loyalty.services.points_text import points_text, rate_text


@pytest.mark.parametrize(
    ("points", "text"),
    [(1, "1 point"), (0, "0 points"), (1200, "1,200 points"), (Decimal("0.5"), "0.5 points")],
)
def test_one_point_is_no_plural(points: Decimal | int, text: str) -> None:
    """And half a point is."""
    assert points_text(points) == text


@pytest.mark.parametrize(
    ("points", "per", "currency", "text"),
    [
        ("1", "1", "USD", "1 point for each $1"),
        ("2", "2.5", "EUR", "2 points for each €2.50"),
        ("1", "100", None, "1 point for each 100 of any currency"),
    ],
)
def test_a_rate_says_for_what(points: str, per: str, currency: str | None, text: str) -> None:
    """A rule without a currency counts every one alike."""
    assert rate_text(Decimal(points), Decimal(per), currency) == text
