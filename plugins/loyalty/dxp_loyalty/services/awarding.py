"""Giving points for what happened: many events in a number of statements that does not grow."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from dxp.api import EventRecord, Platform, SystemActor, facts_of
from dxp_loyalty.models import Account, Entry
from dxp_loyalty.models import Earning as EarningRow
from dxp_loyalty.services.accounts import open_wallets
from dxp_loyalty.services.calculation import (
    Earned,
    Programme,
    RuleInForce,
    Usage,
    calculate,
    possible_wallets,
)
from dxp_loyalty.services.earning import Earning
from dxp_loyalty.services.entries import Cause, table_of
from dxp_loyalty.services.ledger import Gain, Ledger
from dxp_loyalty.services.limits import budgets_of, count, usage_of
from dxp_loyalty.services.orders import claim_orders
from dxp_loyalty.services.purchases import ORDER_PLACED, Purchase, purchase_of
from dxp_loyalty.services.terms import Terms
from dxp_loyalty.services.windows import window_key

EARNER = SystemActor(name="loyalty.rules")
_INTO_EARNING = insert(table_of(EarningRow))
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Case:
    """An event of a member with the rules of its moment.

    Attributes:
        subject_id: whom the event names.
    """

    record: EventRecord
    subject_id: uuid.UUID
    purchase: Purchase
    rules: Sequence[RuleInForce]


class Awarding:
    """Applies the rules in force to events."""

    def __init__(self, platform: Platform, earning: Earning, ledger: Ledger, terms: Terms) -> None:
        self._platform = platform
        self._earning = earning
        self._ledger = ledger
        self._terms = terms

    def apply(self, session: Session, records: Sequence[EventRecord]) -> None:
        """Give the points that the rules make of events, once for each rule and event or order.

        An event earns by the rules as they were when it happened, however late it is told. What
        happened before a rule was made earns by the rule as it is now, unless the rule says from
        when it is in force: who imports the past wants it so, and pauses the rule otherwise.
        Facts of members are those of now.
        """
        histories = self._earning.histories(session)
        told = [(record, purchase_from(record)) for record in records if record.subject_id]
        if not told:
            return
        first = claim_orders(session, told)
        now = self._platform.clock.now()
        cases = [
            Case(record=record, subject_id=record.subject_id, purchase=purchase, rules=rules)
            for record, purchase in told
            if record.subject_id is not None
            and record.id in first
            and (rules := self._earning.rules_at(histories, record.type, record.occurred_at, now))
        ]
        if not cases:
            return
        programme = self._terms.programme(session, [r for case in cases for r in case.rules])
        facts = self.member_facts(session, cases)
        found = [
            (case, calculate(case.purchase, case.rules, facts[case.subject_id], Usage(), programme))
            for case in cases
        ]
        found = [(case, earned) for case, earned in found if earned]
        if not found:
            return
        limited = any(rule.definition.limited for case, _earned in found for rule in case.rules)
        if limited:
            found = self._within_limits(session, [case for case, _e in found], facts, programme)
        self._give(session, found, programme)

    def member_facts(
        self, session: Session, cases: Collection[Case]
    ) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        """What all plugins know of the members, when a rule asks for it."""
        asked = {
            case.subject_id
            for case in cases
            if any(rule.definition.asks_member for rule in case.rules)
        }
        known = facts_of(self._platform, session, sorted(asked), self._platform.clock.now())
        return {case.subject_id: known.get(case.subject_id, _NOTHING) for case in cases}

    def _within_limits(
        self,
        session: Session,
        cases: Sequence[Case],
        facts: Mapping[uuid.UUID, Mapping[str, Any]],
        programme: Programme,
    ) -> list[tuple[Case, list[Earned]]]:
        """The same again, one event after another, with what caps and budgets leave."""
        accounts = self._open(
            session,
            {
                (case.subject_id, wallet)
                for case in cases
                for wallet in possible_wallets(
                    case.purchase, case.rules, facts[case.subject_id], programme
                )
            },
        )
        roots = {subject_id: account.subject_id for (subject_id, _w), account in accounts.items()}
        rules = {rule.rule_id: rule for case in cases for rule in case.rules}
        windows = {
            window
            for case in cases
            for window in windows_of(case.rules, case.purchase.at, programme)
        }
        campaigns = {rule.definition.campaign for case in cases for rule in case.rules}
        usages = usage_of(
            session,
            set(roots.values()),
            rule_ids=[rule_id for rule_id, rule in rules.items() if rule.definition.caps],
            windows=windows,
            budgets=budgets_of(session, sorted(key for key in campaigns if key), lock=True),
        )
        found: list[tuple[Case, list[Earned]]] = []
        for case in cases:
            usage = usages[roots[case.subject_id]]
            earned = calculate(case.purchase, case.rules, facts[case.subject_id], usage, programme)
            for item in earned:
                usage.add(item)
            if earned:
                found.append((case, earned))
        return found

    def _open(
        self, session: Session, pairs: Collection[tuple[uuid.UUID, str]]
    ) -> dict[tuple[uuid.UUID, str], Account]:
        return open_wallets(session, self._platform, pairs)

    def _give(
        self,
        session: Session,
        found: Sequence[tuple[Case, Sequence[Earned]]],
        programme: Programme,
    ) -> None:
        pairs = {(case.subject_id, item.wallet) for case, earned in found for item in earned}
        accounts = self._open(session, pairs)
        flat = [(case, item) for case, earned in found for item in earned]
        gains = [_gain(case, item, accounts[case.subject_id, item.wallet]) for case, item in flat]
        entries = self._ledger.earn_many(session, gains)
        made = [
            _row(case, item, entry, programme)
            for (case, item), entry in zip(flat, entries, strict=True)
            if entry is not None
        ]
        if made:
            session.connection().execute(_INTO_EARNING, made)
            count(session, made)


def windows_of(rules: Sequence[RuleInForce], moment: datetime, programme: Programme) -> set[str]:
    """The periods of caps that a moment lies in."""
    local = moment.astimezone(programme.zone)
    return {window_key(cap.window, local) for rule in rules for cap in rule.definition.caps}


def purchase_from(record: EventRecord) -> Purchase:
    """An event of the log, read for rules."""
    return purchase_of(record.type, record.data, event_id=record.id, at=record.occurred_at)


def _gain(case: Case, item: Earned, account: Account) -> Gain:
    record = case.record
    return Gain(
        account=account,
        points=item.points,
        cause=Cause(
            source=f"{'order' if _is_order(record) else 'event'}:{record.id}:{item.rule.key}",
            actor=EARNER,
            effective_at=record.occurred_at,
            rule_version_id=item.rule.version_id,
            inputs=item.inputs,
            origin_id=record.origin_id,
        ),
        available_at=item.available_at,
        expires_at=item.expires_at,
    )


def _row(case: Case, item: Earned, entry: Entry, programme: Programme) -> dict[str, Any]:
    campaign = programme.campaigns.get(item.campaign)
    return {
        "account_id": entry.account_id,
        "entry_seq": entry.seq,
        "order_id": case.record.id if _is_order(case.record) else None,
        "rule_id": item.rule.rule_id,
        "points": item.points,
        "parts": dict(item.parts),
        "windows": sorted({window for _rule, window in item.windows}),
        "campaign_id": None if campaign is None else campaign.id,
    }


def _is_order(record: EventRecord) -> bool:
    return record.type == ORDER_PLACED and record.data.get("order_id") is not None
