"""Events that the plugin raises besides the shared ones of `dxp.contracts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dxp.api import EventRecord, EventType, isolated
from dxp.api import gettext as _
from dxp.api import lazy_gettext as _l
from dxp.contracts import EventPayload
from dxp_crm.words import priority_name, status_name


@dataclass(frozen=True, kw_only=True)
class NoteAdded(EventPayload):
    """Staff wrote a note about a customer. The text stays with the note, out of the log."""

    type: ClassVar[str] = "crm.note_added"
    note_id: str


@dataclass(frozen=True, kw_only=True)
class TaskAdded(EventPayload):
    """Staff are to do something about a customer. `due_at` is a moment in ISO 8601."""

    type: ClassVar[str] = "crm.task_added"
    task_id: str
    title: str
    due_at: str


@dataclass(frozen=True, kw_only=True)
class TaskDone(EventPayload):
    """Something that was to be done about a customer is done."""

    type: ClassVar[str] = "crm.task_done"
    task_id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class TaskReopened(EventPayload):
    """Something that was done is to be done again."""

    type: ClassVar[str] = "crm.task_reopened"
    task_id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class TicketOpened(EventPayload):
    """A customer asks for something. `channel` tells how, such as `email`."""

    type: ClassVar[str] = "crm.ticket_opened"
    ticket_id: str
    title: str
    priority: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class TicketChanged(EventPayload):
    """A ticket went on: `changed` names what is new of status, priority and assignee."""

    type: ClassVar[str] = "crm.ticket_changed"
    ticket_id: str
    title: str
    status: str
    priority: str
    changed: list[str]


@dataclass(frozen=True, kw_only=True)
class MessageSent(EventPayload):
    """A message left for a customer. Its text stays with the message log."""

    type: ClassVar[str] = "crm.message_sent"
    message_id: str
    channel: str
    purpose: str
    title: str


@dataclass(frozen=True, kw_only=True)
class OrganisationJoined(EventPayload):
    """A customer belongs to an organisation from now on."""

    type: ClassVar[str] = "crm.organisation_joined"
    organisation_id: str
    name: str
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class OrganisationLeft(EventPayload):
    """A customer belongs to an organisation no longer."""

    type: ClassVar[str] = "crm.organisation_left"
    organisation_id: str
    name: str


def _told(record: EventRecord, name: str) -> str:
    return isolated(str(record.data.get(name) or ""))


def _title_line(record: EventRecord) -> str:
    return _told(record, "title")


def _opened_line(record: EventRecord) -> str:
    return _(
        "%(title)s (%(priority)s)",
        title=_told(record, "title"),
        priority=priority_name(str(record.data.get("priority"))),
    )


def _changed_line(record: EventRecord) -> str:
    data: Any = record.data
    return _(
        "%(title)s: %(status)s, %(priority)s",
        title=_told(record, "title"),
        status=status_name(str(data.get("status"))),
        priority=priority_name(str(data.get("priority"))),
    )


def _message_line(record: EventRecord) -> str:
    return _(
        "%(title)s, by %(channel)s",
        title=_told(record, "title"),
        channel=_told(record, "channel"),
    )


def _organisation_line(record: EventRecord) -> str:
    role = record.data.get("role")
    if role:
        return _("%(name)s, as %(role)s", name=_told(record, "name"), role=isolated(str(role)))
    return _told(record, "name")


@dataclass(frozen=True, kw_only=True)
class CustomerChanged(EventPayload):
    """A customer's profile was changed. `fields` names what, not to which values."""

    type: ClassVar[str] = "crm.customer_changed"
    fields: list[str]


@dataclass(frozen=True, kw_only=True)
class SegmentEntered(EventPayload):
    """A customer is in a segment from now on, by what happened or by the passing of time.

    Whoever is in a segment when it is switched on does not enter it.
    """

    type: ClassVar[str] = "crm.segment_entered"
    segment: str
    version: int


@dataclass(frozen=True, kw_only=True)
class SegmentLeft(EventPayload):
    """A customer is in a segment no more."""

    type: ClassVar[str] = "crm.segment_left"
    segment: str
    version: int


def _segment_line(record: EventRecord) -> str:
    return isolated(str(record.data.get("segment") or ""))


EVENTS = (
    EventType(payload=NoteAdded, label=_l("Note added")),
    EventType(payload=CustomerChanged, label=_l("Profile changed")),
    EventType(payload=SegmentEntered, label=_l("Entered a segment"), summary=_segment_line),
    EventType(payload=SegmentLeft, label=_l("Left a segment"), summary=_segment_line),
    EventType(payload=TaskAdded, label=_l("Task added"), summary=_title_line),
    EventType(payload=TaskDone, label=_l("Task done"), summary=_title_line),
    EventType(payload=TaskReopened, label=_l("Task reopened"), summary=_title_line),
    EventType(payload=TicketOpened, label=_l("Ticket opened"), summary=_opened_line),
    EventType(payload=TicketChanged, label=_l("Ticket changed"), summary=_changed_line),
    EventType(payload=MessageSent, label=_l("Message sent"), summary=_message_line),
    EventType(
        payload=OrganisationJoined, label=_l("Joined an organisation"), summary=_organisation_line
    ),
    EventType(
        payload=OrganisationLeft, label=_l("Left an organisation"), summary=_organisation_line
    ),
)
