"""Keeping membership: the touched people against the touched segments, in a batch."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from dxp.api import NewEvent, Platform, dialect_insert
from dxp_crm.events import SegmentEntered, SegmentLeft
from dxp_crm.models import Customer, SegmentDue, SegmentMember
from dxp_crm.services.segments.live import LiveSegment, LiveSegments, asking_about
from dxp_crm.services.segments.people import People, Person

BATCH = 500
"""People looked at in one go; a larger number comes in several."""

Pair = tuple[uuid.UUID, uuid.UUID]
"""Ids of a segment and of a customer."""


@dataclass(kw_only=True)
class Changes:
    """What an evaluation found: who entered and left, and when to look again."""

    entered: list[tuple[LiveSegment, uuid.UUID]] = field(default_factory=list)
    left: list[tuple[LiveSegment, uuid.UUID]] = field(default_factory=list)
    timed: list[Pair] = field(default_factory=list)
    due: dict[Pair, datetime] = field(default_factory=dict)


class Evaluator:
    """The only writer of the membership of dynamic segments, and of the queue of next changes."""

    def __init__(self, platform: Platform, people: People, live: LiveSegments) -> None:
        self._platform = platform
        self._people = people
        self.live = live

    def evaluate(
        self,
        session: Session,
        subject_ids: Iterable[uuid.UUID],
        segments: Sequence[LiveSegment],
        *,
        everything: Sequence[LiveSegment],
        publish: bool = True,
    ) -> int:
        """Look at these people for these segments, and for those that ask about what changes.

        Args:
            segments: in the order in which they ask about one another.
            everything: all live segments, in that order.
            publish: whether those who enter and leave are told of as events; not when a segment
                is built, since its people do not enter it one by one.

        Returns:
            how many entered or left.
        """
        if not segments:
            return 0
        ids = sorted(set(subject_ids))
        changed = 0
        for start in range(0, len(ids), BATCH):
            changes = self._find(session, ids[start : start + BATCH], segments, everything)
            self._write(session, changes)
            if publish:
                self._publish(session, changes)
            changed += len(changes.entered) + len(changes.left)
        return changed

    def _find(
        self,
        session: Session,
        ids: Sequence[uuid.UUID],
        segments: Sequence[LiveSegment],
        everything: Sequence[LiveSegment],
    ) -> Changes:
        # The lock makes whoever comes second see what the first one's transaction brought.
        zones = {
            row.subject_id: row.timezone
            for row in session.execute(
                select(Customer.subject_id, Customer.timezone)
                .where(Customer.subject_id.in_(ids))
                .order_by(Customer.subject_id)
                .with_for_update(key_share=True)
            )
        }
        if not zones:
            return Changes()
        now = self._platform.clock.now()
        reachable = _reachable(segments, everything)
        conditions = [one.condition for one in reachable if one.condition is not None]
        found = self._people.gather(session, zones, conditions, now=now)
        moments = self._people.changes(session, list(found), conditions, now=now)
        changes = Changes()
        wanted = {one.key for one in segments}
        for subject_id, person in found.items():
            self._look_at(subject_id, person, reachable, wanted, changes, now, moments)
        return changes

    @staticmethod
    def _look_at(
        subject_id: uuid.UUID,
        person: Person,
        reachable: Sequence[LiveSegment],
        wanted: set[str],
        changes: Changes,
        now: datetime,
        moments: Mapping[str, Mapping[uuid.UUID, datetime]],
    ) -> None:
        at = person.at(now)
        moved: set[str] = set()
        for segment in reachable:
            condition = segment.condition
            if condition is None:
                continue
            if segment.key not in wanted and moved.isdisjoint(condition.segments):
                continue
            inside = condition.matches(person.facts, at)
            timed = condition.facts & moments.keys()
            if condition.timed or timed:
                changes.timed.append((segment.id, subject_id))
            told = (moments[name].get(subject_id) for name in timed)
            due = min(filter(None, (condition.next_change(person.facts, at), *told)), default=None)
            if due is not None:
                changes.due[segment.id, subject_id] = due
            if inside and segment.key not in person.segments:
                person.segments.add(segment.key)
                changes.entered.append((segment, subject_id))
                moved.add(segment.key)
            elif not inside and segment.key in person.segments:
                person.segments.discard(segment.key)
                changes.left.append((segment, subject_id))
                moved.add(segment.key)

    def _write(self, session: Session, changes: Changes) -> None:
        if changes.left:
            pairs = [(segment.id, subject_id) for segment, subject_id in changes.left]
            session.execute(delete(SegmentMember).where(_are(SegmentMember, pairs)))
        if changes.entered:
            now = self._platform.clock.now()
            insert = dialect_insert(session, SegmentMember).on_conflict_do_nothing()
            session.execute(
                insert,
                [
                    {"segment_id": segment.id, "subject_id": subject_id, "since": now}
                    for segment, subject_id in changes.entered
                ],
            )
        over = [pair for pair in changes.timed if pair not in changes.due]
        if over:
            session.execute(delete(SegmentDue).where(_are(SegmentDue, over)))
        if changes.due:
            upsert = dialect_insert(session, SegmentDue)
            upsert = upsert.on_conflict_do_update(
                index_elements=["segment_id", "subject_id"],
                set_={"due_at": upsert.excluded.due_at},
            )
            session.execute(
                upsert,
                [
                    {"segment_id": segment_id, "subject_id": subject_id, "due_at": due}
                    for (segment_id, subject_id), due in changes.due.items()
                ],
            )

    def _publish(self, session: Session, changes: Changes) -> None:
        told = [
            NewEvent(
                type=kind.type,
                data=kind(segment=segment.key, version=segment.version).as_data(),
                subject_id=subject_id,
            )
            for kind, moves in ((SegmentEntered, changes.entered), (SegmentLeft, changes.left))
            for segment, subject_id in moves
        ]
        self._platform.events.publish_many(session, told)

    def evaluate_due(self, session: Session, *, limit: int = BATCH) -> int:
        """Look at those for whom time alone changes something by now; returns how many.

        Repeat until it returns less than `limit`.
        """
        now = self._platform.clock.now()
        rows = session.execute(
            select(SegmentDue.segment_id, SegmentDue.subject_id)
            .where(SegmentDue.due_at <= now)
            .order_by(SegmentDue.due_at)
            .limit(limit)
        ).all()
        if not rows:
            return 0
        everything = self.live.read(session)
        by_id = {one.id: one for one in everything}
        groups: dict[frozenset[uuid.UUID], list[uuid.UUID]] = defaultdict(list)
        wanted: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        for row in rows:
            wanted[row.subject_id].add(row.segment_id)
        for subject_id, ids in wanted.items():
            groups[frozenset(ids)].append(subject_id)
        for segment_ids, subject_ids in groups.items():
            segments = [one for one in everything if one.id in segment_ids]
            self.evaluate(session, subject_ids, segments, everything=everything)
        stale = [(row.segment_id, row.subject_id) for row in rows if row.segment_id not in by_id]
        if stale:
            session.execute(delete(SegmentDue).where(_are(SegmentDue, stale)))
        return len(rows)


def _reachable(
    segments: Sequence[LiveSegment], everything: Sequence[LiveSegment]
) -> list[LiveSegment]:
    """These, and those that ask about them, directly or through others, in order."""
    keys = {one.key for one in segments}
    while True:
        more = {one.key for one in asking_about(everything, keys)} - keys
        if not more:
            return [one for one in everything if one.key in keys]
        keys |= more


def _are(
    model: type[SegmentMember] | type[SegmentDue], pairs: Sequence[Pair]
) -> ColumnElement[bool]:
    """Rows of these pairs; by segment, since databases plan that better than pairs of values."""
    by_segment: Mapping[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for segment_id, subject_id in pairs:
        by_segment[segment_id].append(subject_id)
    return or_(
        *(
            and_(model.segment_id == segment_id, model.subject_id.in_(subject_ids))
            for segment_id, subject_ids in by_segment.items()
        )
    )
