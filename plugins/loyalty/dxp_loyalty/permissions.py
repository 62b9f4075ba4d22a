"""What staff and API keys may be allowed to do with points."""

from __future__ import annotations

from dxp.api import Permission
from dxp.api import lazy_gettext as _l

LEDGER_READ = "loyalty.ledger.read"
ADJUST = "loyalty.adjustments.write"
APPROVE = "loyalty.adjustments.approve"
TRANSFER = "loyalty.transfers.write"
RETURN = "loyalty.returns.write"
REDEEM = "loyalty.redemptions.write"
REVERSE = "loyalty.redemptions.reverse"
COUPONS_READ = "loyalty.coupons.read"
COUPONS_WRITE = "loyalty.coupons.write"
COUPONS_REDEEM = "loyalty.coupons.redeem"
REWARDS_READ = "loyalty.rewards.read"
REWARDS_WRITE = "loyalty.rewards.write"
RULES_READ = "loyalty.rules.read"
RULES_WRITE = "loyalty.rules.write"
TIERS_READ = "loyalty.tiers.read"
TIERS_WRITE = "loyalty.tiers.write"
OCCASIONS_READ = "loyalty.occasions.read"
OCCASIONS_WRITE = "loyalty.occasions.write"

PERMISSIONS = (
    Permission(name=LEDGER_READ, label=_l("See members' points and the programme's totals")),
    Permission(name=ADJUST, label=_l("Add and take points by hand")),
    Permission(name=APPROVE, label=_l("Decide adjustments that others asked for"), scope=False),
    Permission(name=TRANSFER, label=_l("Transfer points between members")),
    Permission(name=RETURN, label=_l("Report what of orders came back")),
    Permission(name=REDEEM, label=_l("Redeem rewards for members")),
    Permission(name=REVERSE, label=_l("Take captured redemptions back")),
    Permission(name=COUPONS_READ, label=_l("See batches of coupon codes")),
    Permission(name=COUPONS_WRITE, label=_l("Make, import, download and withdraw coupon codes")),
    Permission(name=COUPONS_REDEEM, label=_l("Check and use coupon codes, and roll uses back")),
    Permission(name=REWARDS_READ, label=_l("See rewards")),
    Permission(name=REWARDS_WRITE, label=_l("Create and change rewards")),
    Permission(name=RULES_READ, label=_l("See earning rules")),
    Permission(name=RULES_WRITE, label=_l("Create and change earning rules")),
    Permission(name=TIERS_READ, label=_l("See tiers and who has them")),
    Permission(name=TIERS_WRITE, label=_l("Change the tiers, and give tiers by hand")),
    Permission(name=OCCASIONS_READ, label=_l("See gifts for occasions and their rules")),
    Permission(
        name=OCCASIONS_WRITE,
        label=_l("Change gifts for occasions and the days of the calendar"),
    ),
)
