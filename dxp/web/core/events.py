"""Events in and out: what shops report, and the log of what happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from dxp.contracts import EventPayload
from dxp.events import EventRow, EventType
from dxp.web.access import needs
from dxp.web.answering import to_json
from dxp.web.blueprint import ApiBlueprint
from dxp.web.call import Call
from dxp.web.core.event_intake import EVENT_CODES, take_in
from dxp.web.core.event_schemas import EventOut, EventQuery, EventResultsOut, EventsIn
from dxp.web.openapi import schema_name
from dxp.web.pagination import Page, paginate


def events_blueprint(types: Iterable[EventType]) -> ApiBlueprint:
    """The blueprint `events`, which documents the types that senders may report."""
    api = ApiBlueprint(
        "events",
        __name__,
        url_prefix="/api/v1/events",
        description="What happened: shops report it, everything else follows from it.",
        codes=EVENT_CODES,
    )
    api.endpoint(
        "POST",
        "",
        summary="Report events",
        access=needs("events.write"),
        body=EventsIn,
        response=EventResultsOut,
        description=_describe_types(types),
    )(report_events)
    api.endpoint(
        "GET",
        "",
        summary="Read the event log",
        access=needs("events.read"),
        query=EventQuery,
        response=EventOut,
        paged=True,
    )(list_events)
    return api


def _describe_types(types: Iterable[EventType]) -> str:
    lines = [
        f"- `{kind.name}` ({schema_name(kind.schema)}): {_first_line(kind.payload)}"
        for kind in sorted(types, key=lambda kind: kind.name)
        if kind.schema is not None
    ]
    text = " ".join((report_events.__doc__ or "").split())
    return "\n".join([text, "", "Types that may be sent, with the schema of their data:", *lines])


def _first_line(payload: type[EventPayload]) -> str:
    return (payload.__doc__ or "").strip().partition("\n")[0]


def report_events(call: Call, body: dict[str, Any]) -> Any:
    """Each event is accepted, known already, or refused with a code; one that is refused does not
    hold up the others. Everything that follows from an accepted event inside dxp happens once,
    however often the event is sent.
    """
    results = take_in(call, body["events"])
    counts = {"accepted": 0, "duplicate": 0, "error": 0}
    for result in results:
        counts[result["status"]] += 1
    # The answer has the form of its schema by construction, and dumping it would cost as much as
    # writing the events.
    return call.reply(raw=to_json({"data": results, "meta": counts}))


def list_events(call: Call, query: dict[str, Any]) -> Page:
    """Latest first: by the moment they happened for one customer or one type, else by arrival."""
    stmt = select(EventRow)
    if "subject" in query:
        stmt = stmt.where(EventRow.subject_id == query["subject"])
    if "type" in query:
        stmt = stmt.where(EventRow.type == query["type"])
    if query:
        keys = [(EventRow.occurred_at, "desc"), (EventRow.id, "desc")]
    else:
        keys = [(EventRow.id, "desc")]
    return paginate(call, stmt, keys=keys)
