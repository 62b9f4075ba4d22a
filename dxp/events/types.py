"""Declared event types and subscriptions."""

from __future__ import annotations

import builtins
import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from marshmallow import Schema
from sqlalchemy.orm import Session

from dxp.contracts.payload import EventPayload

if TYPE_CHECKING:
    from dxp.platform import Platform

P = TypeVar("P", bound=EventPayload)


@dataclass(frozen=True, kw_only=True)
class EventType:
    """A declared kind of event.

    Attributes:
        payload: the dataclass; its docstring is the documentation.
        schema: checks what comes in from outside; None when only dxp itself may raise it.
        browser: whether a browser's key may send it too. Everybody can read such a key: what
            follows from the event must not matter when somebody makes it up.
        retention_days: events that happened longer ago are forgotten; None: they are kept for
            ever. The setting `events.retention_days` overrides it.
        ledger: something was written for good because of the event, such as points. When it is
            past, it is emptied instead of removed, so that a replay is still known.
        label: short name for people (translatable lazily).
        summary: one translated line about one event, for timelines.
        tells: members of the data that are fields of the profile, by member; who may not see a
            field sees neither the member nor the summary.
        reveals: fields of the profile that the event itself tells, such as by its day; who may
            not see one of them does not see the event.
    """

    payload: type[EventPayload]
    schema: type[Schema] | None = None
    browser: bool = False
    retention_days: int | None = None
    ledger: bool = False
    label: Any = None
    summary: Callable[[EventRecord], str] | None = None
    tells: Mapping[str, str] = field(default_factory=dict)
    reveals: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.payload.type


@dataclass(frozen=True, kw_only=True)
class EventRecord:
    """An event as subscribers see it. `origin_id` is as in `dxp.events.EventRow`."""

    id: uuid.UUID
    type: str
    subject_id: uuid.UUID | None
    source: str
    external_id: str | None
    occurred_at: datetime
    received_at: datetime
    data: Mapping[str, Any]
    origin_id: uuid.UUID | None = None

    def payload(self, kind: builtins.type[P]) -> P:
        """The typed payload; fields that `kind` no longer has are dropped."""
        names = {one.name for one in dataclasses.fields(kind)}
        return kind(**{k: v for k, v in self.data.items() if k in names})


@dataclass(frozen=True, kw_only=True)
class EventContext:
    """What a subscriber gets: the event, and a session of the transaction it runs in."""

    record: EventRecord
    session: Session
    platform: Platform


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Who wants to know.

    Attributes:
        event: the type's name.
        handler: writes through `ctx.session` only.
        name: stable, unique, dotted with the plugin's name: it is stored in job rows.
        when: `inside` runs in the publisher's transaction, and its error undoes that
            transaction; `after` runs in a job of its own, retried, exactly once.
    """

    event: str
    handler: Callable[[EventContext], None]
    name: str
    when: Literal["inside", "after"] = "after"


ALL_EVENTS = "*"
"""In `BatchSubscription.events`: every type there is."""


@dataclass(frozen=True, kw_only=True)
class BatchContext:
    """What a batch subscriber gets: the events that one publish wrote, in their order.

    Duplicates are left out, as are types that the subscription does not name. `session` is that
    of the publisher's transaction.
    """

    records: Sequence[EventRecord]
    session: Session
    platform: Platform


@dataclass(frozen=True, kw_only=True)
class BatchSubscription:
    """Who wants to know inside the publisher's transaction, once for all events of a publish.

    For what must keep up with imports and with the batch endpoint: it can lock, read and write
    for a thousand events in a handful of statements. An error undoes the publisher's
    transaction.

    Attributes:
        events: names of types, or `(ALL_EVENTS,)`.
        handler: writes through `ctx.session` only. Called after the single subscribers inside,
            and never without a record. Events that it publishes are a publish of their own.
        name: stable, unique, dotted with the plugin's name.
    """

    events: Sequence[str]
    handler: Callable[[BatchContext], None]
    name: str
