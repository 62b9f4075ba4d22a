"""Shares of what came back: exact in sum, in whatever parts it came."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from dxp_loyalty.services.return_shares import WHOLE, Bought, points_back, share_of_order

LINES = st.dictionaries(
    st.sampled_from(["1", "2", "3", "sku-9"]),
    st.builds(
        Bought,
        quantity=st.integers(1, 7),
        paid=st.integers(0, 10_000).map(lambda cents: Fraction(cents, 100)),
    ),
    min_size=1,
)


@settings(max_examples=200, deadline=None)
@given(bought=LINES, data=st.data())
def test_partial_returns_add_up_to_the_whole(
    bought: dict[str, Bought], data: st.DataObject
) -> None:
    """To the point, and none of them takes more than its line had earned."""
    parts = {ref: data.draw(st.integers(0, 500)) for ref in [*bought, WHOLE]}
    pieces = [ref for ref, line in bought.items() for _ in range(line.quantity)]
    back: Counter[str] = Counter()
    taken = 0
    for ref in data.draw(st.permutations(pieces)):
        back[ref] += 1
        due = points_back(parts, bought, back) - taken
        assert due >= 0
        taken += due
        exact = sum(
            Fraction(parts[line] * back[line], bought[line].quantity) for line in bought
        ) + parts[WHOLE] * share_of_order(bought, back)
        assert exact - len(parts) < taken <= exact
    assert share_of_order(bought, back) == 1
    assert taken == sum(parts.values())
