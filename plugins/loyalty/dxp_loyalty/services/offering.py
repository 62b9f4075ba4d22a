"""When a reward is on offer, how often a member had it in this period, and why not now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dxp.api import Problem, format_day, gettext
from dxp_loyalty.models import Reward, RewardVersion
from dxp_loyalty.services import refusals, windows

LIMIT_WINDOWS = ("lifetime", "year", "month", "week", "day")


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a member cannot have a reward now."""

    code: str
    detail: str

    @classmethod
    def of(cls, refusal: Problem) -> Reason:
        return cls(code=refusal.code, detail=refusal.detail)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A reward as one member sees it.

    Attributes:
        left: pieces that anybody can still have; None: without end.
    """

    reward: Reward
    version: RewardVersion
    reasons: Sequence[Reason]
    left: int | None = None

    @property
    def eligible(self) -> bool:
        return not self.reasons


def window_key(window: str, now: datetime, *, timezone: str) -> str:
    """Names the period, in a zone, in which a member's pieces are counted."""
    return windows.window_key(window, now.astimezone(ZoneInfo(timezone)))


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The day of a moment in a zone; at the ends of the calendar, which have none, that of UTC."""
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        return moment.date()


def pieces_left(reward: Reward, of_kind: int | None) -> int | None:
    """Pieces that can still be set aside; None: without end.

    Args:
        of_kind: what the kind's plugin says besides the stock; None: nothing.
    """
    of_stock = None if reward.stock is None else reward.stock - reward.reserved - reward.issued
    known = [number for number in (of_stock, of_kind) if number is not None]
    return min(known) if known else None


def inactive_because(
    reward: Reward, version: RewardVersion, now: datetime, *, timezone: str
) -> str | None:
    """Why a reward is not on offer at `now`; None when it is."""
    zone = ZoneInfo(timezone)
    if not reward.active:
        return gettext("This reward is no longer offered; choose another")
    if version.active_from is not None and now < version.active_from:
        return gettext(
            "This reward is not offered before %(day)s; come back then",
            day=format_day(local_day(version.active_from, zone)),
        )
    if version.active_until is not None and now >= version.active_until:
        return gettext(
            "This reward was offered until %(day)s and is over; choose another",
            day=format_day(local_day(version.active_until, zone)),
        )
    return None


def refusals_of(
    version: RewardVersion, *, inactive: str | None, available: int, used: int, left: int | None
) -> list[Problem]:
    """What a redemption would be refused for, besides the gate, in the order of asking."""
    found: list[Problem] = []
    if inactive is not None:
        found.append(refusals.not_active(inactive))
    if available < version.cost:
        found.append(refusals.insufficient_points(available=available, needed=version.cost))
    if version.per_member is not None and used >= version.per_member:
        found.append(refusals.limit_reached(limit=version.per_member))
    if left is not None and left < 1:
        found.append(refusals.out_of_stock())
    return found
