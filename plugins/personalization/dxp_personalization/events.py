"""Events that the plugin takes in: what of the decided content was seen, and clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from marshmallow import Schema, fields, validate

from dxp.api import EventType
from dxp.api import lazy_gettext as _l
from dxp.contracts import EventPayload


@dataclass(frozen=True, kw_only=True)
class ContentSeen(EventPayload):
    """A person saw content that was decided for a slot. Decided is not seen."""

    type: ClassVar[str] = "personalization.content_seen"
    decision_id: str
    slot: str
    candidate: str


@dataclass(frozen=True, kw_only=True)
class ContentClicked(EventPayload):
    """A person clicked on content that was decided for a slot."""

    type: ClassVar[str] = "personalization.content_clicked"
    decision_id: str
    slot: str
    candidate: str


class ContentEventSchema(Schema):
    """Which decision, and which of its candidates."""

    decision_id = fields.UUID(required=True)
    slot = fields.String(required=True, validate=validate.Length(1, 60))
    candidate = fields.String(required=True, validate=validate.Length(1, 60))


EVENTS = (
    EventType(
        payload=ContentSeen, schema=ContentEventSchema, browser=True, label=_l("Content seen")
    ),
    EventType(
        payload=ContentClicked,
        schema=ContentEventSchema,
        browser=True,
        label=_l("Content clicked"),
    ),
)
