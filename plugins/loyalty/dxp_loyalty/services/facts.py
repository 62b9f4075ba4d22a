"""What conditions may ask about points and gifts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from dxp.api import DecideContext, FactsContext, Proposal, gettext
from dxp.contracts import PURPOSE_BIRTHDAY, Consents
from dxp_loyalty.models import Member, OccasionDate, OccasionGrant
from dxp_loyalty.services.balances import earned_totals
from dxp_loyalty.services.birthdays import DayOfYear, next_observed
from dxp_loyalty.services.loyalty import Loyalty

GIFT_TAG = "birthday-gift"
HAS_GIFT = "loyalty.has_birthday_gift"
TIER = "loyalty.tier"
TIER_RANK = "loyalty.tier_rank"


def facts(ctx: FactsContext) -> Mapping[uuid.UUID, Mapping[str, Any]]:
    """Points and gifts of each subject: at most nine queries, whatever their number."""
    loyalty = ctx.platform.services.get(Loyalty)
    subjects = list(ctx.subject_ids)
    balances = loyalty.points.balances(ctx.session, subjects)
    earned = earned_totals(ctx.session, subjects, wallet=loyalty.settings.wallet)
    gifted = set(
        ctx.session.scalars(
            select(OccasionGrant.subject_id).where(
                OccasionGrant.subject_id.in_(subjects),
                OccasionGrant.state == "issued",
                OccasionGrant.valid_until > ctx.now,
            )
        )
    )
    days = _days_to_birthday(ctx, loyalty, subjects)
    tiers = loyalty.tiers.tiers_of(ctx.session, subjects)
    found: dict[uuid.UUID, Mapping[str, Any]] = {}
    for subject_id in subjects:
        balance = balances.get(subject_id)
        found[subject_id] = {
            "loyalty.points_available": 0 if balance is None else balance.available,
            "loyalty.points_earned_total": earned.get(subject_id, 0),
            HAS_GIFT: subject_id in gifted,
            TIER: None if (tier := tiers.get(subject_id)) is None else tier.key,
            TIER_RANK: 0 if tier is None else tier.rank,
            "loyalty.birthday_in_days": days.get(subject_id),
        }
    return found


def decide(ctx: DecideContext) -> Sequence[Proposal]:
    """Ask for what is tagged as the birthday gift while one waits to be claimed.

    The facts are empty without consent to profiling, and then nothing is proposed.
    """
    if ctx.facts.get(HAS_GIFT) is not True:
        return ()
    reason = gettext("a birthday gift waits to be claimed")
    return [
        Proposal(candidate=candidate, reason=reason)
        for candidate, tags in ctx.tags.items()
        if GIFT_TAG in tags
    ]


def _days_to_birthday(
    ctx: FactsContext, loyalty: Loyalty, subjects: Sequence[uuid.UUID]
) -> dict[uuid.UUID, int]:
    """Days to the next birthday, of those who consent to the use of the date."""
    consents = ctx.platform.services.find(Consents)
    if consents is None:
        return {}
    rows = ctx.session.scalars(
        select(OccasionDate)
        .outerjoin(Member, Member.subject_id == OccasionDate.subject_id)
        .where(OccasionDate.subject_id.in_(subjects), Member.paused.is_not(True))
    ).all()
    if not rows:
        return {}
    willing = consents.granted_many(ctx.session, [row.subject_id for row in rows], PURPOSE_BIRTHDAY)
    days: dict[uuid.UUID, int] = {}
    for row in rows:
        if row.subject_id not in willing:
            continue
        today = ctx.now.astimezone(loyalty.planner.zone_of(row)).date()
        birthday = DayOfYear(month=row.month, day=row.day, calendar=row.calendar)
        day = next_observed(birthday, today, leap_day="february_28")
        if day is not None:
            days[row.subject_id] = (day - today).days
    return days
