"""The events page, from the declared types and subscriptions."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from itertools import groupby
from typing import Any

from dxp.cli.reference.docstrings import docstring_of, paragraph
from dxp.cli.reference.markdown import bullets, code, page, table
from dxp.contracts.payload import EventPayload
from dxp.events import ALL_EVENTS, EventBus, EventType

INTRODUCTION = """\
An event says what happened, in the past tense, and is written in the transaction of what it tells
of. Subscribers inside run in that transaction, one by one or for a whole batch, and their error
undoes it; subscribers after it run in a job of their own, which is retried, and whose effect
happens once. Values are JSON: money is a decimal number in a string, points are whole numbers, a
moment is an ISO 8601 string."""


def events_page(bus: EventBus) -> str:
    """Return the page on every event type that the core or a started plugin declares."""
    blocks = [INTRODUCTION]
    for owner, types in groupby(sorted(bus.types.values(), key=_place), key=_owner):
        blocks.append(f"## {owner}")
        blocks += [_event(bus, event_type) for event_type in types]
    return page("Events", *blocks)


def undocumented(bus: EventBus) -> list[str]:
    """Name each event type whose payload has no text of its own."""
    return [
        event_type.name
        for event_type in bus.types.values()
        if not docstring_of(event_type.payload).text
    ]


def _event(bus: EventBus, event_type: EventType) -> str:
    payload = event_type.payload
    entries = _entries(payload)
    rows = [
        (code(item.name), code(str(item.type)), _default(item), entries.get(item.name, ""))
        for item in fields(payload)
    ]
    facts = []
    if event_type.schema is not None:
        facts.append("may be sent by a shop or another system, through `POST /api/v1/events`")
    for when, title in (
        ("inside", "in the transaction"),
        ("batch", "in the transaction, a batch at once,"),
        ("after", "after it"),
    ):
        names = [code(name) for name in sorted(_subscribers(bus, event_type.name, when))]
        if names:
            facts.append(f"subscribed {title} by {', '.join(names)}")
    parts = [
        f"### `{event_type.name}`",
        paragraph(docstring_of(payload).text),
        f"Payload `{payload.__module__}.{payload.__qualname__}`",
        table(("field", "type", "default", "meaning"), rows),
        bullets(facts),
    ]
    return "\n\n".join(filter(None, parts))


def _subscribers(bus: EventBus, event: str, when: str) -> list[str]:
    if when == "batch":
        batches = bus.batch_subscriptions.values()
        return [item.name for item in batches if event in item.events or ALL_EVENTS in item.events]
    singles = bus.subscriptions.values()
    return [item.name for item in singles if item.event == event and item.when == when]


def _entries(payload: type[EventPayload]) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(payload.__mro__):
        if issubclass(base, EventPayload):
            found.update(docstring_of(base).entries)
    return found


def _default(item: Field[Any]) -> str:
    if item.default is not MISSING:
        return code(repr(item.default))
    return "" if item.default_factory is MISSING else code(repr(item.default_factory()))


def _owner(event_type: EventType) -> str:
    """Shared vocabulary lies in the contracts; anything else belongs to the package it is from."""
    package = event_type.payload.__module__.partition(".")[0]
    return "Shared by all plugins" if package == "dxp" else package


def _place(event_type: EventType) -> tuple[bool, str, str]:
    owner = _owner(event_type)
    return (owner != "Shared by all plugins", owner, event_type.name)
