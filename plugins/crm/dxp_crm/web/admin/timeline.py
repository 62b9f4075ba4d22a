"""Timelines on pages: the filter, and lines with icons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request

from dxp.api import AdminCall
from dxp_crm.services.folding import fold
from dxp_crm.services.timeline import TimelineFilter, TimelineItem
from dxp_crm.services.visibility import FieldAccess
from dxp_crm.web.admin.blueprint import crm_of

# By the type of an event, or by what its name begins with.
ICONS = {
    "order": "bag",
    "customer": "person",
    "customer.birthday_changed": "cake2",
    "consent": "shield-check",
    "loyalty": "coin",
    "personalization": "bullseye",
    "crm.note_added": "sticky",
    "crm.task_added": "square",
    "crm.task_done": "check2-square",
    "crm.task_reopened": "arrow-counterclockwise",
    "crm.ticket_opened": "life-preserver",
    "crm.ticket_changed": "arrow-repeat",
    "crm.message_sent": "envelope",
    "crm.organisation_joined": "building-add",
    "crm.organisation_left": "building-dash",
}
FILTERS = ("type", "source", "since", "until")


def asked_filter(call: AdminCall, access: FieldAccess) -> TimelineFilter:
    """What the address asks for; a day that is none does not restrict."""
    since, until = _day("since"), _day("until")
    zone = call.zone
    return TimelineFilter(
        types=[name for name in request.args.getlist("type") if name][:20],
        source=request.args.get("source", "").strip()[:100],
        since=_midnight(since, zone) if since else None,
        until=_midnight(until + timedelta(days=1), zone) if until else None,
        without=crm_of(call).visibility.concealed(access),
    )


def timeline_values(call: AdminCall, items: Sequence[TimelineItem]) -> dict[str, Any]:
    """What the template of a timeline takes."""
    return {
        "timeline": [_entry(item) for item in items],
        "types": _type_choices(call),
        "wanted": {name: request.args.get(name, "") for name in FILTERS},
        "filtered": any(request.args.get(name) for name in FILTERS),
    }


def _entry(item: TimelineItem) -> dict[str, Any]:
    icon = ICONS.get(item.type) or ICONS.get(item.type.partition(".")[0], "circle")
    return {
        "title": item.label,
        "text": item.summary or _plain(item.data),
        "when": item.occurred_at,
        "icon": icon,
        "meta": item.type if item.label == item.type else None,
    }


def _plain(data: dict[str, Any]) -> str:
    shown = [f"{key}: {value}" for key, value in data.items() if isinstance(value, (str, int))]
    return " · ".join(shown)[:300]


def _type_choices(call: AdminCall) -> list[tuple[str, str]]:
    types = call.platform.events.types
    named = [(name, str(kind.label or name)) for name, kind in types.items()]
    return sorted(named, key=lambda choice: fold(choice[1]))


def _day(name: str) -> date | None:
    try:
        found = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    # Beyond these years midnight in UTC may lie outside of what a date can be.
    return found if 1900 <= found.year <= 9000 else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
