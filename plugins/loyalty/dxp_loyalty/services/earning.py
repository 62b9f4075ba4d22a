"""Earning rules: keeping them, and which version was in force when."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, FieldError, Platform, Unprocessable, gettext
from dxp_loyalty.models import Campaign, EarningRule, EarningRuleVersion, WalletDefinition
from dxp_loyalty.services import refusals
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.services.calculation import RuleInForce
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.services.rule_language import Definition, check_definition, parse_definition
from dxp_loyalty.settings import LoyaltySettings

_RULES = "loyalty_rules"


@dataclass(frozen=True, kw_only=True)
class RuleDraft:
    """What staff say of a rule: fields of `EarningRule` and `EarningRuleVersion`."""

    key: str
    name: str
    event_type: str
    definition: Mapping[str, Any]
    active: bool = True
    draft: bool = False
    live_from: datetime | None = None
    live_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RuleHistory:
    """All versions of a rule that are or were to be in force, the latest first."""

    versions: Sequence[RuleInForce]

    @classmethod
    def of(cls, newest_first: Iterable[RuleInForce]) -> RuleHistory:
        # The sort is stable: of two that begin together the newer one holds.
        return cls(versions=sorted(newest_first, key=lambda rule: rule.since, reverse=True))

    def at(self, moment: datetime, now: datetime) -> RuleInForce | None:
        """The version in force at a moment.

        For one before the rule was made it is the version of now, unless the rule was given a
        beginning; None: it was not in force yet.
        """
        found = next((rule for rule in self.versions if rule.since <= moment), None)
        if found is None and self.versions[-1].open_start:
            found = next((rule for rule in self.versions if rule.since <= now), None)
        return found


class Earning:
    """The only writer of earning rules."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._settings = settings
        # Versions never change, so a parsed one is good for the life of the process.
        self._parsed: dict[uuid.UUID, Definition] = {}

    def histories(self, session: Session) -> list[RuleHistory]:
        """All rules by key, read once in a transaction: an import sends many events."""
        transaction = session.get_transaction()
        known = session.info.get(_RULES)
        if known is not None and known[0] is transaction:
            rules: list[RuleHistory] = known[1]
            return rules
        rows = session.execute(
            select(EarningRule.key, EarningRuleVersion)
            .join(EarningRuleVersion, EarningRuleVersion.rule_id == EarningRule.id)
            .where(EarningRuleVersion.draft.is_(False))
            .order_by(EarningRule.key, EarningRuleVersion.number.desc())
        )
        rules = [
            RuleHistory.of([self.ready(key, version) for _key, version in versions])
            for key, versions in groupby(rows, key=lambda row: row[0])
        ]
        session.info[_RULES] = (transaction, rules)
        return rules

    @staticmethod
    def rules_at(
        histories: Sequence[RuleHistory], event_type: str, moment: datetime, now: datetime
    ) -> list[RuleInForce]:
        """The versions that were in force at a moment and listen to a kind of event."""
        found = (history.at(moment, now) for history in histories)
        return [rule for rule in found if rule is not None and rule.listens_to(event_type, moment)]

    def ready(self, key: str, version: EarningRuleVersion) -> RuleInForce:
        """A version, ready to be applied."""
        if version.id not in self._parsed:
            self._parsed[version.id] = parse_definition(version.definition)
        return RuleInForce(
            key=key,
            rule_id=version.rule_id,
            version_id=version.id,
            since=version.live_from or version.created_at,
            open_start=version.live_from is None,
            until=version.live_until,
            event_type=version.event_type,
            active=version.active,
            definition=self._parsed[version.id],
        )

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
        definition = self.checked(session, draft)
        rule = EarningRule(
            key=draft.key,
            event_type=draft.event_type,
            active=draft.active,
            created_at=self._platform.clock.now(),
        )
        add_definition(
            session, rule, taken=refusals.rule_key_taken(draft.key, code="rule_key_taken")
        )
        self._write_version(session, rule, draft, definition, actor=actor)
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
        definition = self.checked(session, draft)
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
        if not draft.draft:
            rule.active = draft.active
            rule.event_type = draft.event_type
        self._write_version(session, rule, draft, definition, actor=actor)
        self._audit(
            session,
            actor,
            "revised",
            rule,
            before=old | {"definition": before.definition},
            after=_fields(draft, definition),
        )
        return rule

    def checked(self, session: Session, draft: RuleDraft) -> dict[str, Any]:
        """The draft's definition as it would be stored.

        Raises:
            Unprocessable: see `check_definition`; it names a campaign or a wallet that is not
                there; or it would end before it begins (`invalid_rule`).
        """
        definition = check_definition(draft.event_type, draft.definition)
        faults: list[FieldError] = []
        for name, model, main in (
            ("campaign", Campaign, None),
            ("wallet", WalletDefinition, self._settings.wallet),
        ):
            key = definition[name]
            if key in (None, main):
                continue
            if session.scalar(select(model.id).where(model.key == key)) is None:
                detail = gettext("There is nothing with the key “%(key)s”.", key=key)
                faults.append(FieldError(pointer=f"/{name}", code="unknown", detail=detail))
        begins = draft.live_from or self._platform.clock.now()
        if draft.live_until is not None and draft.live_until <= begins:
            detail = gettext("The end must lie after the beginning.")
            faults.append(FieldError(pointer="/live_until", code="too_early", detail=detail))
        if faults:
            raise Unprocessable(
                gettext("The rule cannot be used as it is; mend the fields named in errors"),
                code="invalid_rule",
                errors=faults,
            )
        return definition

    def _write_version(
        self,
        session: Session,
        rule: EarningRule,
        draft: RuleDraft,
        definition: dict[str, Any],
        *,
        actor: Actor,
    ) -> None:
        version = EarningRuleVersion(
            rule_id=rule.id,
            number=rule.version,
            name=draft.name,
            event_type=draft.event_type,
            active=draft.active,
            definition=definition,
            draft=draft.draft,
            live_from=draft.live_from,
            live_until=draft.live_until,
            created_at=self._platform.clock.now(),
            created_by=actor_text(actor),
        )
        session.add(version)
        session.flush()
        session.info.pop(_RULES, None)

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


def _fields(draft: RuleDraft, definition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": draft.name,
        "event_type": draft.event_type,
        "active": draft.active,
        "draft": draft.draft,
        "live_from": draft.live_from.isoformat() if draft.live_from else None,
        "live_until": draft.live_until.isoformat() if draft.live_until else None,
        "definition": definition,
    }
