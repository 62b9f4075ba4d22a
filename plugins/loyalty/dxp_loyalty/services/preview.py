"""What a cart would earn if it were ordered now. Nothing is written and nothing is locked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import Platform, Subject, facts_of
from dxp_loyalty.models import EarningRuleVersion
from dxp_loyalty.services.awarding import windows_of
from dxp_loyalty.services.calculation import Earned, Usage, calculate
from dxp_loyalty.services.earning import Earning
from dxp_loyalty.services.limits import budgets_of, usage_of
from dxp_loyalty.services.purchases import ORDER_PLACED, purchase_of
from dxp_loyalty.services.terms import Terms

_NO_EVENT = uuid.UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What one rule would give, with the version that would give it."""

    earned: Earned
    version: EarningRuleVersion


class Previews:
    """Answers for a cart what its order would be answered."""

    def __init__(self, platform: Platform, earning: Earning, terms: Terms) -> None:
        self._platform = platform
        self._earning = earning
        self._terms = terms

    def of_cart(
        self, session: Session, cart: Mapping[str, Any], *, subject_id: uuid.UUID | None
    ) -> list[Prospect]:
        """What each rule would give now for a cart, as data of an order without a number.

        Args:
            subject_id: whose cart; None: somebody of whom nothing is known.

        Raises:
            NotFound: there is no such member, or the member was erased (`unknown_subject`).
        """
        now = self._platform.clock.now()
        rules = self._earning.rules_at(self._earning.histories(session), ORDER_PLACED, now, now)
        if not rules:
            return []
        programme = self._terms.programme(session, rules)
        purchase = purchase_of(ORDER_PLACED, cart, event_id=_NO_EVENT, at=now)
        facts: Mapping[str, Any] = {}
        campaigns = sorted({key for rule in rules if (key := rule.definition.campaign)})
        usage = Usage(budgets=budgets_of(session, campaigns))
        if subject_id is not None:
            self._platform.subjects.get(session, subject_id)
            if any(rule.definition.asks_member for rule in rules):
                facts = facts_of(self._platform, session, [subject_id], now)[subject_id]
            usage = self._usage(
                session, subject_id, usage, rules, windows_of(rules, now, programme)
            )
        return self._with_versions(session, calculate(purchase, rules, facts, usage, programme))

    @staticmethod
    def _usage(
        session: Session,
        subject_id: uuid.UUID,
        shared: Usage,
        rules: Sequence[Any],
        windows: set[str],
    ) -> Usage:
        root = session.scalar(
            select(func.coalesce(Subject.merged_into_id, Subject.id)).where(
                Subject.id == subject_id
            )
        )
        assert root is not None, "the member was looked up before"
        capped = [rule.rule_id for rule in rules if rule.definition.caps]
        return usage_of(session, [root], rule_ids=capped, windows=windows, budgets=shared.budgets)[
            root
        ]

    @staticmethod
    def _with_versions(session: Session, earned: Sequence[Earned]) -> list[Prospect]:
        ids = [item.rule.version_id for item in earned]
        rows = session.scalars(select(EarningRuleVersion).where(EarningRuleVersion.id.in_(ids)))
        versions = {row.id: row for row in rows}
        return [Prospect(earned=item, version=versions[item.rule.version_id]) for item in earned]
