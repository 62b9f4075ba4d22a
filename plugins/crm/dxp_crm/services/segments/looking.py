"""Who would be in a segment, who is, and why."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import Session

from dxp.api import Condition, Finding, Platform, compile_condition, sql_condition
from dxp_crm.models import Customer, Segment, SegmentMember, SegmentSize
from dxp_crm.models.segment import LIVE
from dxp_crm.services.segments.catalogue import FieldCatalogue
from dxp_crm.services.segments.people import People

EXAMPLES = 10
COUNTED_EXACTLY = 20_000
"""Customers up to which a preview looks at each; of more it takes a part of this size."""

CHECKED_ONE_BY_ONE = 500
_PARTS = 256


@dataclass(frozen=True, kw_only=True)
class Preview:
    """How many a condition holds for. `exact` is false for an estimate from a part of them."""

    count: int
    exact: bool
    examples: Sequence[Customer]


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

    def preview(self, session: Session, source: Mapping[str, Any]) -> Preview:
        """Count for whom a condition holds, at a bounded cost, with ten examples.

        Raises:
            Unprocessable: the condition cannot be used (`invalid_condition`).
        """
        condition = compile_condition(source, events=True)
        keys = dict.fromkeys(session.scalars(select(Segment.key)))
        self._catalogue.check(session, condition, known=keys)
        total = session.scalar(select(func.count()).select_from(Customer)) or 0
        parts = _sample(total)
        now = self._platform.clock.now()
        found = sql_condition(condition, self._people.source(session, now))
        where = [found.expression, *([] if parts is None else [parts[0]])]
        scale = 1.0 if parts is None else parts[1]
        if found.exact:
            counted = session.scalar(select(func.count()).select_from(Customer).where(*where)) or 0
            query = select(Customer).where(*where).limit(EXAMPLES)
            examples = session.scalars(query).all()
            return Preview(count=round(counted * scale), exact=parts is None, examples=examples)
        return self._checked(session, condition, where, scale)

    def _checked(
        self,
        session: Session,
        condition: Condition,
        where: Sequence[ColumnElement[bool]],
        scale: float,
    ) -> Preview:
        """The database's candidates, of whom a number is asked one by one."""
        total = session.scalar(select(func.count()).select_from(Customer).where(*where)) or 0
        rows = session.scalars(select(Customer).where(*where).limit(CHECKED_ONE_BY_ONE)).all()
        now = self._platform.clock.now()
        zones = {row.subject_id: row.timezone for row in rows}
        people = self._people.gather(session, zones, [condition], now=now) if rows else {}
        held = [
            row
            for row in rows
            if condition.matches(people[row.subject_id].facts, people[row.subject_id].at(now))
        ]
        share = len(held) / len(rows) if rows else 0.0
        exact = scale == 1.0 and total == len(rows)
        count = len(held) if exact else round(total * share * scale)
        return Preview(count=count, exact=exact, examples=held[:EXAMPLES])

    def explain(self, session: Session, segment: Segment, subject_id: uuid.UUID) -> list[Finding]:
        """Each comparison of a segment's condition with the customer's actual values."""
        condition = compile_condition(segment.condition, events=True)
        now = self._platform.clock.now()
        zone = session.scalar(select(Customer.timezone).where(Customer.subject_id == subject_id))
        person = self._people.gather(session, {subject_id: zone}, [condition], now=now)[subject_id]
        return condition.explain(person.facts, person.at(now))

    @staticmethod
    def own_fields(source: Mapping[str, Any]) -> list[str]:
        """The fields of the profile that a condition asks about, named as rules of access do.

        Raises:
            Unprocessable: the condition is none (`invalid_condition`).
        """
        facts = compile_condition(source, events=True).facts
        return sorted(name.removeprefix("crm.") for name in facts if name.startswith("crm."))

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


def _sample(total: int) -> tuple[ColumnElement[bool], float] | None:
    """A part of the customers that is as good as drawn by lot, and how many times it makes all.

    The end of an id is random; its beginning is the time it was made.
    """
    if total <= COUNTED_EXACTLY:
        return None
    parts = max(1, min(_PARTS, COUNTED_EXACTLY * _PARTS // total))
    endings = [f"{number:02x}" for number in range(parts)]
    text = func.replace(cast(Customer.subject_id, String), "-", "", type_=String)
    return func.substr(text, 31, 2).in_(endings), _PARTS / parts
