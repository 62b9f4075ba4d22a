"""The base of event payloads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class EventPayload:
    """What an event says happened: a frozen dataclass of JSON-ready values.

    A subclass sets `type`, in the past tense: `"loyalty.points_earned"`. Money is a string of a
    decimal number, points an integer, a moment an ISO 8601 string.
    """

    type: ClassVar[str]

    def as_data(self) -> dict[str, Any]:
        return asdict(self)
