"""The kinds of rewards that come with the plugin, by the hooks that any plugin's kinds use."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import FieldError, Platform, gettext
from dxp.api import lazy_gettext as _l
from dxp_loyalty.hooks import (
    RewardCheckContext,
    RewardFulfilmentContext,
    RewardsLeftContext,
    RewardUndoContext,
)
from dxp_loyalty.models import CouponBatch, CouponCode
from dxp_loyalty.services.coupons import Coupons
from dxp_loyalty.services.loyalty import Loyalty

MOST_COUNTED = 1_000
"""Counting a million free codes would take longer than a redemption."""
_SKU: Mapping[str, Any] = {
    "name": "sku",
    "label": _l("Article number"),
    "help": _l("The shop's own, so that a storefront knows what to put into the cart."),
}
KINDS: Sequence[Mapping[str, Any]] = (
    {
        "name": "product",
        "label": _l("Product"),
        "description": _l("A thing or a service that points pay for."),
        "settings": [_SKU],
    },
    {
        "name": "discount_code",
        "label": _l("Discount code"),
        "description": _l("A code that is handed out when it is redeemed."),
        "limited": True,
        "settings": [
            {
                "name": "discount_percent",
                "label": _l("Discount in percent"),
                "kind": "number",
                "least": 1,
                "most": 100,
            },
            {
                "name": "discount_amount",
                "label": _l("Discount as an amount"),
                "help": _l("Such as 5.00; percent or an amount, not both."),
            },
            {
                "name": "currency",
                "label": _l("Currency of the amount"),
                "help": _l("Three letters, such as EUR."),
            },
            {
                "name": "batch",
                "label": _l("Codes from the batch"),
                "kind": "coupon_batch",
                "help": _l("Empty: each redemption makes a code of its own."),
            },
            {
                "name": "valid_days",
                "label": _l("Days for which a code is valid"),
                "kind": "number",
                "least": 1,
                "most": 3_650,
            },
        ],
    },
    {
        "name": "free_gift",
        "label": _l("Free gift"),
        "description": _l("Something that costs no points, for those whom the condition lets in."),
        "free": True,
        "settings": [_SKU],
    },
)


def check(ctx: RewardCheckContext) -> Sequence[FieldError]:
    """What `loyalty_check_reward` answers."""
    if ctx.kind != "discount_code":
        return ()
    faults: list[FieldError] = []
    amount, currency = ctx.settings.get("discount_amount"), ctx.settings.get("currency")
    if amount is not None:
        if "discount_percent" in ctx.settings:
            faults.append(
                _fault("discount_amount", gettext("Give percent or an amount, not both."))
            )
        if not _is_amount(amount):
            faults.append(_fault("discount_amount", gettext("This is an amount such as 5.00.")))
        if currency is None or not (len(currency) == 3 and currency.isalpha()):
            faults.append(_fault("currency", gettext("Give the currency of the amount.")))
    batch_id = ctx.settings.get("batch")
    if batch_id is not None and not _hands_out(ctx, batch_id):
        faults.append(
            _fault(
                "batch",
                gettext(
                    "There is no such batch whose codes rewards hand out; choose one that was "
                    "made for rewards."
                ),
            )
        )
    return faults


def left(ctx: RewardsLeftContext) -> Mapping[uuid.UUID, int]:
    """What `loyalty_rewards_left` answers: codes that nobody has yet, `MOST_COUNTED` at most."""
    batches = {
        reward_id: uuid.UUID(settings["batch"])
        for reward_id, (_kind, settings) in ctx.rewards.items()
        if "batch" in settings
    }
    if not batches:
        return {}
    free = {batch_id: _free(ctx.session, batch_id) for batch_id in set(batches.values())}
    return {reward_id: free[batch_id] for reward_id, batch_id in batches.items()}


def fulfil(ctx: RewardFulfilmentContext) -> Mapping[str, Any]:
    """What `loyalty_fulfil_reward` answers."""
    if ctx.kind != "discount_code":
        return {name: ctx.settings[name] for name in ("sku",) if name in ctx.settings}
    days = ctx.settings.get("valid_days")
    now = ctx.platform.clock.now()
    batch = ctx.settings.get("batch")
    kept = _coupons(ctx.platform).hand_out(
        ctx.session,
        redemption_id=ctx.redemption_id,
        subject_id=ctx.subject_id,
        batch_id=None if batch is None else uuid.UUID(batch),
        valid_until=None if days is None else now + timedelta(days=days),
    )
    benefit = ("discount_percent", "discount_amount", "currency")
    shown = {name: ctx.settings[name] for name in benefit if name in ctx.settings}
    return {"_coupon": dict(kept), **shown}


def undo(ctx: RewardUndoContext) -> None:
    """What `loyalty_undo_reward` does: a code that is taken back is worth nothing any more."""
    if ctx.kind == "discount_code" and ctx.whole:
        _coupons(ctx.platform).take_back(ctx.session, ctx.redemption_id)


def _free(session: Session, batch_id: uuid.UUID) -> int:
    codes = (
        select(CouponCode.number)
        .join(CouponBatch, CouponBatch.id == CouponCode.batch_id)
        .where(
            CouponCode.batch_id == batch_id,
            CouponCode.state == "free",
            CouponBatch.state != "withdrawn",
        )
        .limit(MOST_COUNTED)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(codes)) or 0


def _coupons(platform: Platform) -> Coupons:
    return platform.services.get(Loyalty).coupons


def _hands_out(ctx: RewardCheckContext, batch_id: str) -> bool:
    try:
        key = uuid.UUID(batch_id)
    except ValueError:
        return False
    batch = ctx.session.get(CouponBatch, key)
    return batch is not None and batch.purpose == "rewards" and batch.state != "withdrawn"


def _is_amount(text: str) -> bool:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and 0 < amount < 10**9


def _fault(name: str, detail: str) -> FieldError:
    return FieldError(pointer=f"/details/{name}", code="invalid_setting", detail=detail)
