"""What conditions ask of many customers at once: in Python for a few, in SQL for all."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, literal, select, true
from sqlalchemy.orm import Session, aliased

from dxp.api import (
    Condition,
    EventCount,
    EventRow,
    Platform,
    Situation,
    SqlEvents,
    SqlSource,
    SqlValue,
    data_condition,
    data_matcher,
    facts_of,
    timezones,
)
from dxp_crm.models import Customer, Segment, SegmentMember
from dxp_crm.services.birthdays import CALENDARS, month_day_of
from dxp_crm.services.segments.catalogue import FieldCatalogue, find_field

OTHER_CALENDARS = {name: month_day_of(name) for name in CALENDARS[1:]}


@dataclass(kw_only=True)
class Person:
    """One customer, as conditions see them.

    Attributes:
        segments: the keys of those they are in.
        failed: how the names of facts begin that a plugin failed to tell.
    """

    facts: Mapping[str, Any]
    zone: ZoneInfo
    segments: set[str]
    events: Mapping[str, Sequence[datetime]]
    failed: Sequence[str] = ()

    def at(self, now: datetime) -> Situation:
        return Situation(
            now=now,
            zone=self.zone,
            events=lambda event: self.events.get(signature(event), ()),
            segments=self.segments,
            calendars=OTHER_CALENDARS,
        )


def signature(event: EventCount) -> str:
    """The same for counts that look at the same events."""
    return f"{_alike(event)}|{event.within}|{event.most}"


def _alike(event: EventCount) -> str:
    """The same for counts that differ in how far back they look, and in the number, alone."""
    return f"{event.type}|{event.since}|{event.until}|{event.wanted.get('where')}"


class People:
    """Gathers what conditions ask, in a number of queries that does not grow with the people."""

    def __init__(self, platform: Platform, catalogue: FieldCatalogue) -> None:
        self._platform = platform
        self._catalogue = catalogue

    def gather(
        self,
        session: Session,
        zones: Mapping[uuid.UUID, str | None],
        conditions: Iterable[Condition],
        *,
        now: datetime,
    ) -> dict[uuid.UUID, Person]:
        """The people of `zones`, with what `conditions` ask of them.

        Args:
            zones: name of the time zone by customer; None: the shop's.
        """
        asked = list(conditions)
        ids = list(zones)
        failed: set[str] = set()
        facts = (
            facts_of(self._platform, session, ids, now, failed=failed)
            if any(one.facts for one in asked)
            else {}
        )
        inside: dict[uuid.UUID, set[str]] = defaultdict(set)
        for subject_id, key in session.execute(
            select(SegmentMember.subject_id, Segment.key)
            .join(Segment, Segment.id == SegmentMember.segment_id)
            .where(SegmentMember.subject_id.in_(ids))
        ):
            inside[subject_id].add(key)
        moments = self._moments_of_all(
            session, ids, [event for one in asked for event in one.events], now
        )
        return {
            subject_id: Person(
                facts=facts.get(subject_id, {}),
                zone=self.zone_of(zone),
                segments=inside[subject_id],
                events={key: found.get(subject_id, ()) for key, found in moments.items()},
                failed=sorted(failed),
            )
            for subject_id, zone in zones.items()
        }

    def changes(
        self,
        session: Session,
        subject_ids: Sequence[uuid.UUID],
        conditions: Iterable[Condition],
        *,
        now: datetime,
    ) -> dict[str, Mapping[uuid.UUID, datetime]]:
        """When time alone may next change a fact, by the facts that tell it and by customer.

        Facts are named as the conditions ask for them, which may lead on into their values.
        """
        names = {name for one in conditions for name in one.facts}
        fields = self._catalogue.fields(session) if names else {}
        asked: dict[str, list[str]] = defaultdict(list)
        for name in names:
            field = find_field(fields, name)
            if field is not None and field.next_change is not None:
                asked[field.name].append(name)
        found: dict[str, Mapping[uuid.UUID, datetime]] = {}
        for fact, wanted in asked.items():
            tell = fields[fact].next_change
            assert tell is not None
            moments = tell(session, subject_ids, now)
            found.update(dict.fromkeys(wanted, moments))
        return found

    def zone_of(self, name: str | None) -> ZoneInfo:
        """A customer's time zone; the shop's when it is not told or not known."""
        return _zone(name if name in timezones() else None, self._platform.settings.locale.timezone)

    def _moments_of_all(
        self,
        session: Session,
        ids: Sequence[uuid.UUID],
        events: Iterable[EventCount],
        now: datetime,
    ) -> dict[str, dict[uuid.UUID, list[datetime]]]:
        """The latest moments for each count, by its signature.

        Counts of the same events in different windows share a query: the widest window holds
        them all, and the latest come first in it.
        """
        alike: dict[str, dict[str, EventCount]] = defaultdict(dict)
        for event in events:
            alike[_alike(event)][signature(event)] = event
        found: dict[str, dict[uuid.UUID, list[datetime]]] = {}
        for counts in alike.values():
            windows = [event.within for event in counts.values()]
            widest = replace(
                next(iter(counts.values())),
                within=None if None in windows else max(filter(None, windows)),
                most=max(event.most for event in counts.values()),
            )
            latest = self._moments(session, ids, widest, now)
            for key, event in counts.items():
                since = None if event.within is None else now - event.within
                found[key] = {
                    subject_id: [
                        moment
                        for moment in moments[: event.most]
                        if since is None or moment > since
                    ]
                    for subject_id, moments in latest.items()
                }
        return found

    @staticmethod
    def _moments(
        session: Session, ids: Sequence[uuid.UUID], event: EventCount, now: datetime
    ) -> dict[uuid.UUID, list[datetime]]:
        """The latest moments of a kind of event, no more of each person than can matter."""
        dialect = session.get_bind().dialect.name
        where = data_condition(event, EventRow.data, dialect=dialect, now=now)
        of_kind = [EventRow.type == event.type, where.expression]
        if event.within is not None:
            of_kind.append(EventRow.occurred_at > now - event.within)
        if event.since is not None:
            of_kind.append(EventRow.occurred_at >= event.since)
        if event.until is not None:
            of_kind.append(EventRow.occurred_at < event.until)
        if where.exact:
            query = _latest(ids, of_kind, event.most, dialect=dialect)
        else:
            query = (
                select(EventRow.subject_id, EventRow.occurred_at, EventRow.data)
                .where(EventRow.subject_id.in_(ids), *of_kind)
                .order_by(EventRow.subject_id, EventRow.occurred_at.desc())
                .execution_options(yield_per=1000)
            )
        fits = data_matcher(event, now)
        found: dict[uuid.UUID, list[datetime]] = defaultdict(list)
        for row in session.execute(query):
            moments = found[row.subject_id]
            if len(moments) < event.most and (where.exact or fits(row.data)):
                moments.append(row.occurred_at)
        return found

    def source(self, session: Session, now: datetime) -> SqlSource:
        """Where SQL finds what conditions ask; a query over it selects from `Customer`."""
        dialect = session.get_bind().dialect.name
        fields = self._catalogue.fields(session)

        def fact(name: str) -> SqlValue | None:
            field = fields.get(name)
            if field is None or field.sql is None:
                return None
            return field.sql(Customer.subject_id, dialect)

        return SqlSource(
            dialect=dialect,
            subject=Customer.subject_id,
            fact=fact,
            now=now,
            zone=Customer.timezone,
            default_zone=self._platform.settings.locale.timezone,
            zones=timezones(),
            events=SqlEvents(
                subject=EventRow.subject_id,
                type=EventRow.type,
                occurred_at=EventRow.occurred_at,
                data=EventRow.data,
            ),
            segment=_is_in,
            calendars=OTHER_CALENDARS,
        )


def _latest(
    ids: Sequence[uuid.UUID], of_kind: Sequence[ColumnElement[bool]], most: int, *, dialect: str
) -> Select[uuid.UUID, datetime]:
    """The latest events of each person, read off an index until there are enough of them.

    A window function would number all events of each person first, and some have very many.
    """
    own = select(EventRow.id, EventRow.occurred_at)
    own = own.where(EventRow.subject_id == Customer.subject_id, *of_kind)
    own = own.order_by(EventRow.occurred_at.desc(), EventRow.id.desc()).limit(most)
    own = own.correlate(Customer)
    asked = Customer.subject_id.in_(ids)
    if dialect == "postgresql":
        events = own.lateral()
        query = select(Customer.subject_id, events.c.occurred_at)
        query = query.join(events, true()).where(asked)
        return query.order_by(Customer.subject_id, events.c.occurred_at.desc())
    row = aliased(EventRow)
    query = select(Customer.subject_id, row.occurred_at)
    query = query.join(row, row.id.in_(own.with_only_columns(EventRow.id))).where(asked)
    return query.order_by(Customer.subject_id, row.occurred_at.desc())


def _is_in(key: str) -> ColumnElement[bool]:
    rows = (
        select(literal(1))
        .select_from(SegmentMember)
        .join(Segment, Segment.id == SegmentMember.segment_id)
        .where(Segment.key == key, SegmentMember.subject_id == Customer.subject_id)
        .correlate(Customer)
    )
    return exists(rows)


@lru_cache(maxsize=1024)
def _zone(name: str | None, default: str) -> ZoneInfo:
    return ZoneInfo(name or default)
