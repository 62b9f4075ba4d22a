"""Events from a file: orders, or any other type that senders may report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from marshmallow import fields as schema_fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, EventRow, EventType, NewEvent, Platform, Problem
from dxp.api import lazy_gettext as _l
from dxp_crm.models import Import, ImportEntry
from dxp_crm.services.importing import cells
from dxp_crm.services.importing.columns import EVENT_NAMES, Field, customer_fields
from dxp_crm.services.importing.faults import Fault, fault_about, faults_of
from dxp_crm.services.importing.kinds import Line, Written, all_open, refuse_unknown

CLOCK_SKEW = timedelta(minutes=5)
_LABELS: Mapping[str, Any] = {
    "order_id": _l("Order number"),
    "total": _l("Total"),
    "currency": _l("Currency"),
    "channel": _l("Channel"),
    "lines": _l("Items, as JSON"),
}


class EventKind:
    """Writes events of one type; the sender's own id makes a second import harmless."""

    modes = ("create",)
    reverts = False

    def __init__(self, platform: Platform, event_type: EventType) -> None:
        assert event_type.schema is not None
        self._platform = platform
        self.name = event_type.name
        self.label = event_type.label or event_type.name
        self._schema = event_type.schema().fields
        own = f"{self.name.partition('.')[0]}_id"
        self._id = own if own in self._schema else "id"

    def fields(self, session: Session, *, locale: str) -> Sequence[Field]:
        people = [item for item in customer_fields(self._platform) if item.name in ("ref", "email")]
        known = [
            Field(
                name="occurred_at",
                label=_l("When it happened"),
                parse=cells.moment,
                names=EVENT_NAMES["occurred_at"].split(","),
                required=True,
            )
        ]
        if self._id not in self._schema:
            known.append(
                Field(
                    name="id",
                    label=_l("Number of the event"),
                    names=EVENT_NAMES["id"].split(","),
                    required=True,
                )
            )
        return [*people, *known, *(self._field(name) for name in self._schema)]

    def _field(self, name: str) -> Field:
        kind = self._schema[name]
        return Field(
            name=name,
            label=_LABELS.get(name, name.replace("_", " ").capitalize()),
            parse=_parser(name, kind),
            names=EVENT_NAMES.get(name, "").split(",") if name in EVENT_NAMES else (),
            required=kind.required,
        )

    def locked(self, session: Session, actor: Actor) -> Callable[[str], bool]:
        return all_open

    def lacking(self, mapping: Mapping[str, str], fields: Sequence[Field]) -> Sequence[str]:
        mapped = set(mapping.values())
        lacking = [item.name for item in fields if item.required and item.name not in mapped]
        return lacking if {"ref", "email"} & mapped else ["ref", *lacking]

    def unique(self) -> Sequence[str]:
        return (self._id,)

    def plan(
        self,
        session: Session,
        actor: Actor,
        job: Import,
        lines: Sequence[Line],
        *,
        lock: bool = False,
    ) -> None:
        names = {
            (scheme, line.values[scheme])
            for line in lines
            for scheme in ("ref", "email")
            if scheme in line.values
        }
        known = self._platform.subjects.trace_many(session, names, hold=lock)
        latest = self._platform.clock.now() + CLOCK_SKEW
        for line in lines:
            if not line.faults:
                self._load(line, job.source, known, latest)
        ids = [line.plan.external_id for line in lines if not line.faults]
        held = set(
            session.scalars(
                select(EventRow.external_id).where(
                    EventRow.source == job.source, EventRow.external_id.in_(ids)
                )
            )
        )
        for line in lines:
            if not line.faults:
                line.outcome = "same" if line.plan.external_id in held else "new"

    def _load(
        self, line: Line, source: str, known: Mapping[tuple[str, str], Any], latest: Any
    ) -> None:
        values = dict(line.values)
        named = [(scheme, values.pop(scheme)) for scheme in ("ref", "email") if scheme in values]
        moment = values.pop("occurred_at", None)
        number = values.get(self._id) if self._id in self._schema else values.pop("id", None)
        if not named:
            line.refuse(Fault(code="required", field="ref"))
        if moment is None:
            line.refuse(Fault(code="required", field="occurred_at"))
        elif moment > latest:
            line.refuse(fault_about("future", "occurred_at", str(moment)))
        if number is None:
            line.refuse(Fault(code="required", field=self._id))
        elif len(str(number)) > 200:
            line.refuse(Fault(code="length", field=self._id))
        customer = next((known[name] for name in named if name in known), None)
        if named and customer is None:
            refuse_unknown(line, "unknown_customer", named[0][0])
        try:
            data = self._platform.events.parse(self.name, values)
        except Problem as problem:
            reasons = faults_of(problem, line.values)
            line.refuse(*(item for item in reasons if item.field != self._id or number is not None))
            return
        if not line.faults and customer is not None:
            line.plan = NewEvent(
                type=self.name,
                data=data,
                subject_id=customer.subject_id,
                origin_id=customer.origin_id,
                source=source,
                external_id=str(number),
                occurred_at=moment,
            )

    def write(self, session: Session, actor: Actor, job: Import, lines: Sequence[Line]) -> None:
        self._publish(session, [line for line in lines if line.outcome == "new"])

    def _publish(self, session: Session, lines: Sequence[Line]) -> None:
        """All at once; when a subscriber refuses one of them, each by itself."""
        try:
            with self._platform.db.savepoint(session):
                events = [line.plan for line in lines]
                records = self._platform.events.publish_many(session, events)
        except Problem as problem:
            if problem.status >= 500:
                raise
            if len(lines) == 1:
                lines[0].refuse(*faults_of(problem, lines[0].values))
                return
            for line in lines:
                self._publish(session, [line])
            return
        for line, record in zip(lines, records, strict=True):
            if record is None:
                line.outcome = "same"
            else:
                line.written = Written(action="created", object_id=record.id)

    def revert(
        self, session: Session, actor: Actor, entries: Sequence[ImportEntry]
    ) -> Mapping[int, str | None]:
        return {entry.row: "event" for entry in entries}


def _parser(name: str, kind: Any) -> cells.Parse:
    """How the text of a cell becomes what a schema's field takes."""
    if isinstance(kind, (schema_fields.Nested, schema_fields.List, schema_fields.Dict)):
        return cells.json_value
    if isinstance(kind, schema_fields.Boolean):
        return cells.yes_no
    if isinstance(kind, schema_fields.Integer):
        return cells.whole
    if isinstance(kind, (schema_fields.Decimal, schema_fields.Float)):
        return cells.number
    return cells.upper if name == "currency" else cells.text
