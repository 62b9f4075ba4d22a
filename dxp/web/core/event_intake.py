"""Taking reported events in: each is accepted, known already, or refused with a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dxp.auth.actors import KeyActor
from dxp.errors import Forbidden, Problem, Unprocessable
from dxp.events import OWN_SOURCE, NewEvent, retention_of
from dxp.subjects import Trace
from dxp.web.browsers import check_subject
from dxp.web.call import Call
from dxp.web.core.event_schemas import Malformed
from dxp.web.problem_codes import ProblemCode

CLOCK_SKEW = timedelta(minutes=5)
BROWSER_SOURCE = "browser"

EVENT_CODES = (
    ProblemCode(
        "occurred_in_future",
        422,
        "The event lies in the future",
        "An event says what happened, and its moment is more than five minutes ahead.",
        "Check the sender's clock and time zone, and send the event once it has happened.",
    ),
    ProblemCode(
        "event_past_retention",
        422,
        "The event is older than such events are kept",
        "Events of this type are forgotten after some days, and this one happened before that.",
        "Leave it out; or have `events.retention_days` raised for the type, then send it again.",
    ),
    ProblemCode(
        "event_type_not_open",
        403,
        "Browsers may not send events of this type",
        "Only types that do no harm when somebody makes them up are open to a browser's key, such "
        "as page views.",
        "Send the event from a server, with a key without origins.",
    ),
    ProblemCode(
        "reserved_source",
        422,
        "The source is reserved",
        "The source `dxp` stands for events that dxp itself raises.",
        "Name your own system, such as `shop`.",
    ),
)


Name = tuple[str, Any]
Result = dict[str, Any]


def take_in(call: Call, items: Sequence[Mapping[str, Any] | Malformed]) -> list[Result]:
    """Write the events of a batch; returns what became of each, in their order.

    An anonymous visitor who is not known becomes so with the first event that is not refused.
    """
    results: list[Result] = []
    sound: list[tuple[Result, Mapping[str, Any], dict[str, Any]]] = []
    for item in items:
        result: Result = {
            "id": item.id if isinstance(item, Malformed) else item["id"],
            "status": "error",
            "event_id": None,
            "code": None,
            "detail": None,
            "errors": [],
        }
        results.append(result)
        try:
            if isinstance(item, Malformed):
                raise _malformed(item)
            told = _check(call, item)
            sound.append((result, told, call.platform.events.parse(item["type"], item["data"])))
        except Problem as problem:
            _refuse(result, problem)
    subjects = _subjects(call, [item for _result, item, _data in sound])
    ready: list[tuple[Result, NewEvent]] = []
    for result, item, data in sound:
        try:
            ready.append((result, _new_event(item, data, subjects)))
        except Problem as problem:
            _refuse(result, problem)
    _publish(call, ready)
    return results


def _refuse(result: Result, problem: Problem) -> None:
    result["code"], result["detail"] = problem.code, problem.detail
    result["errors"] = [error.as_dict() for error in problem.errors]


def _malformed(item: Malformed) -> Problem:
    return Unprocessable(
        "The event was refused, because it has not the form of an event; "
        "mend what errors points at and send it again",
        code="invalid_event",
        errors=item.errors,
    )


def _check(call: Call, item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event as far as its sender is believed."""
    if isinstance(call.actor, KeyActor) and call.actor.browser:
        item = _from_browser(call, call.actor, item)
    if item["source"] == OWN_SOURCE:
        raise Unprocessable(
            f"The event was refused, because the source {OWN_SOURCE!r} stands for dxp itself; "
            "name your own system",
            code="reserved_source",
        )
    moment = item["occurred_at"]
    if moment is not None and moment > call.now + CLOCK_SKEW:
        raise Unprocessable(
            f"The event was refused, because it is said to happen at {moment}, and "
            f"now is {call.now}; check the sender's clock and time zone",
            code="occurred_in_future",
        )
    kind = call.platform.events.types.get(item["type"])
    keep = None if kind is None else retention_of(call.platform, kind)
    if keep is not None and moment is not None and moment < call.now - keep:
        raise Unprocessable(
            f"The event was refused, because it happened at {moment}, and events of this type are "
            f"kept for {keep.days} days; leave it out, or have events.retention_days raised",
            code="event_past_retention",
        )
    return item


def _from_browser(call: Call, actor: KeyActor, item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Browsers share one source, so that none can take an event's id from a server's source."""
    kind = call.platform.events.types.get(item["type"])
    if kind is not None and kind.schema is not None and not kind.browser:
        raise Forbidden(
            f"The event was refused, because anybody could make up a {item['type']!r} with a "
            "browser's key; send it from a server, with a key of its own",
            code="event_type_not_open",
        )
    return {**item, "source": BROWSER_SOURCE, "subject": check_subject(actor, item["subject"])}


def _subjects(call: Call, items: Sequence[Mapping[str, Any]]) -> dict[Name, Trace]:
    """The subjects of all events, in a few statements however many there are."""
    names: set[Name] = {
        name for item in items if item["subject"] for name in item["subject"].items()
    }
    service = call.platform.subjects
    ids = service.trace_ids(
        call.session, [value for scheme, value in names if scheme == "id"], hold=True
    )
    found: dict[Name, Trace] = {("id", asked): known for asked, known in ids.items()}
    refs = service.trace_many(call.session, [name for name in names if name[0] == "ref"], hold=True)
    browsers = service.meet(
        call.session, [value for scheme, value in names if scheme == "anonymous_id"]
    )
    return found | refs | {("anonymous_id", value): known for value, known in browsers.items()}


def _new_event(
    item: Mapping[str, Any], data: dict[str, Any], subjects: Mapping[Name, Trace]
) -> NewEvent:
    subject = None
    if item["subject"]:
        (name,) = item["subject"].items()
        subject = subjects.get(name)
        if subject is None:
            raise Unprocessable(
                f"The event was refused, because no customer has the {name[0]} {str(name[1])!r}; "
                "register the customer first, then send the event again",
                code="unknown_subject",
            )
    return NewEvent(
        type=item["type"],
        data=data,
        subject_id=subject.subject_id if subject else None,
        origin_id=subject.origin_id if subject else None,
        source=item["source"],
        external_id=item["id"],
        occurred_at=item["occurred_at"],
    )


def _publish(call: Call, ready: Sequence[tuple[Result, NewEvent]]) -> None:
    """Write all at once; when a subscriber refuses one, halve until that one stands alone."""
    try:
        with call.platform.db.savepoint(call.session):
            records = call.platform.events.publish_many(
                call.session, [event for _result, event in ready]
            )
    except Problem as problem:
        if problem.status >= 500:
            raise
        if len(ready) == 1:
            _refuse(ready[0][0], problem)
            return
        middle = len(ready) // 2
        _publish(call, ready[:middle])
        _publish(call, ready[middle:])
        return
    for (result, _event), record in zip(ready, records, strict=True):
        result["status"] = "duplicate" if record is None else "accepted"
        result["event_id"] = None if record is None else record.id
