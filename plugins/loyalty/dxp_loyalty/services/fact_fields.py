"""What the plugin's facts are, and what changes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from dxp.api import ColumnValue, FactField, Platform, SqlValue
from dxp.api import lazy_gettext as _l
from dxp_loyalty.events import MOVED_BY_KIND, RewardRedeemed
from dxp_loyalty.models import Account
from dxp_loyalty.services.facts import HAS_GIFT
from dxp_loyalty.services.loyalty import Loyalty

_MOVES = (*(kind.type for kind in MOVED_BY_KIND.values()), RewardRedeemed.type)


def fact_fields(platform: Platform) -> list[FactField]:
    """Points follow their events; what a birthday brings changes by time alone."""
    wallet = platform.services.get(Loyalty).settings.wallet

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
        ),
        FactField(
            name="loyalty.birthday_in_days",
            label=_l("Days to the birthday"),
            kind="number",
            in_segments=False,
        ),
    ]
