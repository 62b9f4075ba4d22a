"""Lines of the admin's menu."""

from __future__ import annotations

from dxp.api import MenuEntry
from dxp.api import lazy_gettext as _l
from dxp_loyalty.permissions import LEDGER_READ, OCCASIONS_READ, REWARDS_READ, RULES_READ

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
        label=_l("Occasions"),
        endpoint="loyalty_admin.list_occasions",
        permission=OCCASIONS_READ,
        icon="balloon",
        section="loyalty",
        order=40,
    ),
)
