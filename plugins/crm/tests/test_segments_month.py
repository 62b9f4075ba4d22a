"""A month of a shop, hour by hour, against an oracle that looks at everything each time."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from dxp.api import NewEvent, Platform
from dxp.testing import SYSTEM, SettableClock
from dxp_crm.models import Customer, Segment, SegmentMember
from dxp_crm.services import Crm

ZONES = ("Pacific/Auckland", "Asia/Tehran", "Europe/Paris", "America/New_York", None)
SEGMENTS: Mapping[str, Any] = {
    "one-week": {"$event": {"type": "order.placed", "within": "7d"}},
    "three-in-ten": {"$event": {"type": "order.placed", "count": {"$gte": 3}, "within": "10d"}},
    "quiet": {"$event": {"type": "order.placed", "count": 0, "within": "90h"}},
    "euros": {
        "$event": {
            "type": "order.placed",
            "where": {"currency": "EUR"},
            "count": {"$in": [1, 2]},
            "within": "5d",
        }
    },
    "birthday": {"crm.birthday": {"$anniversary": {"within": "2d"}}},
    "after-birthday": {"crm.birthday": {"$anniversary": {"within": "-1d"}}},
    "fresh": {"crm.created_at": {"$gt": "-12d"}},
    "french": {"crm.country": "FR"},
    "lucky": {"$or": [{"$segment": "birthday"}, {"$segment": "three-in-ten"}]},
    "unlucky": {"$not": {"$segment": "lucky"}, "crm.country": {"$ne": "DE"}},
}


@dataclass
class Known:
    """What the oracle knows of a customer."""

    id: uuid.UUID
    zone: str | None
    birthday: tuple[int, int]
    created_at: datetime
    country: str
    orders: list[tuple[datetime, str]] = field(default_factory=list)

    def segments(self, now: datetime) -> set[str]:
        """Worked out from nothing but the definitions, in plain words."""

        def orders(currency: str | None = None, **span: int) -> int:
            since = now - timedelta(**span)
            return sum(at > since and currency in (None, c) for at, c in self.orders)

        today = now.astimezone(ZoneInfo(self.zone or "UTC")).date()
        found = {
            "one-week": orders(days=7) >= 1,
            "three-in-ten": orders(days=10) >= 3,
            "quiet": orders(hours=90) == 0,
            "euros": orders("EUR", days=5) in (1, 2),
            "birthday": self._kept(today, 0, 2),
            "after-birthday": self._kept(today, -1, 0),
            "fresh": self.created_at > now - timedelta(days=12),
            "french": self.country == "FR",
        }
        found["lucky"] = found["birthday"] or found["three-in-ten"]
        found["unlucky"] = not found["lucky"] and self.country != "DE"
        return {key for key, inside in found.items() if inside}

    def _kept(self, today: date, first: int, last: int) -> bool:
        days = [today + timedelta(days=step) for step in range(first, last + 1)]
        wanted = [(day.month, day.day) for day in days]
        leap = any((day.month, day.day) == (2, 28) and day.year % 4 for day in days)
        return self.birthday in wanted or (self.birthday == (2, 29) and leap)


@pytest.mark.slow
def test_a_month_agrees_with_looking_at_everything(
    platform: Platform, clock: SettableClock, run_jobs: Any
) -> None:
    """At every step everybody is where the oracle says, to the second around what flips."""
    chance = random.Random(20260214)
    crm = platform.services.get(Crm)
    start = clock.set(datetime.fromisoformat("2026-02-14T00:00:00+00:00"))
    people = [_register(platform, crm, number, chance) for number in range(12)]
    with platform.db.write() as session:
        for key, condition in SEGMENTS.items():
            data = {"key": key, "names": {"en": key}, "condition": condition}
            crm.segments.definitions.create(session, SYSTEM, data)
            crm.segments.definitions.activate(session, SYSTEM, key=key)
    run_jobs()
    wrong = []
    for step in range(31 * 8):
        now = clock.set(start + timedelta(hours=3 * step, seconds=chance.choice((0, 0, 1))))
        _pass_time(platform, crm)
        if chance.random() < 0.6:
            _happen(platform, crm, people, chance, now)
        if chance.random() < 0.05:
            people.append(_register(platform, crm, len(people), chance))
        wrong += _differences(platform, people, now)
    assert not wrong
    assert len(people) > 12


def _pass_time(platform: Platform, crm: Crm) -> None:
    with platform.db.write() as session:
        while crm.segments.evaluator.evaluate_due(session):
            pass


def _register(platform: Platform, crm: Crm, number: int, chance: random.Random) -> Known:
    month, day = chance.choice([(2, 15), (2, 20), (2, 28), (2, 29), (3, 1), (3, 10), (7, 1)])
    zone, country = chance.choice(ZONES), chance.choice(["FR", "DE", "CA"])
    consent = {"purpose": "birthday", "granted": True, "channel": "web", "text_version": "1"}
    data = {
        "ref": f"P-{number}",
        "timezone": zone,
        "country": country,
        "birthday": {"month": month, "day": day, "calendar": "gregorian"},
        "consents": [consent],
    }
    with platform.db.write() as session:
        made = crm.customers.register(session, SYSTEM, data)
        return Known(made.subject_id, zone, (month, day), made.created_at, country)


def _happen(
    platform: Platform, crm: Crm, people: list[Known], chance: random.Random, now: datetime
) -> None:
    """Orders, late ones among them, one publish for several people; now and then a move."""
    buyers = chance.sample(people, chance.randint(1, 3))
    told = []
    for person in buyers:
        late = timedelta(minutes=chance.choice((0, 0, 1, 60 * 24 * 2, 60 * 24 * 8)))
        currency = chance.choice(["EUR", "USD"])
        person.orders.append((now - late, currency))
        data = {"order_id": str(uuid.uuid4()), "total": "5", "currency": currency}
        told.append(
            NewEvent(type="order.placed", data=data, subject_id=person.id, occurred_at=now - late)
        )
    with platform.db.write() as session:
        platform.events.publish_many(session, told)
        if chance.random() < 0.1:
            buyers[0].country = chance.choice(["FR", "DE", "CA"])
            buyers[0].zone = chance.choice(ZONES)
            changes = {"country": buyers[0].country, "timezone": buyers[0].zone}
            crm.customers.update(
                session, SYSTEM, subject_id=buyers[0].id, version=None, changes=changes
            )


def _differences(
    platform: Platform, people: list[Known], now: datetime
) -> list[tuple[datetime, uuid.UUID, set[str]]]:
    found: dict[uuid.UUID, set[str]] = {person.id: set() for person in people}
    with platform.db.read() as session:
        rows = session.execute(
            select(Customer.subject_id, Segment.key)
            .join(SegmentMember, SegmentMember.subject_id == Customer.subject_id)
            .join(Segment, Segment.id == SegmentMember.segment_id)
        )
        for subject_id, key in rows:
            found[subject_id].add(key)
    return [
        (now, person.id, found[person.id] ^ person.segments(now))
        for person in people
        if found[person.id] != person.segments(now)
    ]
