"""All services of the plugin, wired once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dxp.api import Platform
from dxp_loyalty.services.adjustments import Adjustments
from dxp_loyalty.services.approvals import Approvals
from dxp_loyalty.services.awarding import Awarding
from dxp_loyalty.services.balances import PointsService
from dxp_loyalty.services.campaigns import Campaigns
from dxp_loyalty.services.coupon_batches import CouponBatches
from dxp_loyalty.services.coupon_imports import CouponImports
from dxp_loyalty.services.coupons import Coupons
from dxp_loyalty.services.day_keeping import Days
from dxp_loyalty.services.earning import Earning
from dxp_loyalty.services.expiry import ExpiryPolicies
from dxp_loyalty.services.gates import Gates
from dxp_loyalty.services.handing_over import HandingOver
from dxp_loyalty.services.holds import Holds
from dxp_loyalty.services.issuing import Issuer
from dxp_loyalty.services.kinds import Kinds
from dxp_loyalty.services.ledger import Ledger
from dxp_loyalty.services.membership import Membership
from dxp_loyalty.services.merging import Merging
from dxp_loyalty.services.occasions import Occasions
from dxp_loyalty.services.people import People
from dxp_loyalty.services.planning import Planner
from dxp_loyalty.services.preview import Previews
from dxp_loyalty.services.reasons import Reasons
from dxp_loyalty.services.redemptions import Redemptions
from dxp_loyalty.services.returns import Returns
from dxp_loyalty.services.reversals import Reversals
from dxp_loyalty.services.rewards import Rewards
from dxp_loyalty.services.simulations import Simulations
from dxp_loyalty.services.terms import Terms
from dxp_loyalty.services.tier_counting import TierCounting
from dxp_loyalty.services.tier_plans import TierPlans
from dxp_loyalty.services.tier_standing import TierStandings
from dxp_loyalty.services.transfers import Transfers
from dxp_loyalty.services.undoing import Undoing
from dxp_loyalty.services.wallets import Wallets
from dxp_loyalty.settings import LoyaltySettings


class Loyalty:
    """The plugin's services, found by `platform.services.get(Loyalty)`."""

    def __init__(self, platform: Platform, values: Mapping[str, Any]) -> None:
        settings = LoyaltySettings.of(values, platform_timezone=platform.settings.locale.timezone)
        self.settings = settings
        self.tier_plans = TierPlans(platform)
        self.tier_counting = TierCounting(settings, self.tier_plans)
        self.tiers = TierStandings(platform, settings, self.tier_plans, self.tier_counting)
        self.expiry = ExpiryPolicies(platform, settings)
        self.ledger = Ledger(platform, self.tier_counting, self.expiry)
        self.reversals = Reversals(platform, self.ledger)
        self.holds = Holds(platform, self.ledger)
        self.kinds = Kinds(platform)
        self.rewards = Rewards(platform, settings, self.kinds, Gates(platform, settings))
        self.coupons = Coupons(platform, settings)
        self.coupon_batches = CouponBatches(platform, self.coupons.codes)
        self.coupon_imports = CouponImports(platform, self.coupon_batches, self.coupons.codes)
        self.redemptions = Redemptions(platform, settings, self.holds, self.rewards)
        self.terms = Terms(settings)
        self.wallets = Wallets(platform)
        self.campaigns = Campaigns(platform)
        self.earning = Earning(platform, settings)
        self.awarding = Awarding(platform, self.earning, self.ledger, self.terms)
        self.previews = Previews(platform, self.earning, self.terms)
        self.simulations = Simulations(platform, self.earning, self.awarding, self.terms)
        self.planner = Planner(platform, settings)
        self.membership = Membership(platform, self.planner)
        self.issuer = Issuer(platform, self.membership)
        self.days = Days(platform, self.membership)
        self.occasions = Occasions(
            platform, settings, self.ledger, self.redemptions, self.planner, self.membership
        )
        self.points = PointsService(platform, settings)
        self.adjustments = Adjustments(platform, settings, self.ledger)
        self.reasons = Reasons(platform)
        self.approvals = Approvals(platform, settings, self.adjustments, self.reasons)
        self.transfers = Transfers(platform, settings, self.ledger)
        handing = HandingOver(platform, self.ledger, self.reversals, self.redemptions)
        self.merging = Merging(
            platform, self.ledger, handing, self.planner, self.membership, self.tiers
        )
        self.returns = Returns(platform, self.reversals, self.merging)
        self.undoing = Undoing(platform, self.redemptions, self.reversals, self.merging)
        self.people = People(self.merging, self.redemptions, self.planner, self.membership)
