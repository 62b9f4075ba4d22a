"""What is known of customers, and what they consented to."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from sqlalchemy.orm import Session

from dxp.contracts.payload import EventPayload

PURPOSE_PROFILING = "profiling"
PURPOSE_BIRTHDAY = "birthday"
PURPOSE_MARKETING = "marketing"

SEGMENTS_FACT = "crm.segments"
"""The fact that lists the keys of the segments a person is in."""


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """Something that customers' data may be used for, if they let it be.

    Attributes:
        key: as consents name it.
        label, description: for people; may be lazily translated.
        text_version: of the text that asks for it now, for forms that show `description`.
        basis: legal basis: `consent`, or `legitimate_interest` for what may be objected to.
    """

    key: str
    label: Any
    description: Any
    text_version: str = "1"
    basis: Literal["consent", "legitimate_interest"] = "consent"


@dataclass(frozen=True, kw_only=True)
class Birthday:
    """A birthday as its owner states it: no sentinel year, its calendar named.

    Attributes:
        month, day: in `calendar`.
        year: in `calendar`; None when it was not told.
        calendar: `gregorian`, `jalali` or `hijri_umalqura`.
        set_at: when it was told, ISO 8601 in UTC.
    """

    month: int
    day: int
    year: int | None
    calendar: str
    set_at: str


@dataclass(frozen=True, kw_only=True)
class CustomerRegistered(EventPayload):
    """A customer became known. `ref` is the storefront's own number of the customer."""

    type: ClassVar[str] = "customer.registered"
    ref: str | None = None
    locale: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, kw_only=True)
class BirthdayChanged(EventPayload):
    """A customer's birthday was told, corrected or (with None) taken back.

    `birthday` has the fields of `Birthday`; `timezone` is the customer's IANA zone, if known.
    """

    type: ClassVar[str] = "customer.birthday_changed"
    birthday: dict[str, Any] | None
    timezone: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConsentChanged(EventPayload):
    """A customer granted or withdrew consent to one purpose."""

    type: ClassVar[str] = "consent.changed"
    purpose: str
    granted: bool
    channel: str
    text_version: str


@dataclass(frozen=True, kw_only=True)
class CustomersMerged(EventPayload):
    """Two customers turned out to be one. The event is the winner's; `loser` is the other's id."""

    type: ClassVar[str] = "customer.merged"
    loser: str


@dataclass(frozen=True, kw_only=True)
class CustomersSplit(EventPayload):
    """A merge was undone: `loser` is a customer of their own again, with what was theirs."""

    type: ClassVar[str] = "customer.split"
    loser: str


class Profiles(Protocol):
    """Reads what is known of customers."""

    def display_name(self, session: Session, subject_id: uuid.UUID) -> str | None:
        """The name to show to staff, or None when the subject is unknown or erased."""

    def display_names(
        self, session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> Mapping[uuid.UUID, str]:
        """The names of those who have one, in one query."""

    def attributes(
        self, session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        """Profile values by subject: `locale`, `timezone`, `country`, `tags`, custom fields."""


class Consents(Protocol):
    """Answers whether a customer's data may be used for a purpose, as of this moment."""

    def granted(self, session: Session, subject_id: uuid.UUID, purpose: str) -> bool:
        """True only when the last word of the customer on `purpose` was yes."""

    def granted_many(
        self, session: Session, subject_ids: Sequence[uuid.UUID], purpose: str
    ) -> set[uuid.UUID]:
        """Those of `subject_ids` who consent to `purpose`, in one query."""
