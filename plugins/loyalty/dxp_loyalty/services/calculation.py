"""What an order or another event earns: the one calculation behind it all.

Live earning, the preview of a cart, the simulation of a draft and every explanation call
`calculate`. It reads no clock and no database: all it knows is in its arguments, so the same
arguments give the same points, and the reasons beside them.

The order of things, for each wallet:

1. Each rule whose event, time window and condition fit gives points for the part of the order that
   it looks at; what its caps and its campaign's budget leave is what it can give.
2. Stacking: of the rules that give something the exclusive one of the highest priority stands
   alone; without one all additive rules give, and of the best-of rules the one that gives most.
3. Multipliers, stacked in the same way among themselves, give their share of what the others gave.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Any

from dxp.api import Situation
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.purchases import WHOLE, Line, Purchase, spread
from dxp_loyalty.services.rule_language import Definition, line_facts, purchase_facts, rounded
from dxp_loyalty.services.wallet_terms import WalletTerms
from dxp_loyalty.services.windows import window_key


@dataclass(frozen=True, kw_only=True)
class RuleInForce:
    """A version of a rule, ready to be applied.

    Attributes:
        since, until: in force from the first to before the second.
        open_start: whether it was given no beginning of its own.
    """

    key: str
    rule_id: uuid.UUID
    version_id: uuid.UUID
    since: datetime
    open_start: bool = True
    until: datetime | None = None
    event_type: str
    active: bool
    definition: Definition

    def listens_to(self, event_type: str, at: datetime) -> bool:
        ended = self.until is not None and self.until <= at
        return self.active and not ended and self.event_type == event_type


CapKey = tuple[uuid.UUID, str]
"""A rule and a window, such as `2026-11`."""


@dataclass(kw_only=True)
class Usage:
    """What one member had of each cap, and what each campaign has left.

    Attributes:
        points, times: had so far by (rule, window).
        budgets: points left by campaign; one that is not here has no end. Shared by all members.
    """

    points: dict[CapKey, int] = field(default_factory=dict)
    times: dict[CapKey, int] = field(default_factory=dict)
    budgets: dict[str, int] = field(default_factory=dict)

    def add(self, earned: Earned) -> None:
        """Count what was given."""
        for key in set(earned.windows):
            self.points[key] = self.points.get(key, 0) + earned.points
            self.times[key] = self.times.get(key, 0) + 1
        if earned.campaign in self.budgets:
            self.budgets[earned.campaign] -= earned.points


@dataclass(frozen=True, kw_only=True)
class Earned:
    """What one rule gives for one event.

    Attributes:
        parts: the points by the line that earned them, as in the table of earnings.
        base: the amount that was looked at; None where no amount counts.
        limited_by: `cap` or `budget`, when the rule would have given more.
        windows: of its caps, which count it.
        campaign: whose budget pays.
        expires_at: what the rule itself says; None: by the wallet's expiry policy.
        inputs: what it was made from, for the entry.
    """

    rule: RuleInForce
    wallet: str
    points: int
    parts: Mapping[str, int]
    base: Fraction | None
    limited_by: str | None
    windows: Sequence[CapKey]
    available_at: datetime
    expires_at: datetime | None
    inputs: Mapping[str, Any]

    @property
    def campaign(self) -> str:
        return self.rule.definition.campaign or ""


@dataclass(frozen=True, kw_only=True)
class CampaignTerms:
    """When a campaign's rules give."""

    id: uuid.UUID
    key: str
    active: bool
    starts_at: datetime | None
    ends_at: datetime | None

    def open_at(self, moment: datetime) -> bool:
        begun = self.starts_at is None or self.starts_at <= moment
        return self.active and begun and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True, kw_only=True)
class Programme:
    """What holds for all members: where days begin, the wallets, the campaigns.

    Attributes:
        main: the wallet of rules that name none.
    """

    zone: tzinfo
    main: str
    wallets: Mapping[str, WalletTerms]
    campaigns: Mapping[str, CampaignTerms]

    def terms(self, definition: Definition) -> WalletTerms:
        key = definition.wallet or self.main
        return self.wallets.get(key) or WalletTerms(key=key)


@dataclass(frozen=True, kw_only=True)
class _Gift:
    """What a rule would give, before it is settled what it gives."""

    rule: RuleInForce
    terms: WalletTerms
    points: int
    weights: Mapping[str, Fraction]
    base: Fraction | None
    limited_by: str | None = None


