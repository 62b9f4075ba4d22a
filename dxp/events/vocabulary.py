"""The standard events that shops report, and the schemas that check them."""

from __future__ import annotations

from decimal import Decimal

from marshmallow import Schema, fields, validate

from dxp.contracts import (
    BirthdayChanged,
    CustomerRegistered,
    CustomersMerged,
    CustomersSplit,
    OrderPlaced,
    PageViewed,
)
from dxp.events.types import EventRecord, EventType
from dxp.i18n import format_money, gettext, isolated
from dxp.i18n import lazy_gettext as _l

MAX_MONEY = Decimal("1e12")


class OrderLineSchema(Schema):
    """One item of an order."""

    sku = fields.String(
        required=True, validate=validate.Length(1, 100), metadata={"label": _l("Article number")}
    )
    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1_000_000),
        metadata={"label": _l("Quantity")},
    )
    line_id = fields.String(
        validate=validate.Length(1, 100),
        metadata={
            "label": _l("Number of the line"),
            "description": "Your own id of the line; its position, from 1, otherwise.",
        },
    )
    discount = fields.Decimal(
        as_string=True,
        places=4,
        validate=validate.Range(Decimal(0), MAX_MONEY),
        metadata={
            "label": _l("Discount"),
            "description": "What was taken off; `total` is what was paid after it.",
        },
    )
    total = fields.Decimal(
        required=True,
        as_string=True,
        places=4,
        validate=validate.Range(Decimal(0), MAX_MONEY),
        metadata={"label": _l("Sum")},
    )
    name = fields.String(validate=validate.Length(0, 300), metadata={"label": _l("Name")})
    category = fields.String(validate=validate.Length(0, 100), metadata={"label": _l("Category")})


class OrderPlacedSchema(Schema):
    """An order, as a shop reports it."""

    order_id = fields.String(
        required=True,
        validate=validate.Length(1, 100),
        metadata={"label": _l("Number of the order")},
    )
    total = fields.Decimal(
        required=True,
        as_string=True,
        places=4,
        validate=validate.Range(Decimal(0), MAX_MONEY),
        metadata={"label": _l("Sum"), "example": "29.33"},
    )
    currency = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Z]{3}\Z", error="Not an ISO 4217 code such as EUR."),
        metadata={"label": _l("Currency"), "example": "USD"},
    )
    lines = fields.List(
        fields.Nested(OrderLineSchema),
        load_default=list,
        validate=validate.Length(max=500),
        metadata={"label": _l("Items")},
    )
    channel = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 50),
        metadata={"label": _l("Channel")},
    )


class PageViewedSchema(Schema):
    """A look at a page."""

    path = fields.String(
        required=True,
        validate=validate.Regexp(r"^/[^\s?#]{0,499}\Z", error="Not a path such as /tea/green."),
        metadata={"label": _l("Path"), "example": "/tea/green"},
    )
    title = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(0, 300),
        metadata={"label": _l("Title")},
    )
    referrer = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(0, 255),
        metadata={"label": _l("Came from")},
    )


def _page_line(record: EventRecord) -> str:
    return isolated(str(record.data.get("title") or record.data["path"]))


def _order_line(record: EventRecord) -> str:
    return gettext(
        "Order %(order)s of %(total)s",
        order=isolated(str(record.data["order_id"])),
        total=format_money(Decimal(record.data["total"]), record.data["currency"]),
    )


def _registered_line(record: EventRecord) -> str:
    ref = record.data.get("ref")
    return gettext("Number in the shop: %(ref)s", ref=isolated(str(ref))) if ref else ""


def _birthday_line(record: EventRecord) -> str:
    if record.data.get("birthday") is None:
        return gettext("It was taken back.")
    return gettext("It was told or corrected.")


STANDARD_EVENTS = (
    EventType(
        payload=OrderPlaced,
        schema=OrderPlacedSchema,
        ledger=True,
        label=_l("Order placed"),
        summary=_order_line,
    ),
    EventType(
        payload=PageViewed,
        schema=PageViewedSchema,
        browser=True,
        retention_days=400,
        label=_l("Page viewed"),
        summary=_page_line,
    ),
    EventType(
        payload=CustomerRegistered,
        ledger=True,
        label=_l("Customer registered"),
        summary=_registered_line,
        tells={"ref": "ref", "locale": "locale", "timezone": "timezone"},
    ),
    EventType(
        payload=BirthdayChanged,
        label=_l("Birthday changed"),
        summary=_birthday_line,
        tells={"birthday": "birthday", "timezone": "timezone"},
    ),
    EventType(payload=CustomersMerged, label=_l("Merged with another customer")),
    EventType(payload=CustomersSplit, label=_l("A merge was undone")),
)
