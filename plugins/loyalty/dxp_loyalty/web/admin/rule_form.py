"""Between the form of an earning rule and its definition.

Ordinary conditions have fields of their own; what goes beyond them is kept in two fields in the
condition language, so that no rule loses anything by being edited here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.datastructures import MultiDict

from dxp.api import gettext as _
from dxp_loyalty.services.rule_language import EARNING_EVENTS
from dxp_loyalty.services.rule_schema import BASES, KINDS, ROUNDINGS, STACKINGS
from dxp_loyalty.web.schemas import KEY

MAX_ROWS = 20
# Every moment in between is one in any zone.
SANE = validate.Range(datetime(1970, 1, 2), datetime(2999, 1, 1))  # noqa: DTZ001  # a clock's face
_BLANK: Mapping[str, Any] = {"load_default": None, "allow_none": True}


def _is_object(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValidationError(_("Not valid JSON: %(fault)s", fault=str(error))) from error
    if not isinstance(value, dict):
        raise ValidationError(_("A condition is a JSON object, such as {}."))


class RuleForm(Schema):
    """A rule's fields, but for the rows of hours and caps, and the names by language."""

    key = fields.String(validate=KEY)
    name = fields.String(required=True, validate=validate.Length(1, 120))
    event_type = fields.String(required=True, validate=validate.OneOf(EARNING_EVENTS))
    type = fields.String(required=True, validate=validate.OneOf(KINDS))
    points = fields.String(validate=validate.Length(1, 20), **_BLANK)
    per = fields.String(validate=validate.Length(1, 20), **_BLANK)
    factor = fields.String(validate=validate.Length(1, 20), **_BLANK)
    currency = fields.String(**_BLANK)
    rounding = fields.String(validate=validate.OneOf(ROUNDINGS), **_BLANK)
    minimum = fields.Integer(load_default=0, allow_none=True, validate=validate.Range(0, 10**9))
    basis = fields.String(load_default="paid", validate=validate.OneOf(BASES))
    categories = fields.String(validate=validate.Length(0, 2000), **_BLANK)
    products = fields.String(validate=validate.Length(0, 2000), **_BLANK)
    price_from = fields.Float(allow_nan=False, **_BLANK)
    price_to = fields.Float(allow_nan=False, **_BLANK)
    line_condition = fields.String(validate=_is_object, **_BLANK)
    segments = fields.String(validate=validate.Length(0, 2000), **_BLANK)
    channels = fields.String(validate=validate.Length(0, 500), **_BLANK)
    total_from = fields.Float(allow_nan=False, **_BLANK)
    condition = fields.String(validate=_is_object, **_BLANK)
    stacking = fields.String(load_default="additive", validate=validate.OneOf(STACKINGS))
    priority = fields.Integer(load_default=0, allow_none=True, validate=validate.Range(-1000, 1000))
    campaign = fields.String(**_BLANK)
    wallet = fields.String(**_BLANK)
    pending_days = fields.Integer(validate=validate.Range(0, 730), **_BLANK)
    expires_after_days = fields.Integer(validate=validate.Range(1, 36_500), **_BLANK)
    active = fields.Boolean(load_default=False)
    draft = fields.Boolean(load_default=False)
    live_from = fields.NaiveDateTime(validate=SANE, **_BLANK)
    live_until = fields.NaiveDateTime(validate=SANE, **_BLANK)
    version = fields.Integer(load_default=None, allow_none=True)


def definition_of(
    values: Mapping[str, Any], form: MultiDict[str, str], locales: Sequence[str]
) -> dict[str, Any]:
    """The definition that a checked form asks for."""
    kind = values["type"]
    by_amount = kind == "per_amount"
    names = {code: name for code in locales if (name := form.get(f"name_{code}", "").strip()[:120])}
    return {
        "award": {
            "type": kind,
            "points": None if kind == "multiplier" else values["points"],
            "per": values["per"] if by_amount else None,
            "factor": values["factor"] if kind == "multiplier" else None,
            "currency": values["currency"] if by_amount else None,
            "rounding": values["rounding"],
            "minimum": (values["minimum"] or 0) if by_amount else 0,
        },
        "condition": _joined(
            {
                **_one_of("crm.segments", values["segments"]),
                **_one_of("order.channel", values["channels"]),
                **_between("order.total", values["total_from"], None),
            },
            values["condition"],
        ),
        "line_condition": _joined(
            {
                **_one_of("line.category", values["categories"]),
                **_one_of("line.sku", values["products"]),
                **_between("line.price", values["price_from"], values["price_to"]),
            },
            values["line_condition"],
        ),
        "basis": values["basis"],
        "windows": _windows(form),
        "stacking": values["stacking"],
        "priority": values["priority"] or 0,
        "caps": _caps(form),
        "campaign": values["campaign"],
        "wallet": values["wallet"],
        "pending_days": values["pending_days"],
        "expires_after_days": values["expires_after_days"],
        "names": names,
    }