def calculate(
    purchase: Purchase,
    rules: Sequence[RuleInForce],
    facts: Mapping[str, Any],
    usage: Usage,
    programme: Programme,
) -> list[Earned]:
    """What `rules` give a member for `purchase`, the highest priority first.

    Args:
        rules: the versions in force when it happened.
        facts: of the member.
        usage: is read only; whoever gives the points calls `Usage.add`.
    """
    fitting = [
        rule
        for rule in sorted(rules, key=lambda rule: (-rule.definition.priority, rule.key))
        if _fits(purchase, rule, facts, programme)
    ]
    left = _Left(usage, purchase.at.astimezone(programme.zone))
    awards = [
        gift
        for rule in fitting
        if rule.definition.kind != "multiplier"
        and (gift := left.clip(_award(purchase, rule, programme))).points
    ]
    kept = _settle(awards, left)
    multipliers = [
        gift
        for rule in fitting
        if rule.definition.kind == "multiplier"
        and (gift := left.clip(_multiply(purchase, rule, kept, programme))).points
    ]
    return [_earned(purchase, gift, left) for gift in [*kept, *_settle(multipliers, left)]]


def possible_wallets(
    purchase: Purchase,
    rules: Sequence[RuleInForce],
    facts: Mapping[str, Any],
    programme: Programme,
) -> set[str]:
    """The wallets that `calculate` may fill, whatever caps and budgets leave."""
    return {
        programme.terms(rule.definition).key
        for rule in rules
        if rule.definition.kind != "multiplier" and _fits(purchase, rule, facts, programme)
    }


class _Left:
    """What caps and budgets leave while one event is counted."""

    def __init__(self, usage: Usage, local: datetime) -> None:
        self._usage = usage
        self._local = local
        self._taken: dict[str, int] = defaultdict(int)

    def clip(self, gift: _Gift) -> _Gift:
        """The gift with no more points than there is room for."""
        points, limited_by = gift.points, gift.limited_by
        definition = gift.rule.definition
        for cap, key in zip(definition.caps, self.windows(gift.rule), strict=True):
            room = points
            if cap.points is not None:
                room = cap.points - self._usage.points.get(key, 0)
            if cap.times is not None and self._usage.times.get(key, 0) >= cap.times:
                room = 0
            if room < points:
                points, limited_by = max(0, room), "cap"
        campaign = definition.campaign
        if campaign is not None and campaign in self._usage.budgets:
            room = self._usage.budgets[campaign] - self._taken[campaign]
            if room < points:
                points, limited_by = max(0, room), "budget"
        if points == gift.points:
            return gift
        return replace(gift, points=points, limited_by=limited_by)

    def take(self, gift: _Gift) -> None:
        """Let the rules after this one find less of the budget."""
        if gift.rule.definition.campaign is not None:
            self._taken[gift.rule.definition.campaign] += gift.points

    def windows(self, rule: RuleInForce) -> list[CapKey]:
        return [(rule.rule_id, window_key(cap.window, self._local)) for cap in rule.definition.caps]


def _settle(gifts: Sequence[_Gift], left: _Left) -> list[_Gift]:
    """Stacking, wallet by wallet; what remains is taken from the budgets in its order."""
    by_wallet: dict[str, list[_Gift]] = defaultdict(list)
    for gift in gifts:
        by_wallet[gift.terms.key].append(gift)
    stacked = {id(gift) for group in by_wallet.values() for gift in _stack(group)}
    kept: list[_Gift] = []
    for gift in gifts:
        if id(gift) in stacked and (clipped := left.clip(gift)).points:
            left.take(clipped)
            kept.append(clipped)
    return kept


def _stack(gifts: Sequence[_Gift]) -> list[_Gift]:
    """Which gifts of one wallet stand together; they come with the highest priority first."""
    exclusive = [gift for gift in gifts if gift.rule.definition.stacking == "exclusive"]
    if exclusive:
        return exclusive[:1]
    rivals = [gift for gift in gifts if gift.rule.definition.stacking == "best_of"]
    best = max(rivals, key=lambda gift: gift.points, default=None)
    return [gift for gift in gifts if gift.rule.definition.stacking == "additive" or gift is best]


def _fits(
    purchase: Purchase, rule: RuleInForce, facts: Mapping[str, Any], programme: Programme
) -> bool:
    definition = rule.definition
    if not rule.listens_to(purchase.type, purchase.at):
        return False
    if definition.campaign is not None:
        campaign = programme.campaigns.get(definition.campaign)
        if campaign is None or not campaign.open_at(purchase.at):
            return False
    local = purchase.at.astimezone(programme.zone)
    if definition.windows and not any(window.holds(local) for window in definition.windows):
        return False
    if not definition.conditional:
        return True
    asked = {**facts, **purchase_facts(purchase)}
    return definition.condition.matches(asked, Situation(now=purchase.at, zone=programme.zone))


