"""What the plugin's facts are, and what changes them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, func, literal, null, select
from sqlalchemy.orm import Session

from dxp.api import ColumnValue, FactField, FactFieldsContext, SqlValue
from dxp.api import lazy_gettext as _l
from dxp_loyalty.events import MOVED_BY_KIND, RewardRedeemed, TierChanged
from dxp_loyalty.models import Account, Lot, Tier, TierStanding
from dxp_loyalty.reward_events import RedemptionAuthorised, RedemptionVoided
from dxp_loyalty.services.accounts import is_spendable
from dxp_loyalty.services.balances import next_moments
from dxp_loyalty.services.facts import HAS_GIFT, TIER, TIER_RANK
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.loyalty import Loyalty

_MOVES = (
    *(kind.type for kind in MOVED_BY_KIND.values()),
    RewardRedeemed.type,
    RedemptionAuthorised.type,
    RedemptionVoided.type,
)


def fact_fields(ctx: FactFieldsContext) -> list[FactField]:
    """Points follow their events, and the moments at which they mature and end; what a birthday
    brings changes by time alone."""
    platform = ctx.platform
    loyalty = platform.services.get(Loyalty)
    wallet = loyalty.settings.wallet
    steps = loyalty.tier_plans.ladder(ctx.session)
    tiers = [] if steps is None else steps.tiers
    floor = None if steps is None else steps.tier(steps.rules.floor)

    def available(subject: Any, dialect: str) -> SqlValue:
        rows = (
            select(func.coalesce(func.sum(Lot.remaining - Lot.held), 0))
            .join(Account, Account.id == Lot.account_id)
            .where(
                Account.subject_id == subject,
                Account.wallet == wallet,
                is_spendable(platform.clock.now()),
            )
        )
        value = rows.correlate_except(Account, Lot).scalar_subquery()
        return ColumnValue(value, "number", dialect=dialect)

    def next_change(
        session: Session, subject_ids: Sequence[uuid.UUID], now: datetime
    ) -> Mapping[uuid.UUID, datetime]:
        return next_moments(session, subject_ids, now, wallet=wallet)

    def standing(column: Any, subject: Any, otherwise: Any) -> Any:
        if steps is None:
            return otherwise
        rows = (
            select(column)
            .join(TierStanding, TierStanding.tier_id == Tier.id)
            .where(TierStanding.subject_id == subject)
        )
        value = rows.correlate_except(Tier, TierStanding).scalar_subquery()
        return func.coalesce(value, otherwise)

    def tier(subject: Any, dialect: str) -> SqlValue:
        lowest = cast(null(), String) if floor is None else literal(floor.key)
        return ColumnValue(standing(Tier.key, subject, lowest), "string", dialect=dialect)

    def tier_rank(subject: Any, dialect: str) -> SqlValue:
        lowest = literal(0 if floor is None else floor.rank)
        return ColumnValue(standing(Tier.rank, subject, lowest), "number", dialect=dialect)

    def earned(subject: Any, dialect: str) -> SqlValue:
        rows = select(Account.earned).where(Account.subject_id == subject, Account.wallet == wallet)
        value = rows.correlate_except(Account).scalar_subquery()
        return ColumnValue(func.coalesce(value, 0), "number", dialect=dialect)

    return [
        FactField(
            name="loyalty.points_available",
            label=_l("Points available"),
            kind="number",
            changed_by=_MOVES,
            sql=available,
            next_change=next_change,
        ),
        FactField(
            name=TIER,
            label=_l("Tier"),
            kind="text",
            choices=[
                (one.key, in_locale(platform, one.texts, ctx.locale, "name")) for one in tiers
            ],
            changed_by=(TierChanged.type,),
            sql=tier,
        ),
        FactField(
            name=TIER_RANK,
            label=_l("Rank of the tier, from 1"),
            kind="number",
            changed_by=(TierChanged.type,),
            sql=tier_rank,
        ),
        FactField(
            name="loyalty.points_earned_total",
            label=_l("Points ever earned"),
            kind="number",
            changed_by=_MOVES,
            sql=earned,
        ),
        FactField(
            name=HAS_GIFT,
            label=_l("A birthday gift waits"),
            kind="boolean",
            in_segments=False,
            reveals=("birthday",),
        ),
        FactField(
            name="loyalty.birthday_in_days",
            label=_l("Days to the birthday"),
            kind="number",
            in_segments=False,
            reveals=("birthday",),
        ),
    ]
