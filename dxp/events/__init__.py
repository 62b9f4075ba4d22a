"""Events: declared types, the log, the bus."""

from dxp.events.bus import OWN_SOURCE, EventBus, NewEvent, record_of
from dxp.events.models import EventRow
from dxp.events.retention import Forgotten, forget_events, retention_of
from dxp.events.types import (
    ALL_EVENTS,
    BatchContext,
    BatchSubscription,
    EventContext,
    EventRecord,
    EventType,
    Subscription,
)

__all__ = [
    "ALL_EVENTS",
    "OWN_SOURCE",
    "BatchContext",
    "BatchSubscription",
    "EventBus",
    "EventContext",
    "EventRecord",
    "EventRow",
    "EventType",
    "Forgotten",
    "NewEvent",
    "Subscription",
    "forget_events",
    "record_of",
    "retention_of",
]
