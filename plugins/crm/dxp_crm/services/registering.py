"""Making customers known, one or thousands, by the same rules and in the same few statements."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Conflict,
    NewEvent,
    Platform,
    Problem,
    Purposes,
)
from dxp.contracts import BirthdayChanged, CustomerRegistered, EventPayload
from dxp_crm.events import CustomerChanged
from dxp_crm.models import PERSON, Consent, Customer, FieldDefinition
from dxp_crm.services.birthdays import check_birthday
from dxp_crm.services.consents import ConsentService, check_words
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.fields import check_fields, merged_fields
from dxp_crm.services.folding import fold
from dxp_crm.services.tags import write_tags
from dxp_crm.services.visibility import FieldAccess, Visibility, names_in

PLAIN_FIELDS = ("ref", "name", "email", "phone", "locale", "timezone", "country", "tags")
Registration = Mapping[str, Any]


class Registrar:
    """Writes new customers in batches: a constant number of statements of its own for any number.

    What subscribers do inside the transaction comes on top, as it does for a single customer.
    """

    def __init__(
        self,
        platform: Platform,
        consents: ConsentService,
        *,
        definitions: DefinitionService,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self._consents = consents
        self._definitions = definitions
        self._visibility = visibility

    def register_many(
        self, session: Session, actor: Actor, rows: Sequence[Registration]
    ) -> list[Customer | Problem]:
        """Register each row, or say why not; one that is refused leaves nothing behind.

        Args:
            rows: as the API takes a customer: the plain fields, `tags`, `fields`, `birthday` and
                `consents`.

        Returns:
            one answer for each row, in order, the same as if they came one after another.
        """
        checked = self._check(session, actor, rows)
        answers: list[Customer | Problem | None] = list(self._refusals(session, checked))
        ready = [index for index, answer in enumerate(answers) if answer is None]
        made = self._write(session, actor, [_row(checked[index]) for index in ready])
        for index, answer in zip(ready, made, strict=True):
            answers[index] = answer
        return [answer for answer in answers if answer is not None]

    def refusals(
        self, session: Session, actor: Actor, rows: Sequence[Registration]
    ) -> list[Problem | None]:
        """Why each row would be refused, as far as that can be told without writing."""
        return self._refusals(session, self._check(session, actor, rows))

    def _check(
        self, session: Session, actor: Actor, rows: Sequence[Registration]
    ) -> list[Registration | Problem]:
        access = self._visibility.of(session, actor)
        definitions = self._definitions.listed(session, PERSON)
        return [_checked(row, access, definitions) for row in rows]

    def _refusals(
        self, session: Session, rows: Sequence[Registration | Problem]
    ) -> list[Problem | None]:
        """What can be told before anything is written."""
        today, purposes = self._platform.clock.now().date(), self._platform.privacy.purposes
        names = [[] if isinstance(row, Problem) else names_of(row) for row in rows]
        taken = self._platform.subjects.taken(session, {name for row in names for name in row})
        taken_digests = {self._platform.subjects.digest(*name) for name in taken}
        found: list[Problem | None] = []
        for row, wanted in zip(rows, names, strict=True):
            if isinstance(row, Problem):
                found.append(row)
                continue
            digests = {self._platform.subjects.digest(*name) for name in wanted}
            refusal = exists() if digests & taken_digests else _fault(row, purposes, today=today)
            if refusal is None:
                taken_digests |= digests
            found.append(refusal)
        return found

    def _write(
        self, session: Session, actor: Actor, rows: Sequence[Registration]
    ) -> list[Customer | Problem]:
        """All at once; when one of them is refused after all, each by itself."""
        if not rows:
            return []
        try:
            with self._platform.db.savepoint(session):
                return list(self._insert(session, actor, rows))
        except (Problem, IntegrityError) as error:
            if isinstance(error, Problem) and error.status >= 500:
                raise
            if len(rows) == 1:
                return [error if _is_other(error) else exists()]
        return [answer for row in rows for answer in self._write(session, actor, [row])]

    def _insert(
        self, session: Session, actor: Actor, rows: Sequence[Registration]
    ) -> list[Customer]:
        now = self._platform.clock.now()
        ids = self._platform.subjects.create_many(session, [names_of(row) for row in rows])
        made: list[Customer] = []
        told: list[NewEvent] = []
        consents: list[list[Consent]] = []
        for subject_id, row in zip(ids, rows, strict=True):
            customer = Customer(subject_id=subject_id, created_at=now, updated_at=now, tags=[])
            set_plain(customer, row)
            customer.fields = merged_fields({}, row["fields"])
            set_birthday(customer, row.get("birthday"), now=now)
            words = [
                self._consents.draft(actor, subject_id=subject_id, **word)
                for word in row.get("consents", ())
            ]
            made.append(customer)
            consents.append(words)
            told += _events_of(customer, words)
        session.add_all(made)
        session.flush()
        write_tags(session, [customer for customer in made if customer.tags], now=now)
        session.add_all([word for words in consents for word in words])
        session.flush()
        self._platform.events.publish_many(session, told)
        for customer, words in zip(made, consents, strict=True):
            for word in words:
                self._consents.audit(session, actor, word)
            audit(self._platform, session, actor, action="registered", customer=customer)
        return made

    def change_many(
        self, session: Session, actor: Actor, changes: Sequence[tuple[Customer, Registration]]
    ) -> list[Customer | Problem]:
        """Change plain fields, tags, custom fields and birthdays of customers that `session`
        holds, each one once.

        Returns:
            one answer for each, in order; a change that is refused leaves nothing behind.
        """
        access = self._visibility.of(session, actor)
        definitions = self._definitions.listed(session, PERSON)
        answers: list[Customer | Problem] = []
        done: list[tuple[Customer, dict[str, Any], Registration]] = []
        now = self._platform.clock.now()
        for customer, values in changes:
            before = customer.snapshot()
            try:
                access.check_changes(names_in(values))
                fields = check_fields(definitions, values.get("fields") or {})
                self._change(session, customer, {**values, "fields": fields}, now=now)
            except (Problem, IntegrityError) as error:
                session.refresh(customer)
                answers.append(error if _is_other(error) else exists())
                continue
            answers.append(customer)
            done.append((customer, before, values))
        session.flush()
        tagged = [customer for customer, _before, values in done if "tags" in values]
        write_tags(session, tagged, now=now)
        told = [_new(_changed(item, before), item.subject_id) for item, before, _values in done]
        told += [
            birthday_event(item) for item, before, values in done if _tells(item, before, values)
        ]
        self._platform.events.publish_many(session, told)
        for customer, before, _values in done:
            audit(
                self._platform,
                session,
                actor,
                action="updated",
                customer=customer,
                before=before,
            )
        return answers

    def _change(
        self, session: Session, customer: Customer, values: Registration, *, now: datetime
    ) -> None:
        """Only what has to be unique is written at once, in a savepoint of its own."""
        if values.get("birthday"):
            check_birthday(values["birthday"], today=now.date())
        if names_of(values):
            with self._platform.db.savepoint(session):
                for scheme, value in names_of(values):
                    self._platform.subjects.link(
                        session, customer.subject_id, scheme=scheme, value=value
                    )
                set_plain(customer, values)
                session.flush()
        else:
            set_plain(customer, values)
        if values["fields"]:
            customer.fields = merged_fields(customer.fields, values["fields"])
        if "birthday" in values:
            set_birthday(customer, values["birthday"], now=now)
        customer.version += 1
        customer.updated_at = now


def _changed(customer: Customer, before: Mapping[str, Any]) -> CustomerChanged:
    after = customer.snapshot()
    names = before.keys() | after.keys()
    return CustomerChanged(
        fields=sorted(name for name in names if before.get(name) != after.get(name))
    )


def _tells(customer: Customer, before: Mapping[str, Any], values: Registration) -> bool:
    """Whether what others know of the birthday has changed: the day, or the zone it is in."""
    moved = before["timezone"] != customer.timezone and customer.birthday is not None
    return "birthday" in values or moved


def _is_other(error: Problem | IntegrityError) -> TypeGuard[Problem]:
    """Whether it is a refusal for another reason than a name that somebody else has."""
    return isinstance(error, Problem) and error.code != "subject_key_taken"


def names_of(row: Registration) -> list[tuple[str, str]]:
    """The (scheme, value) keys by which a customer can be told from others."""
    return [(scheme, row[scheme]) for scheme in ("ref", "email") if row.get(scheme)]


def set_plain(customer: Customer, data: Mapping[str, Any]) -> None:
    """Take over the plain fields that `data` names; None empties one."""
    for field in PLAIN_FIELDS:
        if field in data:
            setattr(customer, field, data[field] if data[field] is not None else _empty(field))
    customer.search = fold(
        " ".join(filter(None, (customer.name, customer.ref, customer.email, customer.phone)))
    )[:600]


def set_birthday(customer: Customer, birthday: Mapping[str, Any] | None, *, now: datetime) -> None:
    """Take over a birthday that was checked; None takes it back."""
    values = birthday or {}
    customer.birthday_month = values.get("month")
    customer.birthday_day = values.get("day")
    customer.birthday_year = values.get("year")
    customer.birthday_calendar = values.get("calendar", "gregorian") if birthday else None
    customer.birthday_set_at = now if birthday else None


def birthday_event(customer: Customer) -> NewEvent:
    """What is told of a birthday that was told, corrected or taken back."""
    return _new(
        BirthdayChanged(birthday=customer.birthday, timezone=customer.timezone),
        customer.subject_id,
    )


def audit(
    platform: Platform,
    session: Session,
    actor: Actor,
    *,
    action: str,
    customer: Customer,
    before: dict[str, Any] | None = None,
) -> None:
    """Note what was done to a customer; `action` is a past participle such as `updated`."""
    platform.audit.record(
        session,
        actor,
        action=f"crm.customer.{action}",
        object_type="customer",
        object_id=str(customer.subject_id),
        subject_id=customer.subject_id,
        before=before,
        after=customer.snapshot(),
    )


def exists() -> Problem:
    """The refusal of a number or an e-mail address that another customer has."""
    return Conflict(
        "Another customer already has this ref or e-mail address; look that customer up with "
        "filter[ref] or filter[email] and use it",
        code="customer_exists",
    )


def _events_of(customer: Customer, consents: Sequence[Consent]) -> list[NewEvent]:
    registered = CustomerRegistered(
        ref=customer.ref, locale=customer.locale, timezone=customer.timezone
    )
    told = [_new(registered, customer.subject_id)]
    told += [ConsentService.event_of(consent) for consent in consents]
    if customer.birthday is not None:
        told.append(birthday_event(customer))
    return told


def _new(payload: EventPayload, subject_id: uuid.UUID) -> NewEvent:
    return NewEvent(type=payload.type, data=payload.as_data(), subject_id=subject_id)


def _checked(
    row: Registration, access: FieldAccess, definitions: Sequence[FieldDefinition]
) -> Registration | Problem:
    """The row with its custom fields as they are stored, or why it is refused."""
    told = {name: value for name, value in row.items() if value}
    try:
        access.check_changes(names_in(told))
        fields = check_fields(definitions, row.get("fields") or {}, complete=True)
    except Problem as problem:
        return problem
    return {**row, "fields": fields}


def _row(checked: Registration | Problem) -> Registration:
    assert not isinstance(checked, Problem)  # those were answered before
    return checked


def _fault(row: Registration, purposes: Purposes, *, today: Any) -> Problem | None:
    try:
        for consent in row.get("consents", ()):
            purposes.check(consent["purpose"])
        check_words(row.get("consents", ()))
        if row.get("birthday"):
            check_birthday(row["birthday"], today=today)
    except Problem as problem:
        return problem
    return None


def _empty(field: str) -> Any:
    return [] if field == "tags" else None
