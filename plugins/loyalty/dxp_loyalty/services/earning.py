"""Earning rules: keeping them, and giving points when an event fits."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    EventRecord,
    Platform,
    SystemActor,
    gettext,
)
from dxp_loyalty.models import Account, EarningRule, EarningRuleVersion, Entry
from dxp_loyalty.models import Earning as EarningRow
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import open_accounts
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.services.entries import Cause, table_of
from dxp_loyalty.services.ledger import Gain, Ledger
from dxp_loyalty.services.orders import claim_orders
from dxp_loyalty.services.purchases import ORDER_PLACED, Purchase, purchase_of
from dxp_loyalty.services.rule_language import (
    Award,
    Definition,
    check_definition,
    parse_definition,
)
from dxp_loyalty.settings import LoyaltySettings

EARNER = SystemActor(name="loyalty.rules")
_RULES = "loyalty_rules"
_INTO_EARNING = insert(table_of(EarningRow))


@dataclass(frozen=True, kw_only=True)
class RuleDraft:
    """What staff say of a rule: fields of `EarningRule` and `EarningRuleVersion`."""

    key: str
    name: str
    event_type: str
    definition: Mapping[str, Any]
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class RuleInForce:
    """A version of a rule, ready to be applied."""

    key: str
    rule_id: uuid.UUID
    version_id: uuid.UUID
    since: datetime
    event_type: str
    active: bool
    definition: Definition

    def listens_to(self, event_type: str) -> bool:
        return self.active and self.event_type == event_type


@dataclass(frozen=True, kw_only=True)
class RuleHistory:
    """All versions of a rule, the newest first."""

    versions: Sequence[RuleInForce]

    def at(self, moment: datetime) -> RuleInForce:
        """The version in force at a moment; the newest for one before the rule was made."""
        return next((rule for rule in self.versions if rule.since <= moment), self.versions[0])


@dataclass(frozen=True, kw_only=True)
class _Awarded:
    """What a rule gives a member for an event."""

    record: EventRecord
    member: uuid.UUID
    rule: RuleInForce
    award: Award

    def gain(self, account: Account) -> Gain:
        name = f"{'order' if self._is_order else 'event'}:{self.record.id}:{self.rule.key}"
        return Gain(
            account=account,
            points=self.award.points,
            cause=Cause(
                source=name,
                actor=EARNER,
                effective_at=self.record.occurred_at,
                rule_version_id=self.rule.version_id,
                inputs=self.award.inputs,
                origin_id=self.record.origin_id,
            ),
            available_at=self.award.available_at,
            expires_at=self.award.expires_at,
        )

    def earning(self, entry: Entry) -> dict[str, Any]:
        """A row of `Earning`."""
        return {
            "account_id": entry.account_id,
            "entry_seq": entry.seq,
            "order_id": self.record.id if self._is_order else None,
            "rule_id": self.rule.rule_id,
            "points": self.award.points,
            "parts": dict(self.award.parts),
        }

    @property
    def _is_order(self) -> bool:
        return self.record.type == ORDER_PLACED and self.record.data.get("order_id") is not None


class Earning:
    """The only writer of earning rules, and the one who applies them."""

    def __init__(self, platform: Platform, settings: LoyaltySettings, ledger: Ledger) -> None:
        self._platform = platform
        self._settings = settings
        self._ledger = ledger
        # Versions never change, so a parsed one is good for the life of the process.
        self._parsed: dict[uuid.UUID, Definition] = {}

    def apply(self, session: Session, records: Sequence[EventRecord]) -> None:
        """Give the points that the rules make of events, once for each rule and event.

        An event earns by the rules as they were when it happened, however late it is told. What
        happened before a rule was made earns by the rule as it is now: who imports the past
        wants it so, and pauses the rule otherwise. The number of statements does not grow with
        that of the events.
        """
        rules = self._rules(session)
        told = [(record, _purchase(record)) for record in records if record.subject_id is not None]
        if not told:
            return
        first = claim_orders(session, told)
        awards = [
            _Awarded(record=record, member=record.subject_id, rule=rule, award=award)
            for record, purchase in told
            if record.subject_id is not None and record.id in first
            for history in rules
            if (rule := history.at(record.occurred_at)).listens_to(record.type)
            and (award := rule.definition.award(purchase)) is not None
        ]
        if not awards:
            return
        accounts = open_accounts(
            session,
            self._platform,
            {awarded.member for awarded in awards},
            wallet=self._settings.wallet,
        )
        gains = [awarded.gain(accounts[awarded.member]) for awarded in awards]
        entries = self._ledger.earn_many(session, gains)
        made = [
            awarded.earning(entry)
            for awarded, entry in zip(awards, entries, strict=True)
            if entry is not None
        ]
        if made:
            session.connection().execute(_INTO_EARNING, made)

    def listed(self, session: Session) -> Sequence[tuple[EarningRule, EarningRuleVersion]]:
        """All rules with their versions in force, by key."""
        rows = session.execute(
            select(EarningRule, EarningRuleVersion)
            .join(
                EarningRuleVersion,
                (EarningRuleVersion.rule_id == EarningRule.id)
                & (EarningRuleVersion.number == EarningRule.version),
            )
            .order_by(EarningRule.active.desc(), EarningRule.key)
        )
        return [(rule, version) for rule, version in rows]

    def get(self, session: Session, rule_id: uuid.UUID) -> EarningRule:
        """A rule.

        Raises:
            NotFound: there is no such rule (`unknown_rule`).
        """
        rule = session.get(EarningRule, rule_id)
        if rule is None:
            raise refusals.unknown(gettext("earning rule"), code="unknown_rule")
        return rule

    def versions(self, session: Session, rule_id: uuid.UUID) -> Sequence[EarningRuleVersion]:
        """All versions of a rule, the newest first."""
        return session.scalars(
            select(EarningRuleVersion)
            .where(EarningRuleVersion.rule_id == rule_id)
            .order_by(EarningRuleVersion.number.desc())
        ).all()

    def create(self, session: Session, draft: RuleDraft, *, actor: Actor) -> EarningRule:
        """Put a new rule in force.

        Raises:
            Conflict: another rule has the key (`rule_key_taken`).
            Unprocessable: see `check_definition`.
        """
        definition = check_definition(draft.event_type, draft.definition)
        rule = EarningRule(
            key=draft.key,
            event_type=draft.event_type,
            active=draft.active,
            created_at=self._platform.clock.now(),
        )
        add_definition(
            session, rule, taken=refusals.rule_key_taken(draft.key, code="rule_key_taken")
        )
        self._write_version(session, rule, draft.name, definition, actor=actor)
        self._audit(session, actor, "created", rule, before=None, after=_fields(draft, definition))
        return rule

    def revise(
        self,
        session: Session,
        rule_id: uuid.UUID,
        draft: RuleDraft,
        *,
        expected_version: int,
        actor: Actor,
    ) -> EarningRule:
        """Put another version of a rule in force; entries keep the version that made them.

        The draft's key is not looked at: a rule keeps its key, which names the cause of entries.

        Raises:
            NotFound: there is no such rule.
            PreconditionFailed: it is no longer at `expected_version` (`rule_changed`).
            Unprocessable: see `check_definition`.
        """
        definition = check_definition(draft.event_type, draft.definition)
        rule = lock_definition(
            session,
            EarningRule,
            rule_id,
            unknown=refusals.unknown(gettext("earning rule"), code="unknown_rule"),
        )
        if rule.version != expected_version:
            raise refusals.rule_changed(actual=rule.version, expected=expected_version)
        before = self.versions(session, rule_id)[0]
        old = {"name": before.name, "event_type": rule.event_type, "active": rule.active}
        rule.version += 1
        rule.active = draft.active
        rule.event_type = draft.event_type
        self._write_version(session, rule, draft.name, definition, actor=actor)
        self._audit(
            session,
            actor,
            "revised",
            rule,
            before=old | {"definition": before.definition},
            after=_fields(draft, definition),
        )
        return rule

    def _write_version(
        self,
        session: Session,
        rule: EarningRule,
        name: str,
        definition: dict[str, Any],
        *,
        actor: Actor,
    ) -> None:
        version = EarningRuleVersion(
            rule_id=rule.id,
            number=rule.version,
            name=name,
            event_type=rule.event_type,
            active=rule.active,
            definition=definition,
            created_at=self._platform.clock.now(),
            created_by=actor_text(actor),
        )
        session.add(version)
        session.flush()
        session.info.pop(_RULES, None)

    def _rules(self, session: Session) -> list[RuleHistory]:
        """All rules by key, read once in a transaction: an import sends many events."""
        transaction = session.get_transaction()
        known = session.info.get(_RULES)
        if known is not None and known[0] is transaction:
            rules: list[RuleHistory] = known[1]
            return rules
        rows = session.execute(
            select(EarningRule.key, EarningRuleVersion)
            .join(EarningRuleVersion, EarningRuleVersion.rule_id == EarningRule.id)
            .order_by(EarningRule.key, EarningRuleVersion.number.desc())
        )
        rules = [
            RuleHistory(versions=[self._ready(key, version) for _key, version in versions])
            for key, versions in groupby(rows, key=lambda row: row[0])
        ]
        session.info[_RULES] = (transaction, rules)
        return rules

    def _ready(self, key: str, version: EarningRuleVersion) -> RuleInForce:
        if version.id not in self._parsed:
            self._parsed[version.id] = parse_definition(version.definition)
        return RuleInForce(
            key=key,
            rule_id=version.rule_id,
            version_id=version.id,
            since=version.created_at,
            event_type=version.event_type,
            active=version.active,
            definition=self._parsed[version.id],
        )

    def _audit(
        self,
        session: Session,
        actor: Actor,
        verb: str,
        rule: EarningRule,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.rule.{verb}",
            object_type="loyalty.rule",
            object_id=str(rule.id),
            before=before,
            after=after,
        )


def _purchase(record: EventRecord) -> Purchase:
    return purchase_of(record.type, record.data, event_id=record.id, at=record.occurred_at)


def _fields(draft: RuleDraft, definition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": draft.name,
        "event_type": draft.event_type,
        "active": draft.active,
        "definition": definition,
    }
