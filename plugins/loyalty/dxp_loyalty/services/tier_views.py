"""One member's tier as it is to be shown: where they stand, what is missing, what comes next."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from dxp_loyalty.models import Tier, TierPlan, TierStanding
from dxp_loyalty.services.tier_counting import TierCounting
from dxp_loyalty.services.tier_plans import Steps, TierPlans, amount_shown
from dxp_loyalty.services.tier_rules import Course
from dxp_loyalty.services.tier_standing import TierStandings


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A tier to reach, or to keep: how much is missing, until when it can be collected.

    Attributes:
        share: of the threshold that is there, from 0 to 1.
        by: last day; None: the period moves along.
    """

    tier: Tier
    missing: Decimal
    share: float
    by: date | None


@dataclass(frozen=True, kw_only=True)
class TierView:
    """Where a member stands today.

    Attributes:
        amount: collected in the period that counts, in points, orders or the plan's currency.
        valid_until: last day of the tier; `grace_until` of its grace. None: it has no end.
        projected: the tier after that, if nothing more is collected; from `projected_from` on.
        next: the next higher tier; None at the top.
        keep: what the tier takes to last longer; None when it has no end, or staff gave it.
    """

    plan: TierPlan
    tiers: Sequence[Tier]
    tier: Tier | None
    amount: Decimal
    period: tuple[date, date]
    since: date | None
    valid_until: date | None
    grace_until: date | None
    manual: bool
    projected: Tier | None
    projected_from: date | None
    next: Goal | None
    keep: Goal | None


def tier_view(
    session: Session,
    subject_id: uuid.UUID,
    *,
    plans: TierPlans,
    counting: TierCounting,
    standings: TierStandings,
) -> TierView | None:
    """Where a member stands, reckoned for this moment; None while there are no tiers."""
    steps = plans.ladder(session)
    if steps is None:
        return None
    standing = session.get(TierStanding, subject_id)
    days = counting.by_day(session, [subject_id])[subject_id]
    today = standings.today
    course = standings.course(steps, standing, days)
    held = standings.held(steps, standing, course)
    ahead = held.until if held.manual else None
    change_on = course.check_on if ahead is None else _next_day(ahead)
    later = None
    if change_on is not None:
        there = standings.course(steps, standing, days, today=change_on)
        later = steps.tier(there.state.level)
    grace = steps.plan.grace_days
    return TierView(
        plan=steps.plan,
        tiers=steps.tiers,
        tier=steps.tier(held.level),
        amount=amount_shown(steps.plan, course.amount),
        period=steps.rules.window(today),
        since=None if standing is None else standing.since,
        valid_until=held.until,
        grace_until=None
        if held.until is None or held.manual or not grace or course.check_on is None
        else date.fromordinal(course.check_on.toordinal() - 1),
        manual=held.manual,
        projected=later,
        projected_from=change_on,
        next=_next(steps, course, held.level, today),
        keep=None if held.manual else _keep(steps, course, days),
    )


def _next_day(day: date) -> date:
    return date.fromordinal(min(day.toordinal() + 1, date.max.toordinal()))


def _next(steps: Steps, course: Course, level: int, today: date) -> Goal | None:
    above = steps.tier(level + 1)
    if above is None:
        return None
    by = steps.rules.window(today)[1] if steps.plan.period == "calendar_year" else None
    return _goal(steps, above, course.amount, by)


def _keep(steps: Steps, course: Course, days: dict[date, int]) -> Goal | None:
    until, tier = course.state.until, steps.tier(course.state.level)
    if until is None or tier is None:
        return None
    if steps.plan.period == "rolling":
        return _goal(steps, tier, course.amount, until)
    amount = sum(amount for day, amount in days.items() if day.year == until.year)
    return _goal(steps, tier, amount, until)


def _goal(steps: Steps, tier: Tier, amount: int, by: date | None) -> Goal:
    missing = max(tier.threshold - amount, 0)
    share = 1.0 if tier.threshold == 0 else min(max(amount / tier.threshold, 0.0), 1.0)
    return Goal(tier=tier, missing=amount_shown(steps.plan, missing), share=share, by=by)
