"""Registering and changing customers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    CustomerActor,
    Forbidden,
    NotFound,
    Platform,
    PreconditionFailed,
    Problem,
    Trace,
)
from dxp_crm.events import NoteAdded
from dxp_crm.models import PERSON, Customer, Note
from dxp_crm.services.birthdays import check_birthday
from dxp_crm.services.consents import ConsentService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.listing import CustomerFilter, field_clauses
from dxp_crm.services.registering import (
    Registrar,
    audit,
    birthday_event,
    set_birthday,
)
from dxp_crm.services.tags import carrying
from dxp_crm.services.visibility import FieldAccess, Visibility, search_clause


class CustomerService:
    """The only writer of customers and notes; implements `dxp.contracts.Profiles`."""

    def __init__(
        self,
        platform: Platform,
        consents: ConsentService,
        *,
        definitions: DefinitionService,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self._definitions = definitions
        self._visibility = visibility
        self._registrar = Registrar(
            platform, consents, definitions=definitions, visibility=visibility
        )

    def register(self, session: Session, actor: Actor, data: Mapping[str, Any]) -> Customer:
        """Make a customer known, with birthday and consents if they are told.

        Args:
            data: as the API takes it: the plain fields, `tags`, `fields`, `birthday` and
                `consents`.

        Raises:
            Conflict: another customer has the number or e-mail address (`customer_exists`).
            Forbidden: a field is kept for other roles (`field_restricted`).
            Unprocessable: the birthday is no date of its calendar, or a value does not fit its
                field (`invalid_fields`).
        """
        (answer,) = self.register_many(session, actor, [data])
        if isinstance(answer, Problem):
            raise answer
        return answer

    def register_many(
        self, session: Session, actor: Actor, rows: Sequence[Mapping[str, Any]]
    ) -> list[Customer | Problem]:
        """Register each of `rows` as `register` would, in a constant number of statements.

        Returns:
            one answer for each row, in order; a row that is refused leaves nothing behind.
        """
        return self._registrar.register_many(session, actor, rows)

    def refusals(
        self, session: Session, actor: Actor, rows: Sequence[Mapping[str, Any]]
    ) -> list[Problem | None]:
        """Why `register_many` would refuse each row; None where it would not, as things stand."""
        return self._registrar.refusals(session, actor, rows)

    def change_many(
        self,
        session: Session,
        actor: Actor,
        changes: Sequence[tuple[Customer, Mapping[str, Any]]],
    ) -> list[Customer | Problem]:
        """Change plain fields, tags, custom fields and birthdays of customers that `session`
        holds, each one once.

        Returns:
            one answer for each, in order; a change that is refused leaves nothing behind.
        """
        return self._registrar.change_many(session, actor, changes)

    def update(
        self,
        session: Session,
        actor: Actor,
        *,
        subject_id: uuid.UUID,
        version: int | None,
        changes: Mapping[str, Any],
    ) -> Customer:
        """Change plain fields, tags and `fields`; those that `changes` does not name stay.

        Args:
            version: that the change was made upon; None when the caller does not care.

        Raises:
            PreconditionFailed: somebody else changed the customer meanwhile.
            Conflict: another customer has the number or e-mail address (`customer_exists`).
            Forbidden: a field is kept for other roles (`field_restricted`).
            Unprocessable: a value does not fit its field (`invalid_fields`).
        """
        customer = self.get(session, subject_id, lock=True)
        if version is not None and version != customer.version:
            raise PreconditionFailed(
                "The customer was changed by somebody else since you read it, and saving would "
                "undo that; read it again, then repeat your change"
            )
        (answer,) = self._registrar.change_many(session, actor, [(customer, changes)])
        if isinstance(answer, Problem):
            raise answer
        return answer

    def set_birthday(
        self,
        session: Session,
        actor: Actor,
        *,
        subject_id: uuid.UUID,
        birthday: Mapping[str, Any] | None,
    ) -> Customer:
        """Tell, correct or take back a birthday.

        Raises:
            Forbidden: the customer has already corrected it (`birthday_locked`).
            Unprocessable: it is no date of its calendar (`invalid_birthday`).
        """
        self._visibility.of(session, actor).check_changes(["birthday"])
        customer = self.get(session, subject_id, lock=True)
        before = customer.snapshot()
        if isinstance(actor, CustomerActor) and customer.birthday is not None:
            allowed = self._platform.plugins.settings_of("crm")["birthday_edits"]
            if customer.birthday_edits >= allowed:
                raise Forbidden(
                    "The birthday was corrected before, and customers can do that only "
                    f"{allowed} time(s); please ask the shop's staff to change it",
                    code="birthday_locked",
                )
            customer.birthday_edits += 1
        self._write_birthday(session, customer, birthday, self._platform.clock.now())
        self._touch(session, customer)
        audit(
            self._platform,
            session,
            actor,
            action="birthday_set",
            customer=customer,
            before=before,
        )
        return customer

    def whose(self, session: Session, subject_id: uuid.UUID) -> Trace:
        """Whom to write a row about, and under whose id it was asked: see `Trace`.

        Raises:
            NotFound: there is no such customer (`unknown_customer`).
        """
        root_id = self.get(session, subject_id).subject_id
        return Trace(subject_id=root_id, origin_id=None if root_id == subject_id else subject_id)

    def add_note(
        self, session: Session, actor: Actor, *, subject_id: uuid.UUID, text: str, author: str
    ) -> Note:
        """Write a note about a customer."""
        whose = self.whose(session, subject_id)
        note = Note(
            subject_id=whose.subject_id,
            origin_id=whose.origin_id,
            text=text,
            author=author,
            created_at=self._platform.clock.now(),
        )
        session.add(note)
        session.flush()
        self._platform.events.publish(
            session,
            NoteAdded(note_id=str(note.id)),
            subject_id=whose.subject_id,
            origin_id=whose.origin_id,
        )
        self._platform.audit.record(
            session,
            actor,
            action="crm.note.added",
            object_type="customer",
            object_id=str(whose.subject_id),
            subject_id=whose.subject_id,
            after={"note_id": str(note.id)},
        )
        return note

    def notes(self, session: Session, subject_id: uuid.UUID) -> list[Note]:
        """Notes about a customer, latest first."""
        return list(
            session.scalars(
                select(Note).where(Note.subject_id == subject_id).order_by(Note.id.desc()).limit(50)
            )
        )

    def get(self, session: Session, subject_id: uuid.UUID, *, lock: bool = False) -> Customer:
        """One customer, following a merge.

        Raises:
            NotFound: there is none with this id (`unknown_customer`).
        """
        query = select(Customer).where(Customer.subject_id == subject_id)
        customer = session.scalar(query.with_for_update() if lock else query)
        if customer is None:
            root_id = self._platform.subjects.get_many(session, [subject_id]).get(subject_id)
            if root_id not in (None, subject_id):
                return self.get(session, root_id, lock=lock)
            raise NotFound(
                "There is no customer with this id; register the customer first, or look it up "
                "by the shop's own number with filter[ref]",
                code="unknown_customer",
            )
        return customer

    def matching(
        self, session: Session, wanted: CustomerFilter, access: FieldAccess
    ) -> Select[Customer]:
        """The customers that a filter lets through, not yet sorted.

        Raises:
            BadRequest: it names a field that does not exist, or a value that does not fit
                (`unknown_filter`).
            Forbidden: it names a field that is hidden (`field_restricted`).
        """
        query = select(Customer)
        for name in ("ref", "email"):
            value = getattr(wanted, name)
            if value is not None:
                access.check_filter(name)
                query = query.where(getattr(Customer, name) == value)
        if wanted.text:
            query = query.where(search_clause(wanted.text, access))
        if wanted.tag is not None:
            access.check_filter("tags")
            query = query.where(Customer.subject_id.in_(carrying(PERSON, wanted.tag)))
        if wanted.values:
            definitions = self._definitions.listed(session, PERSON)
            query = query.where(
                *field_clauses(
                    session,
                    record=PERSON,
                    column=Customer.fields,
                    definitions=definitions,
                    wanted=wanted.values,
                    access=access,
                )
            )
        return query

    def named(self, session: Session, actor: Actor, text: str) -> uuid.UUID | None:
        """The customer who has this number or e-mail address, as far as the actor sees those."""
        access = self._visibility.of(session, actor)
        for scheme in ("ref", "email"):
            if access.sees(scheme):
                found = self._platform.subjects.find(session, scheme, text.strip())
                if found is not None and session.get(Customer, found) is not None:
                    return found
        return None

    def display_name(self, session: Session, subject_id: uuid.UUID) -> str | None:
        return self.display_names(session, [subject_id]).get(subject_id)

    def display_names(
        self, session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> Mapping[uuid.UUID, str]:
        rows = session.execute(
            select(Customer.subject_id, Customer.name, Customer.ref, Customer.email).where(
                Customer.subject_id.in_(subject_ids)
            )
        )
        kept_back = self._visibility.restricted(session)
        shown = [name for name in ("name", "ref", "email") if name not in kept_back]
        named = {
            row.subject_id: next(filter(None, (getattr(row, name) for name in shown)), None)
            for row in rows
        }
        return {subject_id: name for subject_id, name in named.items() if name}

    def attributes(
        self, session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        rows = session.execute(
            select(
                Customer.subject_id,
                Customer.locale,
                Customer.timezone,
                Customer.country,
                Customer.tags,
                Customer.fields,
            ).where(Customer.subject_id.in_(subject_ids))
        )
        keys = [item.key for item in self._definitions.listed(session, PERSON)]
        return {
            row.subject_id: {
                "locale": row.locale,
                "timezone": row.timezone,
                "country": row.country,
                "tags": row.tags,
            }
            | {f"fields.{key}": row.fields.get(key) for key in keys}
            for row in rows
        }

    def _write_birthday(
        self,
        session: Session,
        customer: Customer,
        birthday: Mapping[str, Any] | None,
        now: datetime,
    ) -> None:
        if birthday is not None:
            check_birthday(birthday, today=now.date())
        set_birthday(customer, birthday, now=now)
        session.flush()
        self._publish_birthday(session, customer)

    def _publish_birthday(self, session: Session, customer: Customer) -> None:
        self._platform.events.publish_many(session, [birthday_event(customer)])

    def _touch(self, session: Session, customer: Customer) -> None:
        customer.version += 1
        customer.updated_at = self._platform.clock.now()
        session.flush()
