"""Payloads of events made up from their types."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from dxp.contracts import (
    PURPOSE_MARKETING,
    BirthdayChanged,
    ConsentChanged,
    CustomerRegistered,
    EventPayload,
    OrderPlaced,
)

_KNOWN: Mapping[str, EventPayload] = {
    payload.type: payload
    for payload in (
        OrderPlaced(
            order_id="sample-1",
            total="29.33",
            currency="EUR",
            lines=[{"sku": "tea", "quantity": 1, "total": "29.33"}],
            channel="web",
        ),
        CustomerRegistered(ref="sample", locale="en", timezone="Europe/Paris"),
        BirthdayChanged(
            birthday={
                "month": 3,
                "day": 10,
                "year": 1990,
                "calendar": "gregorian",
                "set_at": "2026-01-01T00:00:00+00:00",
            },
            timezone="Europe/Paris",
        ),
        ConsentChanged(
            purpose=PURPOSE_MARKETING, granted=True, channel="web", text_version="2026-01"
        ),
    )
}
_SIMPLE: Mapping[Any, Any] = {int: 1, float: 1.0, bool: True}
# By the last word of a field's name: ids, moments and money travel as text.
_TEXTS = {
    "id": "01900000-0000-7000-8000-000000000001",
    "at": "2026-03-10T09:00:00+00:00",
    "on": "2026-03-10",
    "amount": "10.00",
    "total": "10.00",
    "currency": "EUR",
    "locale": "en",
    "timezone": "UTC",
}


def sample_payload(kind: type[EventPayload]) -> EventPayload:
    """A payload of `kind`: known values for the shared vocabulary, made up ones for others."""
    if kind.type in _KNOWN:
        return _KNOWN[kind.type]
    hints = typing.get_type_hints(kind)
    required = [
        field
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return kind(**{field.name: _sample(field.name, hints[field.name]) for field in required})


def _sample(name: str, hint: Any) -> Any:
    origin = typing.get_origin(hint) or hint
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        return None if type(None) in options else _sample(name, options[0])
    if origin is typing.Literal:
        return typing.get_args(hint)[0]
    if origin is str:
        return _TEXTS.get(name.rpartition("_")[2], "sample")
    if origin in _SIMPLE:
        return _SIMPLE[origin]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {}
    return [] if isinstance(origin, type) and issubclass(origin, (list, tuple)) else "sample"
