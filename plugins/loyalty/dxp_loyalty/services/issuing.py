"""The issuer: turns what is due into gifts, in batches, with the reason where it may not."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from dxp.api import NewEvent, Platform, Situation, compile_condition, facts_of
from dxp.contracts import PURPOSE_BIRTHDAY, Consents, EventPayload
from dxp_loyalty.events import BirthdayGiftIssued, OccasionGiftIssued
from dxp_loyalty.models import OccasionDate, OccasionGrant, OccasionRule, Reward
from dxp_loyalty.services.birthdays import APART, LATENESS
from dxp_loyalty.services.membership import Membership
from dxp_loyalty.services.planning import BIRTHDAY

PURPOSE_GUARDIAN = "guardian"
"""Consent of a guardian, needed under the rule's minimum age (rule 11)."""

NO_CONSENT = "no_consent"
NO_GUARDIAN = "guardian_consent_missing"
PAUSED = "paused"
TOO_SOON = "too_soon"
TOO_LATE = "too_late"
NOT_MEANT = "not_meant"

ISSUE = "loyalty.issue_gifts"

GIVEN = ("issued", "claimed", "lapsed")
"""States of a gift that was given and not taken back."""

Position = tuple[datetime, uuid.UUID]


@dataclass(kw_only=True)
class Outcome:
    """What one or more batches did: how many grants went into which state, or why they wait.

    `after` is where the next batch goes on; None when there is none.
    """

    issued: int = 0
    missed: int = 0
    skipped: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    after: Position | None = None

    def add(self, other: Outcome) -> None:
        self.issued += other.issued
        self.missed += other.missed
        self.skipped += other.skipped
        self.waiting += other.waiting


@dataclass(frozen=True)
class _Due:
    grant: OccasionGrant
    rule: OccasionRule
    date: OccasionDate | None