def values_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that show a definition: the reverse of `definition_of`."""
    condition = dict(definition.get("condition") or {})
    lines = dict(definition.get("line_condition") or {})
    price_from, price_to = _take_between(lines, "line.price")
    total_from, _total_to = _take_between(condition, "order.total", only_from=True)
    names = definition.get("names") or {}
    values = {
        **definition["award"],
        "categories": _take_texts(lines, "line.category"),
        "products": _take_texts(lines, "line.sku"),
        "price_from": price_from,
        "price_to": price_to,
        "segments": _take_texts(condition, "crm.segments"),
        "channels": _take_texts(condition, "order.channel"),
        "total_from": total_from,
        "line_condition": _pretty(lines),
        "condition": _pretty(condition),
        "windows": list(definition.get("windows") or ()),
        "caps": list(definition.get("caps") or ()),
        **{f"name_{code}": name for code, name in names.items()},
    }
    for name, plain in (("basis", "paid"), ("stacking", "additive"), ("priority", 0)):
        values[name] = definition.get(name, plain)
    for name in ("campaign", "wallet", "pending_days", "expires_after_days"):
        values[name] = definition.get(name)
    return values


def typed_rows(form: MultiDict[str, str]) -> dict[str, Any]:
    """The rows of hours and caps as they were typed, for a form that comes back with faults."""
    return {"windows": _windows(form), "caps": _caps(form)}


def in_zone(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A moment that was typed by the programme's clock."""
    return None if moment is None else moment.replace(tzinfo=zone)


def clock_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment by the programme's clock, as a field takes it."""
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _windows(form: MultiDict[str, str]) -> list[dict[str, Any]]:
    found = []
    for number in range(MAX_ROWS):
        days = [int(day) for day in form.getlist(f"window_{number}_days") if day.isdigit()]
        since = form.get(f"window_{number}_from", "").strip()[:5]
        until = form.get(f"window_{number}_until", "").strip()[:5]
        if days or since or until:
            found.append({"weekdays": days, "from": since or "00:00", "until": until or "00:00"})
    return found


def _caps(form: MultiDict[str, str]) -> list[dict[str, Any]]:
    found = []
    for number in range(MAX_ROWS):
        points, times = (
            form.get(f"cap_{number}_{name}", "").strip() for name in ("points", "times")
        )
        if points or times:
            window = form.get(f"cap_{number}_window", "")
            found.append({"window": window, "points": _whole(points), "times": _whole(times)})
    return found


def _whole(text: str) -> int | str | None:
    """A number, or the text for the definition's own check to refuse."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text[:20]


def _joined(simple: dict[str, Any], more: str | None) -> dict[str, Any]:
    extra = json.loads(more or "{}")
    if simple and extra:
        if simple.keys().isdisjoint(extra):
            return {**simple, **extra}
        return {"$and": [simple, extra]}
    return simple or extra


def _one_of(fact: str, text: str | None) -> dict[str, Any]:
    items = [item for part in (text or "").split(",") if (item := part.strip())]
    return {fact: {"$in": items}} if items else {}


def _between(fact: str, low: float | None, high: float | None) -> dict[str, Any]:
    limits = {name: value for name, value in (("$gte", low), ("$lte", high)) if value is not None}
    return {fact: limits} if limits else {}


def _take_texts(condition: dict[str, Any], fact: str) -> str:
    wanted = condition.get(fact)
    items = wanted["$in"] if isinstance(wanted, dict) and wanted.keys() == {"$in"} else []
    plain = [item for item in items if isinstance(item, str) and item == item.strip() != ""]
    if not items or plain != items or any("," in item for item in plain):
        return ""
    del condition[fact]
    return ", ".join(plain)


def _take_between(
    condition: dict[str, Any], fact: str, *, only_from: bool = False
) -> tuple[float | None, float | None]:
    wanted = condition.get(fact)
    known = {"$gte"} if only_from else {"$gte", "$lte"}
    if not isinstance(wanted, dict) or not wanted or not wanted.keys() <= known:
        return None, None
    if not all(isinstance(value, (int, float)) for value in wanted.values()):
        return None, None
    del condition[fact]
    return wanted.get("$gte"), wanted.get("$lte")


def _pretty(condition: Mapping[str, Any]) -> str:
    return json.dumps(condition, ensure_ascii=False, indent=2) if condition else ""
