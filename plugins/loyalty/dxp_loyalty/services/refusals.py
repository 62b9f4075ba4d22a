"""The refusals of the programme, each with its stable code."""

from __future__ import annotations

from dxp.api import (
    Conflict,
    NotFound,
    PreconditionFailed,
    Unprocessable,
    format_number,
    gettext,
)


def insufficient_points(*, available: int, needed: int) -> Unprocessable:
    """The member has fewer points to spend than it takes."""
    return Unprocessable(
        gettext(
            "This takes %(needed)s points and only %(available)s can be spent now; "
            "choose something that costs less, or wait for more points",
            needed=format_number(needed),
            available=format_number(available),
        ),
        code="insufficient_points",
        extra={"available": available, "missing": needed - available},
    )


def out_of_stock() -> Unprocessable:
    """All pieces are issued or reserved."""
    return Unprocessable(
        gettext(
            "No piece of this reward is left, because all are given or set aside; "
            "choose another reward, or try again later"
        ),
        code="out_of_stock",
    )


def limit_reached(*, limit: int) -> Unprocessable:
    """The member already has as many pieces as one may have."""
    return Unprocessable(
        gettext(
            "A member may have this reward %(limit)s times in its period and this one already "
            "does; choose another reward",
            limit=limit,
        ),
        code="limit_reached",
    )


def coupon_spent() -> Unprocessable:
    """The code was used as often as it may be, or for this order already."""
    return Unprocessable(
        gettext(
            "This coupon was used already, as often as it may be or for this very order; "
            "use another"
        ),
        code="limit_reached",
    )


def tier_required() -> Unprocessable:
    """The reward is for members of other tiers."""
    return Unprocessable(
        gettext(
            "This reward is for members of certain tiers and yours is not among them yet; "
            "choose another, or come back when you have reached one"
        ),
        code="tier_required",
    )


def not_eligible() -> Unprocessable:
    """The reward is for other members."""
    return Unprocessable(
        gettext("This reward is for certain members and you are not among them; choose another"),
        code="not_eligible",
    )


def not_active(detail: str) -> Unprocessable:
    """The thing is switched off, not yet begun, or over."""
    return Unprocessable(detail, code="not_active")


def over_reversal(*, possible: int) -> Unprocessable:
    """More would be taken back than the entry moved."""
    return Unprocessable(
        gettext(
            "Only %(possible)s points of this entry can still be taken back, because the rest "
            "already was or never was part of it; ask for fewer",
            possible=format_number(possible),
        ),
        code="over_reversal",
        extra={"possible": possible},
    )


def over_return(*, line: str, possible: int) -> Unprocessable:
    """More would come back of a line than was bought, less what came back before."""
    return Unprocessable(
        gettext(
            "Only %(possible)s pieces of line “%(line)s” can still come back, because no more were "
            "bought or they came back before; send fewer",
            possible=format_number(possible),
            line=line,
        ),
        code="over_reversal",
        extra={"possible": possible},
    )


def hold_not_open(detail: str) -> Conflict:
    """The redemption was captured, voided or has run out of time."""
    return Conflict(detail, code="hold_not_open")


def unknown(thing: str, *, code: str) -> NotFound:
    """Nothing has this id, or it belongs to somebody else: the answer does not tell which."""
    return NotFound(
        gettext(
            "There is no such %(thing)s here; it may be another member's or from another "
            "environment: check the id",
            thing=thing,
        ),
        code=code,
    )


def rule_key_taken(key: str, *, code: str) -> Conflict:
    """Another rule has the key."""
    return Conflict(
        gettext("Another rule has the key “%(key)s”, and keys are unique; choose another", key=key),
        code=code,
    )


def reward_key_taken(key: str) -> Conflict:
    """Another reward has the key."""
    return Conflict(
        gettext(
            "Another reward has the key “%(key)s”, and keys are unique; choose another", key=key
        ),
        code="reward_key_taken",
    )


def key_taken(key: str, *, code: str) -> Conflict:
    """Something else of the kind has the key."""
    return Conflict(
        gettext(
            "The key “%(key)s” is taken, and keys are unique among their kind; choose another",
            key=key,
        ),
        code=code,
    )


def changed(*, actual: int, expected: int, code: str) -> PreconditionFailed:
    """Somebody else was faster."""
    return PreconditionFailed(
        gettext(
            "This is at version %(actual)s and the edit began from version %(expected)s, because "
            "somebody changed it meanwhile; load it again and repeat the edit",
            actual=actual,
            expected=expected,
        ),
        code=code,
    )


def budget_too_small(*, spent: int) -> Unprocessable:
    """More points are given than the new budget holds."""
    return Unprocessable(
        gettext(
            "The campaign has given %(spent)s points already, and a budget cannot be smaller; "
            "give at least that, or end the campaign",
            spent=format_number(spent),
        ),
        code="budget_too_small",
        extra={"spent": spent},
    )


def rule_changed(*, actual: int, expected: int) -> PreconditionFailed:
    """Somebody else was faster."""
    return PreconditionFailed(
        gettext(
            "The rule is at version %(actual)s and this edit began from version "
            "%(expected)s, because somebody changed it meanwhile; load it again and "
            "repeat the edit",
            actual=actual,
            expected=expected,
        ),
        code="rule_changed",
    )


def tiers_changed() -> PreconditionFailed:
    """Somebody else was faster."""
    return PreconditionFailed(
        gettext(
            "The edit began from an older version of the tiers, because somebody changed them "
            "meanwhile; load them again and repeat the edit"
        ),
        code="tiers_changed",
    )


def policy_changed() -> PreconditionFailed:
    """Somebody else was faster."""
    return PreconditionFailed(
        gettext(
            "The edit began from an older version of the policy, because somebody changed it "
            "meanwhile; load it again and repeat the edit"
        ),
        code="policy_changed",
    )


def reward_changed(*, actual: int, expected: int) -> PreconditionFailed:
    """Somebody else was faster."""
    return PreconditionFailed(
        gettext(
            "The reward is at version %(actual)s and this edit began from version "
            "%(expected)s, because somebody changed it meanwhile; load it again and "
            "repeat the edit",
            actual=actual,
            expected=expected,
        ),
        code="reward_changed",
    )
