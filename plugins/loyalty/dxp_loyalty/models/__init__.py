"""The plugin's tables."""

from dxp_loyalty.models.accounts import GENESIS, Account, Entry, EntryNote, Lot, LotMove
from dxp_loyalty.models.approvals import AdjustmentReason, AdjustmentRequest
from dxp_loyalty.models.coupons import CouponBatch, CouponCode, CouponUse
from dxp_loyalty.models.earning import (
    Campaign,
    CapCounter,
    EarningRule,
    EarningRuleVersion,
    WalletDefinition,
)
from dxp_loyalty.models.expiry import ExpiryPolicy, ExpiryWarning
from dxp_loyalty.models.occasions import (
    Member,
    OccasionDate,
    OccasionDay,
    OccasionGrant,
    OccasionRule,
)
from dxp_loyalty.models.orders import Earning, Order
from dxp_loyalty.models.returns import OrderReturn
from dxp_loyalty.models.rewards import (
    Hold,
    HoldLot,
    Reward,
    RewardCounter,
    RewardVersion,
)
from dxp_loyalty.models.simulations import Simulation
from dxp_loyalty.models.tiers import Tier, TierChange, TierCounter, TierPlan, TierStanding

MODELS = (
    EarningRule,
    EarningRuleVersion,
    Campaign,
    WalletDefinition,
    Simulation,
    Account,
    Entry,
    EntryNote,
    Lot,
    LotMove,
    Order,
    Earning,
    CapCounter,
    Reward,
    RewardVersion,
    RewardCounter,
    Member,
    OccasionDay,
    OccasionRule,
    OccasionDate,
    OccasionGrant,
    Hold,
    HoldLot,
    CouponBatch,
    CouponCode,
    OrderReturn,
    AdjustmentReason,
    AdjustmentRequest,
    ExpiryPolicy,
    ExpiryWarning,
    TierPlan,
    Tier,
    TierCounter,
    TierStanding,
    TierChange,
    CouponUse,
)

__all__ = [
    "GENESIS",
    "MODELS",
    "Account",
    "AdjustmentReason",
    "AdjustmentRequest",
    "Campaign",
    "CapCounter",
    "CouponBatch",
    "CouponCode",
    "CouponUse",
    "Earning",
    "EarningRule",
    "EarningRuleVersion",
    "Entry",
    "EntryNote",
    "ExpiryPolicy",
    "ExpiryWarning",
    "Hold",
    "HoldLot",
    "Lot",
    "LotMove",
    "Member",
    "OccasionDate",
    "OccasionDay",
    "OccasionGrant",
    "OccasionRule",
    "Order",
    "OrderReturn",
    "Reward",
    "RewardCounter",
    "RewardVersion",
    "Simulation",
    "Tier",
    "TierChange",
    "TierCounter",
    "TierPlan",
    "TierStanding",
    "WalletDefinition",
]
