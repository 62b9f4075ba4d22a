"""The admin's pages of the programme."""

from dxp_loyalty.web.admin import (
    approvals,
    days,
    expiry,
    members,
    occasions,
    overview,
    rewards,
    rules,
    tiers,
)
from dxp_loyalty.web.admin.blueprint import admin

__all__ = [
    "admin",
    "approvals",
    "days",
    "expiry",
    "members",
    "occasions",
    "overview",
    "rewards",
    "rules",
    "tiers",
]
