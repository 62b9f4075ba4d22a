"""Looking at everybody once, when a segment is switched on or its condition changes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dxp.api import Platform, dialect_insert, sql_condition
from dxp_crm.models import Customer, Segment, SegmentDue, SegmentMember, SegmentSize
from dxp_crm.models.segment import ACTIVE, BUILDING, LIVE
from dxp_crm.services.segments.evaluating import Evaluator
from dxp_crm.services.segments.live import asking_about
from dxp_crm.services.segments.people import People

BATCH = 1000
BUILD_JOB = "crm.segments.build"


class Builder:
    """Fills a segment in batches, each in a transaction of its own."""

    def __init__(self, platform: Platform, people: People, evaluator: Evaluator) -> None:
        self._platform = platform
        self._people = people
        self._evaluator = evaluator

    def build(self, segment_id: uuid.UUID, version: int) -> None:
        """Look at every customer; a newer version of the segment ends the work on this one.

        Whoever changes meanwhile is looked at by the events of that, as in any live segment.
        """
        after: uuid.UUID | None = None
        while True:
            with self._platform.db.write() as session:
                segment = session.get(Segment, segment_id)
                if segment is None or segment.version != version or segment.status != BUILDING:
                    return
                if after is None:
                    segment.built = 0
                    segment.to_build = _customers(session)
                    session.execute(delete(SegmentDue).where(SegmentDue.segment_id == segment_id))
                ids = _batch(session, after)
                self._fill(session, segment_id, ids)
                segment.built += len(ids)
                if len(ids) < BATCH:
                    segment.status = ACTIVE
                    segment.size = count_members(session, segment_id)
                    self._tell_dependents(session, segment)
                    return
                after = ids[-1]

    def _fill(self, session: Session, segment_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
        everything = self._evaluator.live.read(session)
        segment = next((one for one in everything if one.id == segment_id), None)
        if segment is None or segment.condition is None or not ids:
            return
        now = self._platform.clock.now()
        found = sql_condition(segment.condition, self._people.source(session, now))
        if segment.condition.timed or not found.exact:
            self._evaluator.evaluate(session, ids, [segment], everything=[segment], publish=False)
            return
        # Locked, so that nobody who changes meanwhile is written as they were.
        session.execute(
            select(Customer.subject_id)
            .where(Customer.subject_id.in_(ids))
            .order_by(Customer.subject_id)
            .with_for_update(key_share=True)
        )
        between = Customer.subject_id.between(ids[0], ids[-1])
        holders = select(Customer.subject_id).where(between, found.expression)
        session.execute(
            delete(SegmentMember).where(
                SegmentMember.segment_id == segment_id,
                SegmentMember.subject_id.between(ids[0], ids[-1]),
                SegmentMember.subject_id.not_in(holders),
            )
        )
        inside = list(session.scalars(holders))
        if inside:
            session.execute(
                dialect_insert(session, SegmentMember).on_conflict_do_nothing(),
                [
                    {"segment_id": segment_id, "subject_id": subject_id, "since": now}
                    for subject_id in inside
                ],
            )

    def _tell_dependents(self, session: Session, segment: Segment) -> None:
        """Segments that ask about this one are built anew, since their answer may be another."""
        everything = self._evaluator.live.read(session)
        for dependent in asking_about(everything, {segment.key}):
            start_build(self._platform, session, session.get_one(Segment, dependent.id))


def start_build(platform: Platform, session: Session, segment: Segment) -> None:
    """Look at everybody for this segment, in a job after the commit."""
    segment.version += 1
    segment.status = BUILDING
    segment.built, segment.to_build = 0, _customers(session)
    session.flush()
    platform.jobs.enqueue(
        session, BUILD_JOB, {"segment_id": str(segment.id), "version": segment.version}
    )


def count_members(session: Session, segment_id: uuid.UUID) -> int:
    """How many are in a segment now."""
    query = select(func.count()).where(SegmentMember.segment_id == segment_id)
    return session.scalar(query) or 0


def count_sizes(platform: Platform, session: Session) -> None:
    """Count the live segments, and keep the number as that of the day."""
    today = platform.clock.now().date()
    ids = session.scalars(select(Segment.id).where(Segment.status.in_(LIVE))).all()
    for segment_id in ids:
        size = count_members(session, segment_id)
        session.execute(update(Segment).where(Segment.id == segment_id).values(size=size))
        insert = dialect_insert(session, SegmentSize).values(
            segment_id=segment_id, day=today, size=size
        )
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["segment_id", "day"], set_={"size": insert.excluded.size}
            )
        )


def _customers(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Customer)) or 0


def _batch(session: Session, after: uuid.UUID | None) -> list[uuid.UUID]:
    query = select(Customer.subject_id).order_by(Customer.subject_id).limit(BATCH)
    return list(
        session.scalars(query if after is None else query.where(Customer.subject_id > after))
    )
