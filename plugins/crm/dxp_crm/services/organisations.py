"""Organisations, and who belongs to them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Conflict,
    EventRow,
    NewEvent,
    NotFound,
    Platform,
    PreconditionFailed,
)
from dxp_crm.events import OrganisationJoined, OrganisationLeft
from dxp_crm.models import ORGANISATION, Membership, Organisation, Task
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.fields import check_fields, merged_fields
from dxp_crm.services.folding import fold
from dxp_crm.services.listing import RecordFilter, field_clauses
from dxp_crm.services.tags import carrying, forget_tags, write_tags
from dxp_crm.services.visibility import FieldAccess, Visibility, names_in

PLAIN_FIELDS = ("name", "number", "country", "tags")


class OrganisationService:
    """The only writer of organisations and memberships."""

    def __init__(
        self,
        platform: Platform,
        customers: CustomerService,
        *,
        definitions: DefinitionService,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self._customers = customers
        self._definitions = definitions
        self._visibility = visibility

    def create(self, session: Session, actor: Actor, data: Mapping[str, Any]) -> Organisation:
        """A new organisation.

        Args:
            data: `name`, and optionally `number`, `country`, `tags` and `fields`.

        Raises:
            Conflict: another one has the number (`organisation_exists`).
            Forbidden: a field is kept for other roles (`field_restricted`).
            Unprocessable: a value does not fit its field (`invalid_fields`).
        """
        now = self._platform.clock.now()
        found = Organisation(tags=[], fields={}, created_at=now, updated_at=now)
        told = {name: value for name, value in data.items() if value}
        self._write(session, actor, found, told, complete=True)
        self._record(session, actor, found, "created", after=found.snapshot())
        return found

    def update(
        self,
        session: Session,
        actor: Actor,
        *,
        organisation_id: uuid.UUID,
        version: int | None,
        changes: Mapping[str, Any],
    ) -> Organisation:
        """Change what `changes` names; the rest stays.

        Args:
            version: that the change was made upon; None when the caller does not care.

        Raises:
            PreconditionFailed: somebody else changed it meanwhile.
            Conflict, Forbidden, Unprocessable: as `create`.
        """
        found = self.get(session, organisation_id, lock=True)
        if version is not None and version != found.version:
            raise PreconditionFailed(
                "The organisation was changed by somebody else since you read it, and saving "
                "would undo that; read it again, then repeat your change"
            )
        before = found.snapshot()
        found.version += 1
        found.updated_at = self._platform.clock.now()
        self._write(session, actor, found, changes)
        self._record(session, actor, found, "updated", before=before, after=found.snapshot())
        return found

    def delete(self, session: Session, actor: Actor, *, organisation_id: uuid.UUID) -> None:
        """Forget an organisation; the people who belonged to it stay."""
        found = self.get(session, organisation_id, lock=True)
        self._record(session, actor, found, "deleted", before=found.snapshot())
        for model in (Membership, Task):
            session.execute(delete(model).where(model.organisation_id == organisation_id))
        forget_tags(session, [organisation_id])
        session.delete(found)
        session.flush()

    def get(
        self, session: Session, organisation_id: uuid.UUID, *, lock: bool = False
    ) -> Organisation:
        """One organisation.

        Raises:
            NotFound: there is none with this id (`unknown_organisation`).
        """
        query = select(Organisation).where(Organisation.id == organisation_id)
        found = session.scalar(query.with_for_update() if lock else query)
        if found is None:
            raise NotFound(
                "There is no organisation with this id; look it up in the list",
                code="unknown_organisation",
            )
        return found

    def matching(
        self, session: Session, wanted: RecordFilter, access: FieldAccess
    ) -> Select[Organisation]:
        """The organisations that a filter lets through, not yet sorted.

        Raises:
            BadRequest: it names a field that does not exist (`unknown_filter`).
            Forbidden: it names a field that is hidden (`field_restricted`).
        """
        query = select(Organisation)
        if wanted.number is not None:
            access.check_filter("number", record=ORGANISATION)
            query = query.where(Organisation.number == wanted.number)
        if wanted.text:
            query = query.where(self.search_clause(wanted.text, access))
        if wanted.tag is not None:
            access.check_filter("tags", record=ORGANISATION)
            query = query.where(Organisation.id.in_(carrying(ORGANISATION, wanted.tag)))
        if wanted.values:
            query = query.where(
                *field_clauses(
                    session,
                    record=ORGANISATION,
                    column=Organisation.fields,
                    definitions=self._definitions.listed(session, ORGANISATION),
                    wanted=wanted.values,
                    access=access,
                )
            )
        return query

    @staticmethod
    def search_clause(text: str, access: FieldAccess) -> Any:
        """Organisations that hold `text` in their name, or in their number if it is seen."""
        if access.sees("number", record=ORGANISATION):
            return Organisation.search.contains(fold(text), autoescape=True)
        return Organisation.name.icontains(text, autoescape=True)

    def join(
        self,
        session: Session,
        actor: Actor,
        *,
        organisation_id: uuid.UUID,
        subject_id: uuid.UUID,
        role: str | None = None,
    ) -> Membership:
        """Let a customer belong to an organisation, or have another role in it."""
        organisation = self.get(session, organisation_id, lock=True)
        whose = self._customers.whose(session, subject_id)
        found = session.scalar(
            select(Membership).where(
                Membership.organisation_id == organisation_id,
                Membership.subject_id == whose.subject_id,
                Membership.origin_id.is_not_distinct_from(whose.origin_id),
            )
        )
        before = None if found is None else {"role": found.role}
        if found is None:
            found = Membership(
                organisation_id=organisation_id,
                subject_id=whose.subject_id,
                origin_id=whose.origin_id,
                created_at=self._platform.clock.now(),
            )
            session.add(found)
            event = OrganisationJoined(
                organisation_id=str(organisation_id), name=organisation.name, role=role
            )
            self._platform.events.publish(
                session, event, subject_id=whose.subject_id, origin_id=whose.origin_id
            )
        found.role = role
        session.flush()
        self._audit_member(session, actor, found, "joined", before=before, after={"role": role})
        return found

    def join_many(
        self,
        session: Session,
        actor: Actor,
        joining: Sequence[tuple[Organisation, uuid.UUID, str | None]],
    ) -> list[Membership]:
        """Let customers belong to organisations, each with a role; both have to exist, and a
        customer joins an organisation once. Four statements for any number.
        """
        now = self._platform.clock.now()
        known = self.memberships(session, [subject_id for _one, subject_id, _role in joining])
        answers: list[Membership] = []
        told: list[NewEvent] = []
        for organisation, subject_id, role in joining:
            found = known.get((organisation.id, subject_id))
            before = None if found is None else {"role": found.role}
            if found is None:
                found = Membership(
                    organisation_id=organisation.id, subject_id=subject_id, created_at=now
                )
                session.add(found)
                event = OrganisationJoined(
                    organisation_id=str(organisation.id), name=organisation.name, role=role
                )
                told.append(NewEvent(type=event.type, data=event.as_data(), subject_id=subject_id))
            found.role = role
            answers.append(found)
            self._audit_member(session, actor, found, "joined", before=before, after={"role": role})
        session.flush()
        self._platform.events.publish_many(session, told)
        return answers

    @staticmethod
    def memberships(
        session: Session, subject_ids: Collection[uuid.UUID]
    ) -> dict[tuple[uuid.UUID, uuid.UUID], Membership]:
        """What customers belong to, by organisation and customer."""
        rows = session.scalars(select(Membership).where(Membership.subject_id.in_(subject_ids)))
        return {(row.organisation_id, row.subject_id): row for row in rows}

    @staticmethod
    def numbered(session: Session, numbers: Collection[str]) -> dict[str, Organisation]:
        """Organisations by their numbers; unknown ones are absent."""
        rows = session.scalars(select(Organisation).where(Organisation.number.in_(numbers)))
        return {row.number: row for row in rows if row.number is not None}

    def leave(
        self,
        session: Session,
        actor: Actor,
        *,
        organisation_id: uuid.UUID,
        subject_id: uuid.UUID,
    ) -> None:
        """Let a customer belong to an organisation no longer; nothing happens if none did."""
        organisation = self.get(session, organisation_id, lock=True)
        subject_id = self._customers.get(session, subject_id).subject_id
        rows = session.scalars(
            select(Membership).where(
                Membership.organisation_id == organisation_id, Membership.subject_id == subject_id
            )
        ).all()
        for found in rows:
            self._audit_member(session, actor, found, "left", before={"role": found.role})
            session.delete(found)
        session.flush()
        if rows:
            event = OrganisationLeft(organisation_id=str(organisation_id), name=organisation.name)
            self._platform.events.publish(session, event, subject_id=subject_id)

    def members(self, organisation_id: uuid.UUID) -> Select[Membership]:
        """Who belongs to an organisation, not yet sorted."""
        return select(Membership).where(Membership.organisation_id == organisation_id)

    def sizes(self, session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
        """How many people belong to each organisation."""
        rows = session.execute(
            select(Membership.organisation_id, func.count(Membership.subject_id.distinct()))
            .where(Membership.organisation_id.in_(ids))
            .group_by(Membership.organisation_id)
        )
        return {row[0]: row[1] for row in rows}

    def of_customer(
        self, session: Session, subject_id: uuid.UUID
    ) -> list[tuple[Organisation, str | None]]:
        """The organisations that a customer belongs to, with the role in each."""
        rows = session.execute(
            select(Organisation, Membership.role)
            .join(Membership, Membership.organisation_id == Organisation.id)
            .where(Membership.subject_id == subject_id)
            .order_by(Organisation.name, Organisation.id)
            .limit(100)
        )
        return [(row[0], row[1]) for row in rows]

    def timeline(self, organisation_id: uuid.UUID) -> Select[EventRow]:
        """The events of all who belong to it; page it by (occurred_at, id), latest first."""
        people = select(Membership.subject_id).where(Membership.organisation_id == organisation_id)
        return select(EventRow).where(EventRow.subject_id.in_(people))

    def _write(
        self,
        session: Session,
        actor: Actor,
        found: Organisation,
        data: Mapping[str, Any],
        *,
        complete: bool = False,
    ) -> None:
        access = self._visibility.of(session, actor)
        access.check_changes(names_in(data), record=ORGANISATION)
        fields = check_fields(
            self._definitions.listed(session, ORGANISATION),
            data.get("fields") or {},
            complete=complete,
        )
        for name in PLAIN_FIELDS:
            if name in data:
                setattr(found, name, (data[name] or []) if name == "tags" else data[name])
        found.fields = merged_fields(found.fields, fields)
        found.search = fold(" ".join(filter(None, (found.name, found.number))))[:400]
        try:
            with session.begin_nested():
                session.add(found)
                session.flush()
        except IntegrityError as error:
            raise Conflict(
                "Another organisation already has this number; use that one, or another number",
                code="organisation_exists",
            ) from error
        if "tags" in data:
            write_tags(session, [found], now=found.updated_at)

    def _record(
        self, session: Session, actor: Actor, found: Organisation, what: str, **sides: Any
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.organisation.{what}",
            object_type="crm.organisation",
            object_id=found.id,
            **sides,
        )

    def _audit_member(
        self, session: Session, actor: Actor, found: Membership, what: str, **sides: Any
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.organisation.{what}",
            object_type="crm.organisation",
            object_id=found.organisation_id,
            subject_id=found.subject_id,
            **sides,
        )
