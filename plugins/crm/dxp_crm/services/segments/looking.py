"""Who would be in a segment, who is, and why."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, select
from sqlalchemy.orm import Session

from dxp.api import Condition, Finding, Platform, compile_condition, sql_condition
from dxp_crm.models import Customer, Segment, SegmentMember, SegmentSize
from dxp_crm.models.segment import LIVE
from dxp_crm.services.segments.catalogue import FieldCatalogue, find_field
from dxp_crm.services.segments.people import People

EXAMPLES = 10
CHECKED_ONE_BY_ONE = 500
"""Of whom the database is not sure, so many are looked at; the number of more is estimated."""

_PARTS = 4096


@dataclass(frozen=True, kw_only=True)
class Preview:
    """How many a condition holds for.

    Attributes:
        exact: false for an estimate from those who were looked at one by one.
        looked_at: how many these were; 0: the database counted.
        uncounted: facts of the condition that the database cannot ask for.
    """

    count: int
    exact: bool
    examples: Sequence[Customer]
    looked_at: int = 0
    uncounted: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A segment that somebody is in, since when."""

    segment: Segment
    since: datetime


class Looking:
    """Reads of segments that write nothing."""

    def __init__(self, platform: Platform, people: People, catalogue: FieldCatalogue) -> None:
        self._platform = platform
        self._people = people
        self._catalogue = catalogue

    def preview(
        self,
        session: Session,
        source: Mapping[str, Any],
        *,
        also: Sequence[ColumnElement[bool]] = (),
    ) -> Preview:
        """Count for whom a condition holds, with ten examples.

        The database counts. What it cannot say exactly is asked of its candidates one by one,
        when they are few; the number of many is estimated from some of them, drawn by lot.

        Args:
            also: what else must hold of a customer's row.

        Raises:
            Unprocessable: the condition cannot be used (`invalid_condition`).
        """
        condition = compile_condition(source, events=True)
        keys = dict.fromkeys(session.scalars(select(Segment.key)))
        self._catalogue.check(session, condition, known=keys)
        now = self._platform.clock.now()
        found = sql_condition(condition, self._people.source(session, now))
        where = and_(found.expression, *also)
        counted = session.scalar(select(func.count()).select_from(Customer).where(where)) or 0
        if not found.exact:
            return self._checked(session, condition, where, candidates=counted)
        examples: Sequence[Customer] = ()
        if counted:
            shown = select(Customer).where(where).limit(EXAMPLES)
            examples = session.scalars(shown).all()
        return Preview(count=counted, exact=True, examples=examples)

    def _checked(
        self,
        session: Session,
        condition: Condition,
        expression: ColumnElement[bool],
        *,
        candidates: int,
    ) -> Preview:
        """The database's candidates, of whom a number is asked one by one."""
        query = select(Customer).where(expression, *_by_lot(candidates))
        rows = session.scalars(query.limit(CHECKED_ONE_BY_ONE)).all()
        now = self._platform.clock.now()
        zones = {row.subject_id: row.timezone for row in rows}
        people = self._people.gather(session, zones, [condition], now=now) if rows else {}
        held = [
            row
            for row in rows
            if condition.matches(people[row.subject_id].facts, people[row.subject_id].at(now))
        ]
        exact = candidates == len(rows)
        fields = self._catalogue.fields(session)
        heads = (find_field(fields, name) for name in sorted(condition.facts))
        return Preview(
            count=len(held) if exact else round(candidates * len(held) / max(len(rows), 1)),
            exact=exact,
            examples=held[:EXAMPLES],
            looked_at=len(rows),
            uncounted=[head.name for head in heads if head is not None and head.sql is None],
        )

    def explain(self, session: Session, segment: Segment, subject_id: uuid.UUID) -> list[Finding]:
        """Each comparison of a segment's condition with the customer's actual values."""
        condition = compile_condition(segment.condition, events=True)
        now = self._platform.clock.now()
        zone = session.scalar(select(Customer.timezone).where(Customer.subject_id == subject_id))
        person = self._people.gather(session, {subject_id: zone}, [condition], now=now)[subject_id]
        return condition.explain(person.facts, person.at(now), failed=person.failed)

    def memberships(self, session: Session, subject_id: uuid.UUID) -> list[Membership]:
        """The live segments that a customer is in, by key."""
        rows = session.execute(
            select(Segment, SegmentMember.since)
            .join(SegmentMember, SegmentMember.segment_id == Segment.id)
            .where(SegmentMember.subject_id == subject_id, Segment.status.in_(LIVE))
            .order_by(Segment.key)
        )
        return [Membership(segment=segment, since=since) for segment, since in rows]

    def keys_of(
        self, session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> dict[uuid.UUID, list[str]]:
        """The keys of the live segments that customers are in, in one query."""
        found: dict[uuid.UUID, list[str]] = {subject_id: [] for subject_id in subject_ids}
        for subject_id, key in session.execute(
            select(SegmentMember.subject_id, Segment.key)
            .join(Segment, Segment.id == SegmentMember.segment_id)
            .where(SegmentMember.subject_id.in_(subject_ids), Segment.status.in_(LIVE))
            .order_by(Segment.key)
        ):
            found[subject_id].append(key)
        return found

    def member_rows(
        self, session: Session, segment_id: uuid.UUID, *, after: uuid.UUID | None
    ) -> Sequence[Any]:
        """The next thousand members after one, with what names them."""
        query = (
            select(
                SegmentMember.subject_id,
                SegmentMember.since,
                Customer.ref,
                Customer.name,
                Customer.email,
            )
            .join(Customer, Customer.subject_id == SegmentMember.subject_id)
            .where(SegmentMember.segment_id == segment_id)
            .order_by(SegmentMember.subject_id)
            .limit(1000)
        )
        if after is not None:
            query = query.where(SegmentMember.subject_id > after)
        return session.execute(query).all()

    def all_names(self, session: Session) -> dict[str, dict[str, str]]:
        """The names of all segments by key, each by locale."""
        rows = session.execute(select(Segment.key, Segment.names).order_by(Segment.key))
        return {row.key: row.names for row in rows}

    def sizes(
        self, session: Session, segment_ids: Sequence[uuid.UUID], *, days: int = 30
    ) -> dict[uuid.UUID, list[tuple[date, int]]]:
        """Sizes by day, oldest first, of the last days."""
        since = self._platform.clock.now().date() - timedelta(days=days)
        found: dict[uuid.UUID, list[tuple[date, int]]] = {one: [] for one in segment_ids}
        for row in session.execute(
            select(SegmentSize.segment_id, SegmentSize.day, SegmentSize.size)
            .where(SegmentSize.segment_id.in_(segment_ids), SegmentSize.day >= since)
            .order_by(SegmentSize.day)
        ):
            found[row.segment_id].append((row.day, row.size))
        return found


def _by_lot(candidates: int) -> list[ColumnElement[bool]]:
    """Nothing for few; for many a part of all customers that is as good as drawn by lot.

    The end of an id is random; its beginning is the time it was made, so that the first customers
    of a table are those of its first days.
    """
    parts = 2 * CHECKED_ONE_BY_ONE * _PARTS // max(candidates, 1)
    if parts >= _PARTS:
        return []
    text = func.replace(cast(Customer.subject_id, String), "-", "", type_=String)
    return [func.substr(text, 30, 3, type_=String) < f"{max(parts, 1):03x}"]
