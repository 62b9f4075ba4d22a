"""Publishing: the log, the subscribers inside, and the jobs for those after."""

from __future__ import annotations

import difflib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.contracts.payload import EventPayload
from dxp.db import uuid7
from dxp.errors import ConfigurationError, Unprocessable, field_errors
from dxp.events.log import insert_events
from dxp.events.models import EventRow
from dxp.events.quick import DataCheck
from dxp.events.types import (
    ALL_EVENTS,
    BatchContext,
    BatchSubscription,
    EventContext,
    EventRecord,
    EventType,
    Subscription,
)
from dxp.subjects.models import Subject

if TYPE_CHECKING:
    from dxp.platform import Platform

OWN_SOURCE = "dxp"


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event about to be written. `external_id` makes a replay from `source` harmless.

    `origin_id` is whose name the sender used, when a merge led on from there to `subject_id`.
    """

    type: str
    data: Mapping[str, Any]
    subject_id: uuid.UUID | None = None
    source: str = OWN_SOURCE
    external_id: str | None = None
    occurred_at: datetime | None = None
    origin_id: uuid.UUID | None = None


class EventBus:
    """Knows the declared types and who subscribed; writes events and tells the subscribers.

    `outbox` gets, in the publisher's transaction, one (subscription name, event id) pair for
    each delivery that is due after the commit; the jobs layer turns them into job rows.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._types: dict[str, EventType] = {}
        self._checks: dict[str, DataCheck] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._inside: dict[str, list[Subscription]] = defaultdict(list)
        self._after: dict[str, list[Subscription]] = defaultdict(list)
        self._batch: dict[str, BatchSubscription] = {}
        self.outbox: Callable[[Session, Sequence[tuple[str, uuid.UUID]]], None] | None = None

    @property
    def types(self) -> Mapping[str, EventType]:
        return self._types

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        return self._subscriptions

    @property
    def batch_subscriptions(self) -> Mapping[str, BatchSubscription]:
        return self._batch

    def declare(self, event_type: EventType) -> None:
        """Make a type known. Declaring the same payload twice is harmless."""
        known = self._types.get(event_type.name)
        if known is not None and known.payload is not event_type.payload:
            raise ConfigurationError(
                f"event type {event_type.name!r} is declared by two payloads, "
                f"{known.payload.__qualname__} and {event_type.payload.__qualname__}; rename one"
            )
        self._types[event_type.name] = event_type

    def subscribe(self, subscription: Subscription | BatchSubscription) -> None:
        """Add a subscriber; its name must be unique, because job rows refer to it."""
        if subscription.name in self._subscriptions or subscription.name in self._batch:
            raise ConfigurationError(
                f"two subscriptions are named {subscription.name!r}; "
                "job rows refer to them by name, so give each its own"
            )
        if isinstance(subscription, BatchSubscription):
            self._batch[subscription.name] = subscription
            return
        self._subscriptions[subscription.name] = subscription
        target = self._inside if subscription.when == "inside" else self._after
        target[subscription.event].append(subscription)

    def parse(self, type_name: str, data: object) -> dict[str, Any]:
        """Check data that came from outside against the schema of its type.

        Raises:
            Unprocessable: the type is unknown or closed to senders, or the data does not fit.
        """
        check = self._checks.get(type_name) or self._make_check(type_name)
        if check is None:
            raise self._not_accepted(type_name)
        try:
            return check(data)
        except ValidationError as error:
            raise Unprocessable(
                f"The data of the {type_name!r} event does not fit its schema; "
                "mend the fields named in errors and send it again",
                code="invalid_event",
                errors=field_errors(error.messages, pointer="/data"),
            ) from error

    def _not_accepted(self, type_name: str) -> Unprocessable:
        open_types = sorted(name for name, kind in self._types.items() if kind.schema)
        near = difflib.get_close_matches(type_name, open_types, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(open_types)}"
        return Unprocessable(
            f"Events of type {type_name!r} are not accepted: no plugin declares it as open "
            f"to senders; {hint}",
            code="unknown_event_type",
        )

    def _make_check(self, type_name: str) -> DataCheck | None:
        """Made once: making a schema costs more than using it."""
        event_type = self._types.get(type_name)
        if event_type is None or event_type.schema is None:
            return None
        return self._checks.setdefault(type_name, DataCheck(event_type.schema()))

    def publish(
        self,
        session: Session,
        payload: EventPayload,
        *,
        subject_id: uuid.UUID | None = None,
        source: str = OWN_SOURCE,
        external_id: str | None = None,
        occurred_at: datetime | None = None,
        origin_id: uuid.UUID | None = None,
    ) -> EventRecord | None:
        """Write one event. None when `source` already sent `external_id`."""
        event = NewEvent(
            type=payload.type,
            data=payload.as_data(),
            subject_id=subject_id,
            source=source,
            external_id=external_id,
            occurred_at=occurred_at,
            origin_id=origin_id,
        )
        return self.publish_many(session, [event])[0]

    def publish_many(
        self, session: Session, events: Sequence[NewEvent]
    ) -> list[EventRecord | None]:
        """Write events in one statement, then tell the subscribers, all in `session`.

        Returns one item for each of `events`, in order; None for a duplicate.
        """
        if not events:
            return []
        received_at = self._platform.clock.now()
        records = [self._record(event, received_at) for event in events]
        written = insert_events(session, records)
        fresh = [record if record.id in written else None for record in records]
        for record in filter(None, fresh):
            for subscription in self._inside.get(record.type, ()):
                context = EventContext(record=record, session=session, platform=self._platform)
                subscription.handler(context)
        self._tell_batches(session, fresh)
        due = [
            (subscription.name, record.id)
            for record in fresh
            if record is not None
            for subscription in self._after.get(record.type, ())
        ]
        if due and self.outbox is not None:
            self.outbox(session, due)
        return fresh

    def _tell_batches(self, session: Session, fresh: Sequence[EventRecord | None]) -> None:
        for subscription in self._batch.values():
            names = subscription.events
            records = [
                record
                for record in fresh
                if record is not None and (record.type in names or ALL_EVENTS in names)
            ]
            if records:
                subscription.handler(
                    BatchContext(records=records, session=session, platform=self._platform)
                )

    def load(self, session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, EventRecord]:
        """Read events back from the log, in one query; those of erased people are left out."""
        rows = session.scalars(
            select(EventRow)
            .outerjoin(Subject, Subject.id == EventRow.subject_id)
            .where(EventRow.id.in_(list(ids)), Subject.erased_at.is_(None))
        )
        return {row.id: record_of(row) for row in rows}

    def _record(self, event: NewEvent, received_at: datetime) -> EventRecord:
        if event.type not in self._types:
            near = difflib.get_close_matches(event.type, self._types, n=1)
            raise ConfigurationError(
                f"event type {event.type!r} was published but never declared; declare it in the "
                f"plugin's `events` hook{f', or did you mean {near[0]!r}?' if near else ''}"
            )
        return EventRecord(
            id=uuid7(),
            type=event.type,
            subject_id=event.subject_id,
            source=event.source,
            external_id=event.external_id,
            occurred_at=event.occurred_at or received_at,
            received_at=received_at,
            data=event.data,
            origin_id=event.origin_id,
        )


def record_of(row: EventRow) -> EventRecord:
    """The immutable view of a row of the log."""
    return EventRecord(
        id=row.id,
        type=row.type,
        subject_id=row.subject_id,
        source=row.source,
        external_id=row.external_id,
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        data=row.data,
        origin_id=row.origin_id,
    )
