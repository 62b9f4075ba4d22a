"""Events that the plugin raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dxp.api import EventRecord, EventType, format_number, gettext, isolated, ngettext
from dxp.api import lazy_gettext as _l
from dxp.contracts import EventPayload

SOURCE = "loyalty"
"""Source of the ledger's events; with it their `external_id` (`account:seq`) is unique."""


@dataclass(frozen=True, kw_only=True)
class PointsMoved(EventPayload):
    """An entry was written: one event for each.

    Attributes:
        account_id, seq: the entry.
        points: signed.
        balance: of the account after it.
        entry_source: what caused the entry.
    """

    account_id: str
    seq: int
    wallet: str
    points: int
    balance: int
    entry_source: str


@dataclass(frozen=True, kw_only=True)
class PointsEarned(PointsMoved):
    """A member earned points, by a rule or by a gift."""

    type: ClassVar[str] = "loyalty.points_earned"


@dataclass(frozen=True, kw_only=True)
class PointsSpent(PointsMoved):
    """A member's points were taken for a reward."""

    type: ClassVar[str] = "loyalty.points_spent"


@dataclass(frozen=True, kw_only=True)
class PointsExpired(PointsMoved):
    """Points reached the end of their life unused."""

    type: ClassVar[str] = "loyalty.points_expired"


@dataclass(frozen=True, kw_only=True)
class PointsAdjusted(PointsMoved):
    """Staff, or another system, added or took points by hand."""

    type: ClassVar[str] = "loyalty.points_adjusted"


@dataclass(frozen=True, kw_only=True)
class PointsReversed(PointsMoved):
    """An earlier entry was taken back, wholly or in part."""

    type: ClassVar[str] = "loyalty.points_reversed"


@dataclass(frozen=True, kw_only=True)
class PointsTransferred(PointsMoved):
    """Points moved between two accounts; one event for each side."""

    type: ClassVar[str] = "loyalty.points_transferred"


@dataclass(frozen=True, kw_only=True)
class RewardRedeemed(EventPayload):
    """A member got a reward. `points` is 0 when it was a gift."""

    type: ClassVar[str] = "loyalty.reward_redeemed"
    redemption_id: str
    reward: str
    points: int


@dataclass(frozen=True, kw_only=True)
class BirthdayGiftIssued(EventPayload):
    """A birthday gift waits for its member. It names no grant and no date, so that it tells
    nothing of the birthday once the person is erased."""

    type: ClassVar[str] = "loyalty.birthday_gift_issued"
    rule: str
    points: int
    reward: str | None = None


@dataclass(frozen=True, kw_only=True)
class BirthdayGiftClaimed(EventPayload):
    """A member took a birthday gift."""

    type: ClassVar[str] = "loyalty.birthday_gift_claimed"
    rule: str
    points: int


@dataclass(frozen=True, kw_only=True)
class OccasionGiftIssued(EventPayload):
    """A member has the gift of another occasion: the sign-up's anniversary, a day of the calendar.

    `kind` is `signup` or `calendar`.
    """

    type: ClassVar[str] = "loyalty.occasion_gift_issued"
    rule: str
    kind: str
    points: int
    reward: str | None = None


@dataclass(frozen=True, kw_only=True)
class OccasionGiftClaimed(EventPayload):
    """A member took the gift of an occasion other than the birthday."""

    type: ClassVar[str] = "loyalty.occasion_gift_claimed"
    rule: str
    kind: str
    points: int


@dataclass(frozen=True, kw_only=True)
class PointsExpiring(EventPayload):
    """Points end soon unless they are spent: told once for each moment and number of days ahead.

    Attributes:
        points: that end at `expires_at`, without those that redemptions have set aside.
        days: at most so many are left.
    """

    type: ClassVar[str] = "loyalty.points_expiring"
    wallet: str
    points: int
    expires_at: str
    days: int


@dataclass(frozen=True, kw_only=True)
class AdjustmentAsked(EventPayload):
    """An adjustment waits for a second person. The ledger has nothing of it yet."""

    type: ClassVar[str] = "loyalty.adjustment_asked"
    request_id: str
    points: int


@dataclass(frozen=True, kw_only=True)
class OrderReturned(EventPayload):
    """Pieces of an order came back, and what they did to points was undone.

    Attributes:
        lines: pieces by line, named as in the order.
        points_taken: that the lines had earned; `points_given`: that were spent on them.
    """

    type: ClassVar[str] = "loyalty.order_returned"
    order_id: str
    return_id: str
    lines: dict[str, int]
    points_taken: int
    points_given: int


