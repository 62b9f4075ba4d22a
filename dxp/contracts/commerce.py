"""What shops report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from dxp.contracts.payload import EventPayload


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(EventPayload):
    """A customer bought something.

    Attributes:
        order_id: the shop's own number of the order.
        total: sum paid, in units of `currency`, as a decimal string such as `"29.33"`.
        currency: ISO 4217 code.
        lines: one dict an item: `sku`, `quantity`, `total` (what was paid for all pieces of it),
            and optionally `line_id`, `discount` (what was taken off before), `name`, `category`.
        channel: where it was bought, such as `web` or `store`.
    """

    type: ClassVar[str] = "order.placed"
    order_id: str
    total: str
    currency: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    channel: str | None = None
