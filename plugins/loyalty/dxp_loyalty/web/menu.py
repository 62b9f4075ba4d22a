"""Lines of the admin's menu."""

from __future__ import annotations

from dxp.api import MenuEntry
from dxp.api import lazy_gettext as _l
from dxp_loyalty.permissions import (
    APPROVE,
    COUPONS_READ,
    LEDGER_READ,
    OCCASIONS_READ,
    REWARDS_READ,
    RULES_READ,
    TIERS_READ,
)

MENU = (
    MenuEntry(
        label=_l("Programme"),
        endpoint="loyalty_admin.overview",
        permission=LEDGER_READ,
        icon="graph-up",
        section="loyalty",
        order=10,
    ),
    MenuEntry(
        label=_l("Earning rules"),
        endpoint="loyalty_admin.list_rules",
        permission=RULES_READ,
        icon="coin",
        section="loyalty",
        order=20,
    ),
    MenuEntry(
        label=_l("Rewards"),
        endpoint="loyalty_admin.list_rewards",
        permission=REWARDS_READ,
        icon="gift",
        section="loyalty",
        order=30,
    ),
    MenuEntry(
        label=_l("Redemptions"),
        endpoint="loyalty_admin.list_redemptions",
        permission=LEDGER_READ,
        icon="bag-check",
        section="loyalty",
        order=32,
    ),
    MenuEntry(
        label=_l("Coupons"),
        endpoint="loyalty_admin.list_coupons",
        permission=COUPONS_READ,
        icon="ticket-perforated",
        section="loyalty",
        order=34,
    ),
    MenuEntry(
        label=_l("Occasions"),
        endpoint="loyalty_admin.list_occasions",
        permission=OCCASIONS_READ,
        icon="balloon",
        section="loyalty",
        order=40,
    ),
    MenuEntry(
        label=_l("Tiers"),
        endpoint="loyalty_admin.list_tiers",
        permission=TIERS_READ,
        icon="bar-chart-steps",
        section="loyalty",
        order=50,
    ),
    MenuEntry(
        label=_l("Expiry"),
        endpoint="loyalty_admin.show_expiry",
        permission=LEDGER_READ,
        icon="hourglass-split",
        section="loyalty",
        order=60,
    ),
    MenuEntry(
        label=_l("Adjustments"),
        endpoint="loyalty_admin.list_requests",
        permission=APPROVE,
        icon="people",
        section="loyalty",
        order=70,
    ),
)
