"""A member's tier in the words of the API and of its reader."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dxp.api import Platform, format_day, format_money, format_number, gettext, isolated, ngettext
from dxp_loyalty.models import Tier, TierPlan
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.tier_plans import amount_shown
from dxp_loyalty.services.tier_views import Goal, TierView

_EMPTY: dict[str, Any] = dict.fromkeys(
    (
        "tier",
        "since",
        "valid_until",
        "grace_until",
        "basis",
        "currency",
        "period",
        "collected",
        "collected_text",
        "next",
        "keep",
        "projected",
        "projected_from",
    )
)


def tier(platform: Platform, plan: TierPlan, item: Tier, locale: str) -> dict[str, Any]:
    """One step of the ladder."""
    return {
        "id": item.id,
        "key": item.key,
        "rank": item.rank,
        "name": in_locale(platform, item.texts, locale, "name"),
        "description": in_locale(platform, item.texts, locale, "description"),
        "threshold": plain_amount(plan, amount_shown(plan, item.threshold)),
    }


def shown(platform: Platform, view: TierView | None, locale: str) -> dict[str, Any]:
    """Where a member stands."""
    if view is None:
        return _EMPTY | {"given": False, "summary": "", "tiers": []}
    plan = view.plan

    def step(item: Tier | None) -> dict[str, Any] | None:
        return None if item is None else tier(platform, plan, item, locale)

    def goal(item: Goal | None) -> dict[str, Any] | None:
        if item is None:
            return None
        return {
            "tier": step(item.tier),
            "missing": plain_amount(plan, item.missing),
            "progress": round(item.share, 4),
            "by": item.by,
        }

    return {
        "tier": step(view.tier),
        "since": view.since,
        "valid_until": view.valid_until,
        "grace_until": view.grace_until,
        "given": view.manual,
        "basis": plan.basis,
        "currency": plan.currency,
        "period": {"kind": plan.period, "first": view.period[0], "last": view.period[1]},
        "collected": plain_amount(plan, view.amount),
        "collected_text": amount_text(plan, view.amount),
        "next": goal(view.next),
        "keep": goal(view.keep),
        "projected": step(view.projected),
        "projected_from": view.projected_from,
        "summary": summary(platform, view, locale),
        "tiers": [tier(platform, plan, item, locale) for item in view.tiers],
    }


def summary(platform: Platform, view: TierView, locale: str) -> str:
    """What the next tier takes, or what keeping the highest one does, in a sentence."""
    goal = view.next if view.next is not None else view.keep
    if goal is None:
        return gettext("You have the highest tier.")
    name = isolated(in_locale(platform, goal.tier.texts, locale, "name"))
    amount = amount_text(view.plan, goal.missing)
    if view.next is None and goal.missing == 0:
        return gettext("You have the highest tier, and keep it.")
    if view.next is None:
        return gettext(
            "%(amount)s more by %(day)s, and you keep %(tier)s.",
            amount=amount,
            day=format_day(goal.by) if goal.by is not None else "",
            tier=name,
        )
    if goal.by is None:
        return gettext("%(amount)s more to %(tier)s.", amount=amount, tier=name)
    return gettext(
        "%(amount)s more by %(day)s to %(tier)s.",
        amount=amount,
        day=format_day(goal.by),
        tier=name,
    )


def amount_text(plan: TierPlan, amount: Decimal) -> str:
    """An amount in the reader's words: points, orders or money."""
    if plan.basis == "spend":
        return format_money(amount, plan.currency or "XXX")
    count = int(amount)
    number = format_number(count)
    if plan.basis == "orders":
        return ngettext("%(number)s order", "%(number)s orders", count, number=number)
    return ngettext("%(number)s point", "%(number)s points", count, number=number)


def plain_amount(plan: TierPlan, amount: Decimal) -> str:
    """An amount for machines: `1200`, or `1200.00` of a currency."""
    if plan.basis != "spend":
        return str(int(amount))
    cents = amount.quantize(Decimal("0.01"))
    return str(cents if cents == amount else amount.normalize())
