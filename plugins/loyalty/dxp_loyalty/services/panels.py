"""What the plugin shows on pages of others: dashboard, customer, palette, health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from dxp.api import (
    Fragment,
    FragmentContext,
    HealthCheck,
    HealthContext,
    SearchContext,
    SearchDocument,
)
from dxp.api import gettext as _
from dxp.api import lazy_gettext as _l
from dxp_loyalty.models import Entry, Hold, Lot, OccasionDate
from dxp_loyalty.permissions import ADJUST, LEDGER_READ, OCCASIONS_WRITE, REWARDS_READ
from dxp_loyalty.services.explain import is_gift, why
from dxp_loyalty.services.localized import in_locale, wallet_names
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.planning import BIRTHDAY
from dxp_loyalty.services.points_text import points_text
from dxp_loyalty.services.reports import months, totals
from dxp_loyalty.services.statements import entries_query

RECENT = 5


def fragments(ctx: FragmentContext) -> Sequence[Fragment]:
    """The dashboard's figures, a customer's points, and the wallet in the API's summary."""
    if ctx.slot == "admin.dashboard":
        return (_dashboard(ctx),)
    if ctx.slot == "admin.customer" and ctx.subject_id is not None:
        return (_customer(ctx),)
    if ctx.slot == "api.me" and ctx.subject_id is not None:
        return (_me(ctx),)
    return ()


def search_documents(ctx: SearchContext) -> Sequence[SearchDocument]:
    """Rewards whose key or name holds the text."""
    text = ctx.text.strip().casefold()
    if not ctx.actor.may(REWARDS_READ) or not text:
        return ()
    found: list[SearchDocument] = []
    for reward, version in ctx.platform.services.get(Loyalty).rewards.listed(ctx.session):
        names = [str(texts.get("name", "")) for texts in version.texts.values()]
        if any(text in name.casefold() for name in [reward.key, *names]):
            found.append(
                SearchDocument(
                    title=in_locale(ctx.platform, version.texts, ctx.locale, "name"),
                    subtitle=points_text(version.cost),
                    url=f"/admin/loyalty/rewards/{reward.id}",
                    kind=_("Reward"),
                    icon="gift",
                )
            )
    return found[: ctx.limit]


def health(ctx: HealthContext) -> Sequence[HealthCheck]:
    """Cheap signs of jobs that do not run; `dxp loyalty verify` checks the ledger itself."""
    now = ctx.platform.clock.now()
    stale = ctx.session.scalar(
        select(func.count()).select_from(Hold).where(Hold.state == "open", Hold.expires_at <= now)
    )
    late = ctx.session.scalar(
        select(func.count()).select_from(Lot).where(Lot.expires_at <= now, Lot.remaining > Lot.held)
    )
    return (
        HealthCheck(
            name="loyalty.ledger",
            ok=True,
            detail=f"{stale or 0} redemptions and {late or 0} lots of points wait to be closed",
        ),
    )


def _dashboard(ctx: FragmentContext) -> Fragment:
    return Fragment(
        key="loyalty",
        title=_l("Loyalty"),
        template="loyalty/panel_dashboard.html",
        values={
            "totals": totals(ctx.session),
            "months": months(ctx.session, ctx.now),
        },
        permission=LEDGER_READ,
        order=30,
    )


def _customer(ctx: FragmentContext) -> Fragment:
    assert ctx.subject_id is not None
    loyalty = ctx.platform.services.get(Loyalty)
    wallets = loyalty.points.wallets(ctx.session, ctx.subject_id)
    query = entries_query(ctx.subject_id, wallet=loyalty.settings.wallet)
    rows = ctx.session.execute(query.order_by(Entry.seq.desc()).limit(RECENT))
    date = ctx.session.get(OccasionDate, ctx.subject_id)
    hides_birthday = "birthday" in ctx.hidden
    gifts = [
        gift
        for gift in loyalty.occasions.gifts(ctx.session, ctx.subject_id)
        if not (hides_birthday and gift.rule.kind == BIRTHDAY)
    ]
    return Fragment(
        key="loyalty",
        title=_l("Points and gifts"),
        template="loyalty/panel_customer.html",
        values={
            "subject_id": ctx.subject_id,
            "wallets": wallets,
            "wallet_names": wallet_names(ctx.platform, wallets, ctx.locale),
            "lines": [
                {
                    "entry": row[0],
                    "why": why(
                        ctx.platform,
                        row[0],
                        note=row[1],
                        rule=row[2],
                        reward=row[3],
                        locale=ctx.locale,
                    ),
                }
                for row in rows
                # Points of a gift are booked on its day.
                if not (hides_birthday and is_gift(row[0], row[2]))
            ],
            "gifts": gifts[:3],
            "told": date is not None and not hides_birthday,
            "paused": bool(loyalty.membership.paused(ctx.session, [ctx.subject_id])),
            "may_adjust": ctx.actor.may(ADJUST),
            "may_pause": ctx.actor.may(OCCASIONS_WRITE),
        },
        permission=LEDGER_READ,
        order=10,
    )


def _me(ctx: FragmentContext) -> Fragment:
    assert ctx.subject_id is not None
    loyalty = ctx.platform.services.get(Loyalty)
    wallets = loyalty.points.wallets(ctx.session, ctx.subject_id)
    gifts = loyalty.occasions.gifts(ctx.session, ctx.subject_id)
    values: dict[str, Any] = {
        "wallets": [
            {
                "wallet": wallet.balance.wallet,
                "available": wallet.balance.available,
                "pending": wallet.balance.pending,
                "held": wallet.balance.held,
                "debt": wallet.balance.debt,
            }
            for wallet in wallets
        ],
        "gifts_waiting": sum(gift.claimable for gift in gifts),
    }
    return Fragment(key="loyalty", values=values)
