"""An application with the plugin alone, and what its tests need of a programme."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Platform, Plugin, StartContext, SystemActor
from dxp.contracts import BirthdayChanged, Consents, EventPayload, OrderPlaced
from dxp_loyalty.jobs import BirthdayRun, birthday_run
from dxp_loyalty.models import OccasionGrant, OccasionRule, Reward
from dxp_loyalty.plugin import LoyaltyPlugin
from dxp_loyalty.services.invariants import Report, verify
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.occasions import OccasionRuleDraft
from dxp_loyalty.services.rewards import RewardDraft

STAFF = SystemActor(name="test")


class GrantedConsents:
    """Consents as a test sets them."""

    def __init__(self) -> None:
        self.given: set[tuple[uuid.UUID, str]] = set()

    def granted(self, session: Session, subject_id: uuid.UUID, purpose: str) -> bool:
        return (subject_id, purpose) in self.given

    def granted_many(
        self, session: Session, subject_ids: Sequence[uuid.UUID], purpose: str
    ) -> set[uuid.UUID]:
        return {subject for subject in subject_ids if (subject, purpose) in self.given}


class ConsentPlugin(Plugin):
    """Stands in for whichever plugin keeps consents."""

    name = "consenting"

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        return {Consents: GrantedConsents()}


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return [LoyaltyPlugin, ConsentPlugin]


@pytest.fixture
def loyalty(platform: Platform) -> Loyalty:
    """The plugin's services."""
    return platform.services.get(Loyalty)


@pytest.fixture
def consents(platform: Platform) -> GrantedConsents:
    """Who consented to what; tests add to `given`."""
    found = platform.services.get(Consents)
    assert isinstance(found, GrantedConsents)
    return found


class Programme:
    """What tests do to a programme, through its services and events."""

    def __init__(self, platform: Platform, clock: Any) -> None:
        self.platform, self.clock = platform, clock
        self.loyalty = platform.services.get(Loyalty)

    def member(self) -> uuid.UUID:
        """Somebody without points."""
        with self.platform.db.write() as session:
            return self.platform.subjects.create(session).id

    def give(self, subject_id: uuid.UUID, points: int) -> None:
        """Points from nowhere, by an adjustment."""
        with self.platform.db.write() as session:
            self.loyalty.adjustments.adjust(
                session, subject_id, points, reason_code="migration", note="", actor=STAFF
            )

    def available(self, subject_id: uuid.UUID) -> int:
        """What a member can spend now."""
        with self.platform.db.read() as session:
            found = self.loyalty.points.balances(session, [subject_id]).get(subject_id)
        return 0 if found is None else found.available

    def reward(self, **values: Any) -> Reward:
        """A reward with whatever the test does not say left ordinary."""
        draft: dict[str, Any] = {
            "key": f"reward-{uuid.uuid4().hex[:8]}",
            "kind": "product",
            "cost": 100,
            "texts": {"en": {"name": "Mug", "description": "A mug."}},
        }
        with self.platform.db.write() as session:
            draft = {**draft, **values}
            return self.loyalty.rewards.create(session, RewardDraft(**draft), actor=STAFF)

    def birthday_rule(self, **values: Any) -> OccasionRule:
        """A birthday rule of 200 points."""
        draft: dict[str, Any] = {
            "key": f"birthday-{uuid.uuid4().hex[:8]}",
            "texts": {"en": {"name": "Birthday gift"}},
            "points": 200,
            **values,
        }
        with self.platform.db.write() as session:
            return self.loyalty.occasions.create_rule(
                session, OccasionRuleDraft(**draft), actor=STAFF
            )

    def birthday(
        self,
        subject_id: uuid.UUID,
        month: int,
        day: int,
        *,
        year: int | None = None,
        calendar: str = "gregorian",
        set_at: datetime | None = None,
        timezone: str | None = None,
    ) -> None:
        """Told as the plugin that keeps profiles reports it."""
        birthday = {
            "month": month,
            "day": day,
            "year": year,
            "calendar": calendar,
            "set_at": (set_at or self.clock.now()).isoformat(),
        }
        self.publish(subject_id, BirthdayChanged(birthday=birthday, timezone=timezone))

    def publish(self, subject_id: uuid.UUID, payload: EventPayload) -> None:
        """An event about a member."""
        with self.platform.db.write() as session:
            self.platform.events.publish(session, payload, subject_id=subject_id)

    def order(
        self,
        subject_id: uuid.UUID,
        total: str,
        *,
        order_id: str | None = None,
        occurred_at: datetime | None = None,
        currency: str = "USD",
        channel: str = "web",
    ) -> None:
        """An order as a shop reports it."""
        number = order_id or uuid.uuid4().hex[:8]
        with self.platform.db.write() as session:
            self.platform.events.publish(
                session,
                OrderPlaced(order_id=number, total=total, currency=currency, channel=channel),
                subject_id=subject_id,
                source="shop",
                external_id=number,
                occurred_at=occurred_at,
            )

    def grants(self, subject_id: uuid.UUID) -> list[OccasionGrant]:
        """All grants of a member, in whatever state, by year."""
        with self.platform.db.read() as session:
            return list(
                session.scalars(
                    select(OccasionGrant)
                    .where(OccasionGrant.subject_id == subject_id)
                    .order_by(OccasionGrant.occurrence_year, OccasionGrant.calendar)
                )
            )

    def run(self) -> BirthdayRun:
        """One run of the birthday job."""
        return birthday_run(self.platform)

    def check(self) -> Report:
        """All invariants over the whole database; fails with the first violations."""
        with self.platform.db.read() as session:
            report = verify(session, now=self.clock.now(), counting=self.loyalty.tier_counting)
        assert report.ok, "\n".join(str(violation) for violation in report.violations[:5])
        return report


@pytest.fixture
def programme(platform: Platform, clock: Any) -> Programme:
    """Does to the programme what a test needs done."""
    return Programme(platform, clock)


@pytest.fixture
def member(programme: Programme) -> uuid.UUID:
    """Somebody without points."""
    return programme.member()
