"""The admin's pages of the programme."""

from dxp_loyalty.web.admin import (
    approvals,
    campaigns,
    coupons,
    days,
    expiry,
    members,
    occasions,
    overview,
    redemptions,
    rewards,
    rules,
    simulations,
    tiers,
    wallets,
)
from dxp_loyalty.web.admin.blueprint import admin

__all__ = [
    "admin",
    "approvals",
    "campaigns",
    "coupons",
    "days",
    "expiry",
    "members",
    "occasions",
    "overview",
    "redemptions",
    "rewards",
    "rules",
    "simulations",
    "tiers",
    "wallets",
]