class Issuer:
    """Issues the gifts of occasions: each once, whatever the number of workers (rule 9)."""

    def __init__(self, platform: Platform, membership: Membership) -> None:
        self._platform = platform
        self._membership = membership

    def issue_due(
        self,
        session: Session,
        *,
        after: Position | None = None,
        limit: int = 500,
        subject_ids: Collection[uuid.UUID] | None = None,
    ) -> Outcome:
        """Decide one batch of due grants, in the order in which they fell due.

        Args:
            after: go on behind this (due_at, id): grants that wait stay due and are passed over.
            subject_ids: only these members'.
        """
        now = self._platform.clock.now()
        batch = self._load(session, now, after=after, limit=limit, subject_ids=subject_ids)
        outcome = Outcome()
        if len(batch) == limit:
            last = batch[-1].grant
            assert last.due_at is not None
            outcome.after = (last.due_at, last.id)
        in_time = [due for due in batch if self._in_time(due, now)]
        late = {due.grant.id for due in batch} - {due.grant.id for due in in_time}
        withheld = self._withheld(session, in_time)
        given = self._given(session, in_time)
        meant = self._meant(session, [due for due in in_time if due.grant.id not in withheld], now)
        events: list[NewEvent] = []
        rewards = self._reward_keys(session, in_time)
        for due in batch:
            grant = due.grant
            if grant.id in late:
                grant.state, grant.reason = "missed", grant.reason or TOO_LATE
                outcome.missed += 1
            elif (reason := withheld.get(grant.id)) is not None:
                grant.reason = reason
                outcome.waiting[reason] += 1
            elif grant.id not in meant:
                grant.state, grant.reason = "skipped", NOT_MEANT
                outcome.skipped += 1
            elif not self._apart(grant, given[grant.subject_id, grant.rule_id]):
                grant.state, grant.reason = "skipped", TOO_SOON
                outcome.skipped += 1
            else:
                given[grant.subject_id, grant.rule_id].append(_moment(grant.due_at))
                events.append(self._issue(due, now, rewards))
                outcome.issued += 1
        session.flush()
        self._platform.events.publish_many(session, events)
        return outcome

    def ask(self, session: Session, subject_ids: Collection[uuid.UUID]) -> None:
        """Have what is due to members looked at right after the commit, by one job."""
        if not subject_ids:
            return
        waiting = session.scalars(
            select(OccasionGrant.subject_id)
            .where(
                OccasionGrant.subject_id.in_(subject_ids),
                OccasionGrant.state == "planned",
                OccasionGrant.due_at <= self._platform.clock.now(),
            )
            .distinct()
        )
        if found := sorted(map(str, waiting)):
            self._platform.jobs.enqueue(session, ISSUE, {"subject_ids": found})

    def lapse(self, session: Session) -> int:
        """Close gifts that were not claimed in time; returns how many."""
        lapsed = session.scalars(
            update(OccasionGrant)
            .where(
                OccasionGrant.state == "issued",
                OccasionGrant.valid_until <= self._platform.clock.now(),
            )
            .values(state="lapsed")
            .returning(OccasionGrant.id)
        )
        return len(lapsed.all())

    @staticmethod
    def _load(
        session: Session,
        now: datetime,
        *,
        after: Position | None,
        limit: int,
        subject_ids: Collection[uuid.UUID] | None,
    ) -> list[_Due]:
        query = (
            select(OccasionGrant, OccasionRule, OccasionDate)
            .join(OccasionRule, OccasionRule.id == OccasionGrant.rule_id)
            .outerjoin(OccasionDate, OccasionDate.subject_id == OccasionGrant.subject_id)
            .where(
                OccasionGrant.state == "planned",
                OccasionGrant.due_at <= now,
                OccasionRule.active.is_(True),
            )
            .order_by(OccasionGrant.due_at, OccasionGrant.id)
            .limit(limit)
            .with_for_update(of=OccasionGrant, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if after is not None:
            query = query.where(tuple_(OccasionGrant.due_at, OccasionGrant.id) > tuple_(*after))
        if subject_ids is not None:
            query = query.where(OccasionGrant.subject_id.in_(subject_ids))
        return [_Due(grant, rule, date) for grant, rule, date in session.execute(query)]

    @staticmethod
    def _in_time(due: _Due, now: datetime) -> bool:
        return now - _moment(due.grant.due_at) <= LATENESS

    def _withheld(self, session: Session, batch: Sequence[_Due]) -> dict[uuid.UUID, str]:
        """Why grants may not be issued now, by grant; those that may are left out."""
        if not batch:
            return {}
        consents = self._platform.services.find(Consents)
        paused = self._membership.paused(session, {due.grant.subject_id for due in batch})
        told = list({due.grant.subject_id for due in batch if due.rule.kind == BIRTHDAY})
        willing: set[uuid.UUID] = set()
        if consents is not None and told:
            willing = consents.granted_many(session, told, PURPOSE_BIRTHDAY)
        minors = [due.grant.subject_id for due in batch if _is_minor(due)]
        guarded: set[uuid.UUID] = set()
        if consents is not None and minors:
            guarded = consents.granted_many(session, minors, PURPOSE_GUARDIAN)
        reasons: dict[uuid.UUID, str] = {}
        for due in batch:
            subject_id = due.grant.subject_id
            if subject_id in paused:
                reasons[due.grant.id] = PAUSED
            elif due.rule.kind == BIRTHDAY and subject_id not in willing:
                reasons[due.grant.id] = NO_CONSENT
            elif _is_minor(due) and subject_id not in guarded:
                reasons[due.grant.id] = NO_GUARDIAN
        return reasons

    def _meant(self, session: Session, batch: Sequence[_Due], now: datetime) -> set[uuid.UUID]:
        """Grants whose rule is for everybody, or for people like their member."""
        asked = {due.grant.subject_id for due in batch if due.rule.condition}
        facts = facts_of(self._platform, session, list(asked), now)
        conditions = {
            due.rule.id: compile_condition(due.rule.condition)
            for due in batch
            if due.rule.condition
        }
        meant: set[uuid.UUID] = set()
        for due in batch:
            condition = conditions.get(due.rule.id)
            at = Situation(now=now, zone=ZoneInfo(due.grant.timezone or "UTC"))
            if condition is None or condition.matches(facts[due.grant.subject_id], at):
                meant.add(due.grant.id)
        return meant

    @staticmethod
    def _given(
        session: Session, batch: Sequence[_Due]
    ) -> dict[tuple[uuid.UUID, uuid.UUID], list[datetime]]:
        """When the gifts that these members already had fell due, by member and rule."""
        given: dict[tuple[uuid.UUID, uuid.UUID], list[datetime]] = defaultdict(list)
        if not batch:
            return given
        moments = [_moment(due.grant.due_at) for due in batch]
        rows = session.execute(
            select(OccasionGrant.subject_id, OccasionGrant.rule_id, OccasionGrant.due_at).where(
                OccasionGrant.subject_id.in_({due.grant.subject_id for due in batch}),
                OccasionGrant.state.in_(GIVEN),
                OccasionGrant.due_at > min(moments) - APART,
                OccasionGrant.due_at < max(moments) + APART,
            )
        )
        for subject_id, rule_id, due_at in rows:
            given[subject_id, rule_id].append(_moment(due_at))
        return given

    @staticmethod
    def _apart(grant: OccasionGrant, given: Sequence[datetime]) -> bool:
        """Rule 4, measured between due moments, so that an outage changes nothing."""
        due_at = _moment(grant.due_at)
        return all(abs(due_at - other) >= APART for other in given)

    @staticmethod
    def _reward_keys(session: Session, batch: Sequence[_Due]) -> dict[uuid.UUID, str]:
        ids = {due.rule.reward_id for due in batch if due.rule.reward_id is not None}
        if not ids:
            return {}
        rows = session.execute(select(Reward.id, Reward.key).where(Reward.id.in_(ids)))
        return dict(rows.all())

    @staticmethod
    def _issue(due: _Due, now: datetime, rewards: dict[uuid.UUID, str]) -> NewEvent:
        grant, rule = due.grant, due.rule
        grant.state, grant.reason = "issued", None
        grant.issued_at = now
        grant.valid_until = max(_moment(grant.ends_at), now + timedelta(days=rule.minimum_days))
        grant.points, grant.reward_id = rule.points, rule.reward_id
        reward = None if rule.reward_id is None else rewards.get(rule.reward_id)
        payload: EventPayload
        if rule.kind == BIRTHDAY:
            payload = BirthdayGiftIssued(rule=rule.key, points=rule.points, reward=reward)
        else:
            payload = OccasionGiftIssued(
                rule=rule.key, kind=rule.kind, points=rule.points, reward=reward
            )
        return NewEvent(
            type=payload.type,
            data=payload.as_data(),
            subject_id=grant.subject_id,
            origin_id=grant.origin_id,
            occurred_at=now,
        )


def _is_minor(due: _Due) -> bool:
    """Whether the member is known to be younger than the rule asks on that birthday."""
    date, rule = due.date, due.rule
    if rule.kind != BIRTHDAY:
        return False
    if rule.minimum_age is None or date is None or date.year is None:
        return False
    return due.grant.occurrence_year - date.year < rule.minimum_age


def _moment(value: datetime | None) -> datetime:
    assert value is not None, "only erased grants have blank moments, and they are never due"
    return value
