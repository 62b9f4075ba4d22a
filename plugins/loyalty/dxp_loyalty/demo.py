"""Demo data: a small programme, and the proof that every order earned what it should."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, DemoContext, DemoReport, EventRow, HealthCheck
from dxp.contracts import OrderPlaced
from dxp_loyalty.demo_days import load_days
from dxp_loyalty.models import (
    Earning,
    EarningRule,
    EarningRuleVersion,
    Entry,
    OccasionRule,
    Reward,
)
from dxp_loyalty.services.calculation import Usage, calculate
from dxp_loyalty.services.campaigns import CampaignDraft
from dxp_loyalty.services.coupon_batches import BatchDraft
from dxp_loyalty.services.coupon_codes import CodeForm
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.invariants import verify
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.occasions import OccasionRuleDraft
from dxp_loyalty.services.purchases import purchase_of
from dxp_loyalty.services.rewards import RewardDraft
from dxp_loyalty.services.tier_plans import PlanDraft, TierDraft
from dxp_loyalty.services.wallets import WalletDraft

RULE_KEY = "one-per-dollar"
BIRTHDAY_KEY = "birthday"
REWARDS: tuple[dict[str, Any], ...] = (
    {
        "key": "gift-wrap",
        "kind": "product",
        "cost": 80,
        "texts": {
            "en": {"name": "Gift wrapping", "description": "We wrap your next order by hand."},
            "fr": {
                "name": "Emballage cadeau",
                "description": "Nous emballons votre prochaine commande à la main.",
            },
            "ar": {"name": "تغليف الهدايا", "description": "نغلّف طلبك القادم يدويًا."},
            "fa": {
                "name": "بسته‌بندی هدیه",
                "description": "سفارش بعدی شما را با دست بسته‌بندی می‌کنیم.",
            },
        },
    },
    {
        "key": "coffee-mug",
        "kind": "product",
        "cost": 250,
        "stock": 200,
        "per_member": 2,
        "texts": {
            "en": {"name": "Coffee mug", "description": "Stoneware, dishwasher safe."},
            "fr": {"name": "Tasse à café", "description": "En grès, va au lave-vaisselle."},
            "ar": {"name": "كوب قهوة", "description": "من الخزف، آمن في غسالة الأطباق."},
            "fa": {"name": "ماگ قهوه", "description": "سرامیکی، مناسب ماشین ظرف‌شویی."},
        },
    },
    {
        "key": "ten-percent",
        "kind": "discount_code",
        "cost": 400,
        "per_member": 1,
        "limit_window": "month",
        "details": {"discount_percent": 10},
        "texts": {
            "en": {"name": "10% off your next order", "description": "Once a month."},
            "fr": {
                "name": "10 % sur votre prochaine commande",
                "description": "Une fois par mois.",
            },
            "ar": {"name": "خصم 10% على طلبك القادم", "description": "مرة واحدة في الشهر."},
            "fa": {"name": "۱۰٪ تخفیف سفارش بعدی", "description": "ماهی یک بار."},
        },
    },
    {
        "key": "tea-tasting",
        "kind": "product",
        "cost": 600,
        "stock": 40,
        "per_member": 1,
        "limit_window": "year",
        "details": {"sku": "TASTING-1"},
        "gate": {"loyalty.points_earned_total": {"$gte": 1000}},
        "texts": {
            "en": {
                "name": "Evening of tea tasting",
                "description": "For those who have earned 1,000 points, once a year.",
            },
            "fr": {
                "name": "Soirée de dégustation de thé",
                "description": "Dès 1 000 points gagnés, une fois par an.",
            },
            "ar": {
                "name": "أمسية لتذوّق الشاي",
                "description": "لمن جمع 1000 نقطة، مرة واحدة في السنة.",
            },
            "fa": {
                "name": "عصرانهٔ چشیدن چای",
                "description": "برای کسانی که ۱۰۰۰ امتیاز گرفته‌اند، سالی یک بار.",
            },
        },
    },
    {
        "key": "tea-sample",
        "kind": "free_gift",
        "cost": 0,
        "per_member": 1,
        "limit_window": "week",
        "details": {"sku": "SAMPLE-1"},
        "gate": {"loyalty.points_earned_total": {"$gte": 100}},
        "texts": {
            "en": {"name": "A sample of tea", "description": "With any order, once a week."},
            "fr": {
                "name": "Un échantillon de thé",
                "description": "Avec toute commande, une fois par semaine.",
            },
            "ar": {"name": "عيّنة من الشاي", "description": "مع أي طلب، مرة في الأسبوع."},
            "fa": {"name": "یک نمونه چای", "description": "همراه هر سفارش، هفته‌ای یک بار."},
        },
    },
)
COUPONS = BatchDraft(
    key="welcome",
    name="Welcome cards",
    count=200,
    form=CodeForm(prefix="HELLO-"),
    benefit={"discount_percent": 5},
)
TIERS: tuple[tuple[str, int, dict[str, dict[str, str]]], ...] = (
    (
        "member",
        0,
        {
            "en": {"name": "Member", "description": "Welcome."},
            "fr": {"name": "Membre", "description": "Bienvenue."},
            "ar": {"name": "عضو", "description": "أهلًا بك."},
            "fa": {"name": "عضو", "description": "خوش آمدید."},
        },
    ),
    (
        "silver",
        200,
        {
            "en": {"name": "Silver", "description": "Free gift wrapping."},
            "fr": {"name": "Argent", "description": "Emballage cadeau offert."},
            "ar": {"name": "الفضي", "description": "تغليف هدايا مجاني."},
            "fa": {"name": "نقره‌ای", "description": "بسته‌بندی هدیهٔ رایگان."},
        },
    ),
    (
        "gold",
        500,
        {
            "en": {"name": "Gold", "description": "First to see what is new."},
            "fr": {"name": "Or", "description": "Les nouveautés en avant-première."},
            "ar": {"name": "الذهبي", "description": "أول من يرى الجديد."},
            "fa": {"name": "طلایی", "description": "تازه‌ها را زودتر ببینید."},
        },
    ),
)
BIRTHDAY_TEXTS = {
    "en": {"name": "Your birthday gift", "description": "Because it is your day."},
    "fr": {"name": "Votre cadeau d’anniversaire", "description": "Parce que c’est votre jour."},
    "ar": {"name": "هدية عيد ميلادك", "description": "لأن اليوم يومك."},
    "fa": {"name": "هدیهٔ تولد شما", "description": "چون امروز روز شماست."},
}


WALLETS: tuple[dict[str, Any], ...] = (
    {
        "key": "stars",
        "rounding": "down",
        "texts": {
            "en": {"name": "Stars", "description": "For large orders."},
            "fr": {"name": "Étoiles", "description": "Pour les grandes commandes."},
            "ar": {"name": "نجوم", "description": "للطلبات الكبيرة."},
            "fa": {"name": "ستاره‌ها", "description": "برای سفارش‌های بزرگ."},
        },
    },
)
CAMPAIGN: dict[str, Any] = {
    "key": "tea-season",
    "budget": 50_000,
    "texts": {
        "en": {"name": "Tea season"},
        "fr": {"name": "La saison du thé"},
        "ar": {"name": "موسم الشاي"},
        "fa": {"name": "فصل چای"},
    },
}
# The first rule alone is compared with the orders of the sample.
MORE_RULES: tuple[dict[str, Any], ...] = (
    {
        "key": "tea-season",
        "name": "Two more points for each dollar of tea",
        "definition": {
            "award": {"type": "per_amount", "points": "2", "per": "1", "currency": "USD"},
            "line_condition": {"line.category": {"$in": ["tea"]}},
            "basis": "undiscounted",
            "caps": [{"window": "month", "points": 500}],
            "campaign": "tea-season",
            "pending_days": 14,
            "names": {
                "fr": "Deux points de plus par dollar de thé",
                "ar": "نقطتان إضافيتان لكل دولار من الشاي",
                "fa": "دو امتیاز بیشتر برای هر دلار چای",
            },
        },
    },
    {
        "key": "star-for-large-orders",
        "name": "A star for a large order on the web",
        "definition": {
            "award": {"type": "fixed", "points": "1"},
            "condition": {"order.channel": {"$in": ["web"]}, "order.total": {"$gte": 100}},
            "caps": [{"window": "day", "times": 1}],
            "wallet": "stars",
            "names": {
                "fr": "Une étoile pour une grande commande en ligne",
                "ar": "نجمة لكل طلب كبير عبر الإنترنت",
                "fa": "یک ستاره برای سفارش بزرگ اینترنتی",
            },
        },
    },
    {
        "key": "weekend-double",
        "name": "Double points on Fridays and Saturdays",
        "draft": True,
        "definition": {
            "award": {"type": "multiplier", "factor": "2"},
            "windows": [{"weekdays": [5, 6]}],
            "names": {
                "fr": "Points doublés les vendredis et samedis",
                "ar": "نقاط مضاعفة يومي الجمعة والسبت",
                "fa": "امتیاز دوبرابر در جمعه و شنبه",
            },
        },
    },
)


def demo(ctx: DemoContext) -> DemoReport | None:
    """The rules before any order comes; the reconciliation after all did."""
    if ctx.stage == "prepare":
        return _prepare(ctx)
    if ctx.stage == "check":
        return DemoReport(checks=_checks(ctx))
    return None


def _prepare(ctx: DemoContext) -> DemoReport:
    loyalty = ctx.platform.services.get(Loyalty)
    settings = loyalty.settings
    with ctx.platform.db.write() as session:
        rules = set(session.scalars(select(EarningRule.key)))
        if RULE_KEY not in rules:
            draft = RuleDraft(
                key=RULE_KEY,
                name="A point for each dollar, and one for any order",
                event_type=OrderPlaced.type,
                definition={
                    "award": {
                        "type": "per_amount",
                        "points": "1",
                        "per": "1",
                        "currency": "USD",
                        "minimum": 1,
                    }
                },
            )
            loyalty.earning.create(session, draft, actor=ctx.actor)
        _prepare_programme(session, loyalty, ctx.actor)
        known = set(session.scalars(select(Reward.key)))
        for reward in REWARDS:
            if reward["key"] not in known:
                loyalty.rewards.create(session, RewardDraft(**reward), actor=ctx.actor)
        if COUPONS.key not in {batch.key for batch in loyalty.coupon_batches.listed(session)}:
            loyalty.coupon_batches.create(session, COUPONS, actor=ctx.actor)
        if BIRTHDAY_KEY not in set(session.scalars(select(OccasionRule.key))):
            occasion = OccasionRuleDraft(
                key=BIRTHDAY_KEY,
                texts=BIRTHDAY_TEXTS,
                points=settings.birthday_points,
                # One day more, so that the gift of who has birthday today is there in every zone.
                days_before=max(1, settings.birthday_days_before),
                days_after=settings.birthday_days_after,
                minimum_days=settings.birthday_minimum_days,
            )
            loyalty.occasions.create_rule(session, occasion, actor=ctx.actor)
        load_days(ctx, session)
        _prepare_tiers(session, loyalty, ctx.actor)
    return DemoReport(
        loaded={
            "earning rules": 1 + len(MORE_RULES),
            "wallets": len(WALLETS),
            "campaigns": 1,
            "rewards": len(REWARDS),
            "birthday rules": 1,
            "tiers": len(TIERS),
        }
    )


def _prepare_tiers(session: Session, loyalty: Loyalty, actor: Actor) -> None:
    plans = loyalty.tier_plans
    plan = plans.plan(session)
    if plan is None:
        draft = PlanDraft(period="rolling", months=12, grace_days=30)
        plan = plans.save_plan(session, draft, expected_version=None, actor=actor)
    known = {tier.key for tier in plans.tiers(session)}
    for key, threshold, texts in TIERS:
        if key not in known:
            step = TierDraft(key=key, threshold=Decimal(threshold), texts=texts)
            plans.add_tier(session, step, expected_version=plan.version, actor=actor)


def _prepare_programme(session: Session, loyalty: Loyalty, actor: Actor) -> None:
    """Another wallet, a campaign, and rules in four languages; one of them is a draft."""
    wallets = {wallet.key for wallet in loyalty.wallets.listed(session)}
    for wallet in WALLETS:
        if wallet["key"] not in wallets:
            loyalty.wallets.create(session, WalletDraft(**wallet), actor=actor)
    if CAMPAIGN["key"] not in {campaign.key for campaign in loyalty.campaigns.listed(session)}:
        loyalty.campaigns.create(session, CampaignDraft(**CAMPAIGN), actor=actor)
    rules = set(session.scalars(select(EarningRule.key)))
    for rule in MORE_RULES:
        if rule["key"] not in rules:
            draft = RuleDraft(event_type=OrderPlaced.type, **rule)
            loyalty.earning.create(session, draft, actor=actor)


def _checks(ctx: DemoContext) -> list[HealthCheck]:
    with ctx.platform.db.read() as session:
        orders, due, expected = 0, 0, 0
        rule, version = session.execute(
            select(EarningRule, EarningRuleVersion)
            .join(
                EarningRuleVersion,
                (EarningRuleVersion.rule_id == EarningRule.id)
                & (EarningRuleVersion.number == EarningRule.version),
            )
            .where(EarningRule.key == RULE_KEY)
        ).one()
        loyalty = ctx.platform.services.get(Loyalty)
        rules = [loyalty.earning.ready(rule.key, version)]
        programme = loyalty.terms.programme(session)
        for event_id, at, data in session.execute(
            select(EventRow.id, EventRow.occurred_at, EventRow.data)
            .where(EventRow.type == OrderPlaced.type, EventRow.subject_id.is_not(None))
            .execution_options(yield_per=500)
        ):
            orders += 1
            purchase = purchase_of(OrderPlaced.type, data, event_id=event_id, at=at)
            earned = calculate(purchase, rules, {}, Usage(), programme)
            points = sum(item.points for item in earned)
            due += points > 0
            expected += points
        entries, issued = session.execute(
            select(func.count(), func.coalesce(func.sum(Earning.points), 0)).where(
                Earning.order_id.is_not(None), Earning.rule_id == rule.id
            )
        ).one()
        total = session.scalar(select(func.count()).select_from(Entry)) or 0
        tick = ctx.progress("Ledger entries verified", total)
        seen = 0

        def progress(done: int, _all: int) -> None:
            nonlocal seen
            tick(done - seen)
            seen = done

        report = verify(session, now=ctx.platform.clock.now(), progress=progress)
    return [
        HealthCheck(
            name="loyalty.orders_earned",
            ok=(entries, int(issued)) == (due, expected),
            detail=f"{orders:,} orders, {due:,} worth a point or more; {entries:,} earn entries "
            f"of {int(issued):,} points",
            advice="Look for orders that were loaded while the rule was off.",
        ),
        HealthCheck(
            name="loyalty.invariants",
            ok=report.ok,
            detail=f"{report.accounts:,} accounts, {report.entries:,} entries, "
            f"{report.faults:,} violations of the ledger's invariants",
            advice="Run `dxp loyalty verify` for the places.",
        ),
    ]
