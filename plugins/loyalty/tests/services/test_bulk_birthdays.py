"""A batch of birthdays and consents, as an import sends them, takes as many statements as one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from dxp.api import NewEvent, Platform
from dxp.contracts import BirthdayChanged, ConsentChanged
from dxp_loyalty.models import OccasionDate, OccasionGrant


def tell(platform: Platform, *words: tuple[uuid.UUID, int | None]) -> None:
    """Birthdays on a day of May, or none any more, with consent to gifts, in one publish."""
    told_at = platform.clock.now().isoformat()
    events: list[NewEvent] = []
    for member, day in words:
        birthday = {"month": 5, "day": day, "year": None, "calendar": "gregorian"}
        payload = BirthdayChanged(
            birthday=None if day is None else birthday | {"set_at": told_at}, timezone=None
        )
        consent = ConsentChanged(
            purpose="birthday", granted=True, channel="import", text_version="1"
        )
        events += [
            NewEvent(type=item.type, data=item.as_data(), subject_id=member)
            for item in (consent, payload)
        ]
    with platform.db.write() as session:
        platform.events.publish_many(session, events)


def planned(platform: Platform) -> dict[str, int]:
    with platform.db.read() as session:
        rows = session.execute(
            select(OccasionGrant.state, func.count()).group_by(OccasionGrant.state)
        )
        return dict(rows.all())


def test_the_statements_do_not_grow_with_the_members(
    programme: Any, platform: Platform, count_queries: Any
) -> None:
    programme.birthday_rule()
    counts = []
    for number in (2, 50):
        members = [programme.member() for _ in range(number)]
        with count_queries() as queries:
            tell(platform, *((member, 10) for member in members))
        counts.append(queries.count)
    assert counts[0] == counts[1]
    assert planned(platform) == {"planned": 52}


def test_the_last_word_of_a_member_in_a_batch_counts(programme: Any, platform: Platform) -> None:
    programme.birthday_rule()
    moved, gone, back = (programme.member() for _ in range(3))
    tell(platform, (gone, 3), (back, 3))
    tell(platform, (moved, 3), (gone, None), (back, None), (moved, 9), (back, 4))
    with platform.db.read() as session:
        days = dict(session.execute(select(OccasionDate.subject_id, OccasionDate.day)).all())
    assert days == {moved: 9, back: 4}


def test_gifts_that_waited_for_consent_are_issued_by_one_job_for_all(
    programme: Any, platform: Platform, consents: Any, run_jobs: Callable[[], int], clock: Any
) -> None:
    programme.birthday_rule()
    members = [programme.member() for _ in range(3)]
    day = clock.now() + timedelta(days=20)
    tell(platform, *((member, None) for member in members))
    birthday = {"month": day.month, "day": day.day, "year": None, "calendar": "gregorian"}
    for member in members:
        told = birthday | {"set_at": clock.now().isoformat()}
        programme.publish(member, BirthdayChanged(birthday=told, timezone=None))
    clock.advance(days=21)
    consent = ConsentChanged(purpose="birthday", granted=True, channel="web", text_version="1")
    consents.given |= {(member, "birthday") for member in members}
    with platform.db.write() as session:
        events = [
            NewEvent(type=consent.type, data=consent.as_data(), subject_id=member)
            for member in members
        ]
        platform.events.publish_many(session, events)
    with platform.db.read() as session:
        names = [job.name for job in platform.jobs.latest(session, state="ready")]
    assert names.count("loyalty.issue_gifts") == 1
    assert planned(platform) == {"planned": 3}
    run_jobs()
    assert planned(platform) == {"issued": 3}
