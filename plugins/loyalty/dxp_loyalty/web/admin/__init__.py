"""The admin's pages of the programme."""

from dxp_loyalty.web.admin import (
    approvals,
    campaigns,
    days,
    expiry,
    members,
    occasions,
    overview,
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
    "days",
    "expiry",
    "members",
    "occasions",
    "overview",
    "rewards",
    "rules",
    "simulations",
    "tiers",
    "wallets",
]