@dataclass(frozen=True, kw_only=True)
class TierChanged(EventPayload):
    """A member moved to another tier.

    Attributes:
        tier: key of the tier that counts now; None: below the lowest. `rank` is 0 then.
        cause: `earned`, `returned`, `ended`, `manual`, `manual_ended`, `ladder` or `merged`.
        valid_until: last day of the tier in the programme's zone; None: it has no end.
    """

    type: ClassVar[str] = "loyalty.tier_changed"
    tier: str | None
    rank: int
    from_tier: str | None
    cause: str
    valid_until: str | None


MOVED_BY_KIND: dict[str, type[PointsMoved]] = {
    "earn": PointsEarned,
    "spend": PointsSpent,
    "expire": PointsExpired,
    "adjust": PointsAdjusted,
    "reverse": PointsReversed,
    "transfer": PointsTransferred,
}


def _moved(record: EventRecord) -> str:
    points = int(record.data["points"])
    return ngettext(
        "%(points)s point, balance %(balance)s",
        "%(points)s points, balance %(balance)s",
        abs(points),
        points=format_number(points, signed=True),
        balance=format_number(int(record.data["balance"])),
    )


def _redeemed(record: EventRecord) -> str:
    points = int(record.data["points"])
    return ngettext(
        "Reward “%(reward)s” for %(points)s point",
        "Reward “%(reward)s” for %(points)s points",
        points,
        reward=isolated(record.data["reward"]),
        points=format_number(points),
    )


def _gift(record: EventRecord) -> str:
    points = int(record.data["points"])
    return ngettext(
        "Gift of %(points)s point",
        "Gift of %(points)s points",
        points,
        points=format_number(points),
    )


def _returned(record: EventRecord) -> str:
    points = int(record.data["points_taken"])
    return ngettext(
        "Order %(order)s: %(points)s point taken back",
        "Order %(order)s: %(points)s points taken back",
        points,
        order=isolated(record.data["order_id"]),
        points=format_number(points),
    )


def _asked(record: EventRecord) -> str:
    points = int(record.data["points"])
    return ngettext(
        "%(points)s point wait for a second person",
        "%(points)s points wait for a second person",
        abs(points),
        points=format_number(points, signed=True),
    )


def _expiring(record: EventRecord) -> str:
    points = int(record.data["points"])
    return ngettext(
        "%(points)s point, at the latest in %(days)s days",
        "%(points)s points, at the latest in %(days)s days",
        points,
        points=format_number(points),
        days=format_number(int(record.data["days"])),
    )


def _tier(record: EventRecord) -> str:
    return gettext(
        "From “%(before)s” to “%(after)s”",
        before=isolated(record.data.get("from_tier") or "–"),
        after=isolated(record.data.get("tier") or "–"),
    )


EVENTS = (
    EventType(payload=PointsEarned, ledger=True, label=_l("Points earned"), summary=_moved),
    EventType(payload=PointsSpent, ledger=True, label=_l("Points spent"), summary=_moved),
    EventType(payload=PointsExpired, ledger=True, label=_l("Points expired"), summary=_moved),
    EventType(payload=PointsAdjusted, ledger=True, label=_l("Points adjusted"), summary=_moved),
    EventType(payload=PointsReversed, ledger=True, label=_l("Points taken back"), summary=_moved),
    EventType(
        payload=PointsTransferred, ledger=True, label=_l("Points transferred"), summary=_moved
    ),
    EventType(payload=RewardRedeemed, label=_l("Reward redeemed"), summary=_redeemed),
    EventType(
        payload=BirthdayGiftIssued,
        label=_l("Birthday gift issued"),
        summary=_gift,
        reveals=("birthday",),
    ),
    EventType(
        payload=BirthdayGiftClaimed,
        label=_l("Birthday gift claimed"),
        summary=_gift,
        reveals=("birthday",),
    ),
    EventType(payload=OccasionGiftIssued, label=_l("Gift issued"), summary=_gift),
    EventType(payload=OccasionGiftClaimed, label=_l("Gift claimed"), summary=_gift),
    EventType(payload=OrderReturned, label=_l("Order returned"), summary=_returned),
    EventType(payload=AdjustmentAsked, label=_l("Adjustment asked for"), summary=_asked),
    EventType(payload=PointsExpiring, label=_l("Points expire soon"), summary=_expiring),
    EventType(payload=TierChanged, label=_l("Tier changed"), summary=_tier),
)
