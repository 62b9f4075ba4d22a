"""How long events are kept.

A type says so, and the setting `events.retention_days` overrides it; an event is past when it
happened longer ago. What is past is removed, but for types from which a ledger was written: there
the row stays, emptied of its content and of whom it was about, so that source and id of the event
are known for ever and a replay never counts twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, delete, select, tuple_, update
from sqlalchemy.orm import Session

from dxp.events.models import EventRow
from dxp.events.types import EventType

if TYPE_CHECKING:
    from dxp.platform import Platform

BATCH = 1000
FOR_EVER = 0
"""In the setting: events of this type are never past."""


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """How many events of one type were removed, and how many emptied."""

    type: str
    removed: int = 0
    emptied: int = 0


def retention_of(platform: Platform, event_type: EventType) -> timedelta | None:
    """How long events of a type are kept, by the setting or else by the type; None: for ever."""
    days = platform.settings.events.retention_days.get(event_type.name, event_type.retention_days)
    return timedelta(days=days) if days else None


def forget_events(
    platform: Platform, *, told: Callable[[str, int], None] | None = None
) -> list[Forgotten]:
    """Remove or empty all events that are past, in transactions of at most `BATCH` rows.

    Args:
        told: gets the type and the number of rows after each batch.
    """
    now = platform.clock.now()
    found = []
    for event_type in platform.events.types.values():
        keep = retention_of(platform, event_type)
        if keep is None:
            continue
        count = _forget(platform, event_type, now - keep, told)
        found.append(
            Forgotten(type=event_type.name, emptied=count)
            if event_type.ledger
            else Forgotten(type=event_type.name, removed=count)
        )
    return found


def _forget(
    platform: Platform,
    event_type: EventType,
    before: datetime,
    told: Callable[[str, int], None] | None,
) -> int:
    count = 0
    after: tuple[datetime, uuid.UUID] | None = None
    while True:
        with platform.db.write() as session:
            rows = session.execute(_past(event_type, before, after)).all()
            if rows:
                _forget_rows(session, event_type, [row.id for row in rows])
        count += len(rows)
        if told is not None and rows:
            told(event_type.name, len(rows))
        if len(rows) < BATCH:
            return count
        after = (rows[-1].occurred_at, rows[-1].id)


def _past(
    event_type: EventType, before: datetime, after: tuple[datetime, uuid.UUID] | None
) -> Select[datetime, uuid.UUID]:
    stmt = (
        select(EventRow.occurred_at, EventRow.id)
        .where(EventRow.type == event_type.name, EventRow.occurred_at < before)
        .order_by(EventRow.occurred_at, EventRow.id)
        .limit(BATCH)
    )
    if event_type.ledger:
        stmt = stmt.where(EventRow.subject_id.is_not(None))
    if after is not None:
        stmt = stmt.where(tuple_(EventRow.occurred_at, EventRow.id) > after)
    return stmt


def _forget_rows(session: Session, event_type: EventType, ids: list[uuid.UUID]) -> None:
    if event_type.ledger:
        session.execute(
            update(EventRow)
            .where(EventRow.id.in_(ids))
            .values(data={}, subject_id=None, origin_id=None)
            .execution_options(synchronize_session=False)
        )
        return
    session.execute(
        delete(EventRow).where(EventRow.id.in_(ids)).execution_options(synchronize_session=False)
    )
