"""The timeline: the event log, seen from one person."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from dxp.api import EventRecord, EventRow, Platform
from dxp_crm.services.visibility import FieldAccess


@dataclass(frozen=True, kw_only=True)
class TimelineItem:
    """One thing that happened, for people.

    Attributes:
        label: the translated name of its type.
        summary: one translated line about it, or an empty text.
    """

    id: uuid.UUID
    type: str
    label: str
    summary: str
    occurred_at: datetime
    source: str
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TimelineFilter:
    """Which part of a timeline to show; what is empty does not restrict.

    Attributes:
        types: of events; several are any of them.
        source: who told of it, such as the name of a shop; `dxp` is the platform itself.
        since, until: a half-open span of time.
        without: types of events that are left out.
    """

    types: Sequence[str] = ()
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None
    without: Sequence[str] = ()


def timeline_query(
    subject_id: uuid.UUID, wanted: TimelineFilter = TimelineFilter()
) -> Select[EventRow]:
    """The events of one subject; page it with `paginate` by (occurred_at, id), latest first."""
    return narrowed(select(EventRow).where(EventRow.subject_id == subject_id), wanted)


def narrowed(query: Select[EventRow], wanted: TimelineFilter) -> Select[EventRow]:
    """A query of events with only those that a filter lets through."""
    if wanted.types:
        query = query.where(EventRow.type.in_(wanted.types))
    if wanted.without:
        query = query.where(EventRow.type.not_in(wanted.without))
    if wanted.source:
        query = query.where(EventRow.source == wanted.source)
    if wanted.since is not None:
        query = query.where(EventRow.occurred_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(EventRow.occurred_at < wanted.until)
    return query


def describe(platform: Platform, told: EventRecord, access: FieldAccess) -> TimelineItem:
    """What an event says to people who have `access`.

    A type that is no longer declared shows its bare name. Of an event with a hidden part there
    is no line, since the line may be made of it.
    """
    kind = platform.events.types.get(told.type)
    record = access.masked(told, kind)
    label = str(kind.label) if kind is not None and kind.label else record.type
    summary = ""
    if kind is not None and kind.summary and record is told:
        summary = kind.summary(record)
    return TimelineItem(
        id=record.id,
        type=record.type,
        label=label,
        summary=summary,
        occurred_at=record.occurred_at,
        source=record.source,
        data=dict(record.data),
    )