def _award(purchase: Purchase, rule: RuleInForce, programme: Programme) -> _Gift:
    definition, terms = rule.definition, programme.terms(rule.definition)
    weights, pieces, any_line = _looked_at(purchase, definition, programme)
    base: Fraction | None = None
    points = 0
    if definition.kind == "fixed":
        points = int(definition.points) if any_line else 0
    elif definition.kind == "per_piece":
        points = int(definition.points) * pieces
    elif purchase.total is not None and definition.currency in (None, purchase.currency):
        base = sum(weights.values(), Fraction(0))
        exact = base * definition.rate
        points = rounded(exact, definition.rounding or terms.rounding)
        points = max(definition.minimum, points) if any_line else 0
    points = min(points, MAX_POINTS)
    return _Gift(rule=rule, terms=terms, points=points, weights=weights, base=base)


def _multiply(
    purchase: Purchase, rule: RuleInForce, kept: Sequence[_Gift], programme: Programme
) -> _Gift:
    """The share that comes on top of what other rules of the wallet gave for the same lines."""
    definition, terms = rule.definition, programme.terms(rule.definition)
    looked_at, _pieces, any_line = _looked_at(purchase, definition, programme)
    weights: dict[str, Fraction] = defaultdict(Fraction)
    for gift in kept:
        if gift.terms.key != terms.key:
            continue
        for ref, part in spread(gift.points, gift.weights).items():
            counts = any_line and not definition.by_line if ref == WHOLE else ref in looked_at
            if counts:
                weights[ref] += part
    given = sum(weights.values(), Fraction(0))
    exact = given * (definition.factor - 1)
    points = min(rounded(exact, definition.rounding or terms.rounding), MAX_POINTS)
    return _Gift(rule=rule, terms=terms, points=points, weights=weights, base=given)


def _looked_at(
    purchase: Purchase, definition: Definition, programme: Programme
) -> tuple[dict[str, Fraction], int, bool]:
    """Amounts by line, the number of pieces, and whether there is anything to look at."""
    lines = [line for line in purchase.lines if _counts(line, purchase, definition, programme)]
    weights = {line.ref: _amount(line, definition) for line in lines}
    pieces = sum(line.quantity for line in lines)
    if definition.by_line:
        return weights, pieces, bool(lines)
    if purchase.total is not None:
        beyond = purchase.total - sum((line.paid for line in purchase.lines), Fraction(0))
        if beyond > 0:
            weights[WHOLE] = beyond
    return weights, pieces, True


def _counts(line: Line, purchase: Purchase, definition: Definition, programme: Programme) -> bool:
    if definition.basis == "undiscounted" and line.discount > 0:
        return False
    condition = definition.line_condition
    if condition is None:
        return True
    return condition.matches(line_facts(line), Situation(now=purchase.at, zone=programme.zone))


def _amount(line: Line, definition: Definition) -> Fraction:
    return line.paid + line.discount if definition.basis == "full" else line.paid


def _earned(purchase: Purchase, gift: _Gift, left: _Left) -> Earned:
    definition, terms = gift.rule.definition, gift.terms
    pending, days = definition.pending_days, definition.expires_after_days
    return Earned(
        rule=gift.rule,
        wallet=terms.key,
        points=gift.points,
        parts=spread(gift.points, gift.weights),
        base=gift.base,
        limited_by=gift.limited_by,
        windows=left.windows(gift.rule),
        available_at=purchase.at
        + timedelta(days=terms.pending_days if pending is None else pending),
        expires_at=None if days is None else purchase.at + timedelta(days=days),
        inputs=_inputs(purchase, gift),
    )


def _inputs(purchase: Purchase, gift: _Gift) -> dict[str, Any]:
    definition = gift.rule.definition
    inputs: dict[str, Any] = {"event": purchase.type, "event_id": str(purchase.event_id)}
    if purchase.total is not None:
        inputs |= {
            "order_id": purchase.data.get("order_id"),
            "total": str(purchase.data.get("total")),
            "currency": purchase.data.get("currency"),
        }
    if definition.kind == "per_amount":
        inputs |= {"points": str(definition.points), "per": str(definition.per)}
        if gift.base is not None and gift.base != purchase.total:
            inputs["base"] = f"{float(gift.base):.4f}"
    elif definition.kind == "multiplier":
        inputs |= {"factor": str(definition.factor_told), "of": int(gift.base or 0)}
    elif definition.kind == "per_piece":
        inputs["points"] = str(definition.points)
    if gift.limited_by is not None:
        inputs["limited_by"] = gift.limited_by
    return inputs
