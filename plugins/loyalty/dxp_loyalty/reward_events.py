"""Events of rewards, redemptions and coupons; what moves points tells so by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dxp.api import EventRecord, EventType, format_number, gettext, isolated, ngettext
from dxp.api import lazy_gettext as _l
from dxp.contracts import EventPayload


@dataclass(frozen=True, kw_only=True)
class RewardChanged(EventPayload):
    """A reward was made or edited. `version` is the one that is offered from now on."""

    type: ClassVar[str] = "loyalty.reward_changed"
    reward_id: str
    reward: str
    version: int
    active: bool


@dataclass(frozen=True, kw_only=True)
class RedemptionAuthorised(EventPayload):
    """Points and one piece of a reward were set aside for a member."""

    type: ClassVar[str] = "loyalty.redemption_authorised"
    redemption_id: str
    reward: str
    points: int


@dataclass(frozen=True, kw_only=True)
class RedemptionVoided(EventPayload):
    """What was set aside went back: the member did not want it, or its time ran out."""

    type: ClassVar[str] = "loyalty.redemption_voided"
    redemption_id: str
    reward: str
    points: int


@dataclass(frozen=True, kw_only=True)
class RedemptionReversed(EventPayload):
    """A captured redemption was taken back.

    Attributes:
        points: given back now.
        whole: nothing is left of it, and the piece is in stock again.
    """

    type: ClassVar[str] = "loyalty.redemption_reversed"
    redemption_id: str
    reward: str
    points: int
    whole: bool


@dataclass(frozen=True, kw_only=True)
class CouponsChanged(EventPayload):
    """A batch of coupon codes was made, filled, delivered or withdrawn.

    Attributes:
        what: `created`, `ready`, `imported`, `delivered` or `withdrawn`.
        codes: in the batch now.
    """

    type: ClassVar[str] = "loyalty.coupons_changed"
    batch: str
    what: str
    codes: int


@dataclass(frozen=True, kw_only=True)
class CouponRedeemed(EventPayload):
    """A coupon code was used. `batch` is empty for a code that a redemption made for itself."""

    type: ClassVar[str] = "loyalty.coupon_redeemed"
    use_id: int
    batch: str


@dataclass(frozen=True, kw_only=True)
class CouponRolledBack(EventPayload):
    """A use of a coupon code was taken back: the code can be used again."""

    type: ClassVar[str] = "loyalty.coupon_rolled_back"
    use_id: int
    batch: str


def _redemption(record: EventRecord) -> str:
    points = int(record.data["points"])
    return ngettext(
        "Reward “%(reward)s”, %(points)s point",
        "Reward “%(reward)s”, %(points)s points",
        points,
        reward=isolated(record.data["reward"]),
        points=format_number(points),
    )


def _coupon(record: EventRecord) -> str:
    batch = record.data["batch"]
    return gettext("Coupons “%(batch)s”", batch=isolated(batch)) if batch else ""


REWARD_EVENTS = (
    EventType(payload=RewardChanged, label=_l("Reward changed")),
    EventType(payload=RedemptionAuthorised, label=_l("Redemption authorised"), summary=_redemption),
    EventType(payload=RedemptionVoided, label=_l("Redemption voided"), summary=_redemption),
    EventType(payload=RedemptionReversed, label=_l("Redemption taken back"), summary=_redemption),
    EventType(payload=CouponsChanged, label=_l("Coupons changed"), summary=_coupon),
    EventType(payload=CouponRedeemed, label=_l("Coupon used"), summary=_coupon),
    EventType(payload=CouponRolledBack, label=_l("Use of a coupon taken back"), summary=_coupon),
)
