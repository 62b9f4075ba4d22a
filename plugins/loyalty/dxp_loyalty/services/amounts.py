"""Amounts of points, and who moves them."""

from __future__ import annotations

from dxp.api import Actor, CustomerActor, Unprocessable, format_number, gettext

MAX_POINTS = 10**12
"""Most points that one entry may move; it keeps every sum far from the end of BIGINT."""


def check_points(value: object) -> int:
    """`value` as an amount to move: a whole number from 1 to `MAX_POINTS`.

    Zero is refused too, so that it can never be taken to mean "all".

    Raises:
        Unprocessable: it is none (`invalid_points`).
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_POINTS:
        raise Unprocessable(
            gettext(
                "%(value)s is no amount of points, because points are whole numbers from 1 to "
                "%(most)s; send such a number",
                value=repr(value)[:40],
                most=format_number(MAX_POINTS),
            ),
            code="invalid_points",
        )
    return value


def actor_text(actor: Actor) -> str:
    """How an entry names who acted. A member is only called so: the account tells which one."""
    return "customer" if isinstance(actor, CustomerActor) else actor.key[:80]
