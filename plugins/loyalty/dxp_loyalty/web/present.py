"""From models to what the API's schemas dump."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dxp.api import Platform
from dxp_loyalty.models import (
    EarningRule,
    EarningRuleVersion,
    Entry,
    Hold,
    Reward,
    RewardVersion,
)
from dxp_loyalty.services.balances import Wallet
from dxp_loyalty.services.explain import rule_name, why
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.occasions import Claim, Gift, not_claimable_because
from dxp_loyalty.services.offering import Offer

STATUS = {
    "open": "authorised",
    "captured": "captured",
    "voided": "voided",
    "reversed": "reversed",
}


def wallets(platform: Platform, found: Sequence[Wallet], locale: str) -> list[dict[str, Any]]:
    """A member's wallets, with their names in the reader's language."""
    return [
        {
            "balance": wallet.balance,
            "name": in_locale(platform, wallet.texts, locale, "name") or wallet.balance.wallet,
            "expiring": wallet.expiring,
        }
        for wallet in found
    ]


def transaction(platform: Platform, row: Any, locale: str) -> dict[str, Any]:
    """A row of `entries_query` for its member."""
    entry, note, rule, reward = row
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "points": entry.amount,
        "balance_after": entry.balance_after,
        "occurred_at": entry.effective_at,
        "why": why(platform, entry, note=note, rule=rule, reward=reward, locale=locale),
        "rule": None if rule is None else rule_name(platform, rule, locale),
        "rule_version": None if rule is None else rule.number,
        "reverses": entry.reverses,
    }


def ledger_line(platform: Platform, row: Any, locale: str) -> dict[str, Any]:
    """A row of `entries_query` for staff and servers."""
    entry: Entry = row[0]
    note = row[1]
    return transaction(platform, row, locale) | {
        "contra": entry.contra,
        "source": entry.source,
        "recorded_at": entry.recorded_at,
        "actor": entry.actor,
        "note": "" if note is None else note.note,
        "inputs": {} if note is None else note.inputs,
        "hash": entry.hash,
    }


def offer(platform: Platform, item: Offer, locale: str) -> dict[str, Any]:
    """A reward as one member sees it."""
    reward, version = item.reward, item.version
    return {
        "id": reward.id,
        "key": reward.key,
        "kind": version.kind,
        "name": in_locale(platform, version.texts, locale, "name"),
        "description": in_locale(platform, version.texts, locale, "description"),
        "image": in_locale(platform, version.texts, locale, "image") or None,
        "image_alt": in_locale(platform, version.texts, locale, "image_alt"),
        "points": version.cost,
        "wallet": reward.wallet or platform.services.get(Loyalty).settings.wallet,
        "left": item.left,
        "available_until": version.active_until,
        "eligible": item.eligible,
        "reasons": item.reasons,
    }


def occasion(platform: Platform, item: Gift, locale: str, now: datetime) -> dict[str, Any]:
    """A gift as its member sees it."""
    grant, rule = item.grant, item.rule
    given = grant.issued_at is not None
    return {
        "id": grant.id,
        "kind": rule.kind,
        "name": in_locale(platform, rule.texts, locale, "name"),
        "state": "lapsed" if grant.state == "issued" and not item.claimable else grant.state,
        "occurs_on": grant.occurs_on,
        "ready_at": grant.due_at,
        "valid_until": grant.valid_until,
        "points": grant.points if given else rule.points,
        "reward_id": grant.reward_id if given else rule.reward_id,
        "claimable": item.claimable,
        "why": None if item.claimable else not_claimable_because(grant, now),
    }


def claimed(loyalty: Loyalty, claim: Claim, version: RewardVersion | None) -> dict[str, Any]:
    """What a claim gave."""
    hold = claim.redemption
    return {
        "id": claim.grant.id,
        "state": claim.grant.state,
        "points": claim.points,
        "redemption_id": None if hold is None else hold.id,
        "code": None if hold is None else _code(loyalty, hold, version),
    }


def redemption(loyalty: Loyalty, hold: Hold, version: RewardVersion) -> dict[str, Any]:
    """A redemption in the words of the API."""
    return {
        "id": hold.id,
        "status": STATUS[hold.state],
        "reward_id": hold.reward_id,
        "points": hold.amount,
        "cart_ref": hold.cart_ref,
        "created_at": hold.created_at,
        "expires_at": hold.expires_at,
        "settled_at": hold.settled_at,
        "reversed_points": hold.reversed,
        "fulfilment": {
            name: value for name, value in hold.fulfilment.items() if not name.startswith("_")
        },
        "code": _code(loyalty, hold, version),
    }


def reward(item: Reward, version: RewardVersion) -> dict[str, Any]:
    """A reward as staff and servers see it."""
    return {
        "id": item.id,
        "key": item.key,
        "version": item.version,
        "active": item.active,
        "stock": item.stock,
        "reserved": item.reserved,
        "issued": item.issued,
        "kind": version.kind,
        "cost": version.cost,
        "per_member": version.per_member,
        "limit_window": version.limit_window,
        "texts": version.texts,
        "details": version.details,
        "gate": version.gate,
        "wallet": item.wallet,
        "active_from": version.active_from,
        "active_until": version.active_until,
    }


def rule(item: EarningRule, version: EarningRuleVersion) -> dict[str, Any]:
    """An earning rule with its version in force."""
    return {
        "id": item.id,
        "key": item.key,
        "version": item.version,
        "active": version.active,
        "event_type": version.event_type,
        "name": version.name,
        **_times(version),
        **_definition(version),
    }


def rule_version(version: EarningRuleVersion) -> dict[str, Any]:
    """One version of an earning rule."""
    return {
        "number": version.number,
        "name": version.name,
        "created_at": version.created_at,
        "created_by": version.created_by,
        **_times(version),
        **_definition(version),
    }


def _times(version: EarningRuleVersion) -> dict[str, Any]:
    return {
        "draft": version.draft,
        "live_from": version.live_from,
        "live_until": version.live_until,
    }


def _definition(version: EarningRuleVersion) -> dict[str, Any]:
    return dict(version.definition)


def _code(loyalty: Loyalty, hold: Hold, version: RewardVersion | None) -> str | None:
    return None if version is None else loyalty.coupons.code_of(hold, kind=version.kind)
