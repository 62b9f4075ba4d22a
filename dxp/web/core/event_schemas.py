"""What the events' routes take and answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from dxp.errors import FieldError, field_errors

MAX_EVENTS = 1000
DEFAULT_SOURCE = "api"
_LEFT_OUT = object()


class SubjectRef(Schema):
    """Whom the event is about, by exactly one name."""

    class Meta:
        unknown = RAISE

    id = fields.UUID(metadata={"description": "The customer's id in dxp."})
    ref = fields.String(
        validate=validate.Length(1, 200),
        metadata={"description": "Your own number of the customer."},
    )
    anonymous_id = fields.String(
        validate=validate.Length(1, 200),
        metadata={"description": "A browser's id, for visitors who are not known."},
    )

    @validates_schema
    def check_one(self, data: Mapping[str, Any], **_options: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Name the subject by exactly one of id, ref and anonymous_id.")


class EventIn(Schema):
    """One event. A replay with the same source and id is harmless."""

    class Meta:
        unknown = RAISE

    id = fields.String(
        required=True,
        validate=validate.Length(1, 200),
        metadata={"description": "Your own id of the event.", "example": "order-1001"},
    )
    type = fields.String(
        required=True, validate=validate.Length(1, 100), metadata={"example": "order.placed"}
    )
    source = fields.String(
        load_default=DEFAULT_SOURCE,
        validate=validate.Length(1, 100),
        metadata={"description": "Your system's name, if several of them send events."},
    )
    subject = fields.Nested(SubjectRef, load_default=None)
    occurred_at = fields.AwareDateTime(
        format="iso",
        load_default=None,
        metadata={"description": "With an offset; the moment of arrival when left out."},
    )
    data = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={"description": "By the schema of the type."},
    )


@dataclass(frozen=True)
class Malformed:
    """An event that has not the form of `EventIn`, and what is wrong with it."""

    id: str | None
    errors: tuple[FieldError, ...]


class _EventList(fields.List[Any]):
    """Events, each read by itself: one that is malformed says nothing about the others."""

    def _deserialize(self, value: Any, *_args: Any, **_options: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        schema = EventIn()
        return [_load_event(schema, item) for item in value]


def _load_event(schema: Schema, item: Any) -> dict[str, Any] | Malformed:
    try:
        loaded: dict[str, Any] = schema.load(item)
    except ValidationError as error:
        sent = item.get("id") if isinstance(item, dict) else None
        return Malformed(sent if isinstance(sent, str) else None, field_errors(error.messages))
    return loaded


class EventsIn(Schema):
    """Up to 1,000 events, in the order in which they happened.

    Loads to a list of what `EventIn` loads, with `Malformed` in the place of what does not fit.
    """

    class Meta:
        unknown = RAISE

    events = _EventList(
        fields.Nested(EventIn), required=True, validate=validate.Length(1, MAX_EVENTS)
    )

    def load(self, data: Any, **options: Any) -> Any:
        """What is plainly right does not go through the fields, which cost more than the rest."""
        events = plain_events(data)
        return super().load(data, **options) if events is None else {"events": events}


class FaultOut(Schema):
    """One fault in one place of an event."""

    pointer = fields.String()
    parameter = fields.String()
    code = fields.String(required=True)
    detail = fields.String(required=True)


class EventResultOut(Schema):
    """What became of one event."""

    id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "As it was sent; null when the event has none."},
    )
    status = fields.String(
        required=True, validate=validate.OneOf(["accepted", "duplicate", "error"])
    )
    event_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "In the log, when accepted."}
    )
    code = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)
    errors = fields.List(fields.Nested(FaultOut), required=True)


class EventCountsOut(Schema):
    """How many events met each fate."""

    accepted = fields.Integer(required=True)
    duplicate = fields.Integer(required=True)
    error = fields.Integer(required=True)


class EventResultsOut(Schema):
    """One result for each event, in the order in which they were sent."""

    data = fields.List(fields.Nested(EventResultOut), required=True)
    meta = fields.Nested(EventCountsOut, required=True)


class EventOut(Schema):
    """An event of the log."""

    id = fields.UUID(required=True)
    type = fields.String(required=True)
    subject_id = fields.UUID(required=True, allow_none=True)
    source = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    occurred_at = fields.AwareDateTime(format="iso", required=True)
    received_at = fields.AwareDateTime(format="iso", required=True)
    data = fields.Dict(required=True)


class EventQuery(Schema):
    """Filters of the log."""

    subject = fields.UUID(data_key="filter[subject]")
    type = fields.String(data_key="filter[type]", validate=validate.Length(1, 100))


def plain_events(document: Any) -> list[dict[str, Any]] | None:
    """The events as `EventsIn` loads them, if they plainly have its form; None in any doubt."""
    try:
        if document.keys() != {"events"} or not 1 <= len(document["events"]) <= MAX_EVENTS:
            return None
        return [_plain_event(**item) for item in document["events"]]
    except (TypeError, ValueError, AttributeError):
        return None


def _plain_event(
    *,
    id: str,  # noqa: A002  # as senders call it
    type: str,  # noqa: A002
    source: str = DEFAULT_SOURCE,
    subject: dict[str, Any] | None = None,
    occurred_at: str | None = None,
    data: object = _LEFT_OUT,
) -> dict[str, Any]:
    moment = None if occurred_at is None else datetime.fromisoformat(occurred_at)
    if moment is not None and moment.utcoffset() is None:
        raise ValueError
    return {
        "id": _text(id, 200),
        "type": _text(type, 100),
        "source": _text(source, 100),
        "subject": None if subject is None else _plain_subject(**subject),
        "occurred_at": moment,
        "data": {} if data is _LEFT_OUT else _dict(data),
    }


def _plain_subject(**names: Any) -> dict[str, Any]:
    ((scheme, value),) = names.items()
    if scheme == "id":
        return {"id": uuid.UUID(value)}
    if scheme not in ("ref", "anonymous_id"):
        raise ValueError
    return {scheme: _text(value, 200)}


def _text(value: object, longest: int) -> str:
    if type(value) is not str or not 1 <= len(value) <= longest:
        raise ValueError
    return value


def _dict(value: object) -> dict[str, Any]:
    if type(value) is not dict:
        raise ValueError
    return value
