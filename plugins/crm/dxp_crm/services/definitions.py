"""Defining fields: made, changed, ordered and archived by staff, without a developer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, FieldError, NotFound, Platform, Unprocessable
from dxp_crm.models import RECORDS, FieldDefinition, FieldRule
from dxp_crm.services.fields import CHOOSING, TYPES
from dxp_crm.services.records import model_of

MOST_FIELDS = 200
MOST_CHOICES = 200
_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True, kw_only=True)
class FieldDraft:
    """A definition as staff write it.

    Attributes:
        labels, help: by locale; one label at least.
        choices: `{"value", "labels"}` each, for the types that choose.
    """

    type: str
    labels: Mapping[str, str]
    help: Mapping[str, str] = field(default_factory=dict)
    choices: Sequence[Mapping[str, Any]] = ()
    required: bool = False
    shown_to_customer: bool = False


class DefinitionService:
    """The only writer of field definitions. Every change is in the audit log."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def listed(
        self, session: Session, record: str, *, archived: bool = False
    ) -> list[FieldDefinition]:
        """The fields of a kind of record in the order of the form.

        Args:
            record: `person` or `organisation`.
            archived: with those that are archived, which come last.
        """
        query = select(FieldDefinition).where(FieldDefinition.record == record)
        if not archived:
            query = query.where(FieldDefinition.archived_at.is_(None))
        order = (
            FieldDefinition.archived_at.is_not(None),
            FieldDefinition.position,
            FieldDefinition.key,
        )
        return list(session.scalars(query.order_by(*order)))

    def get(self, session: Session, field_id: uuid.UUID) -> FieldDefinition:
        """One definition.

        Raises:
            NotFound: there is none with this id (`unknown_field`).
        """
        found = session.get(FieldDefinition, field_id)
        if found is None:
            raise NotFound(
                "There is no field with this id; it may have been deleted; look at the list",
                code="unknown_field",
            )
        return found

    def create(
        self, session: Session, actor: Actor, *, record: str, key: str, draft: FieldDraft
    ) -> FieldDefinition:
        """A new field, last on the form.

        Args:
            key: short and lower case; it stays for good, since conditions and imports name it.

        Raises:
            Conflict: the key is taken (`field_exists`).
            Unprocessable: the draft cannot be a field (`invalid_definition`).
        """
        if record not in RECORDS:
            raise _invalid("/record", f"{record!r} is neither person nor organisation")
        if not _KEY.fullmatch(key):
            raise _invalid("/key", "A key has lower-case letters, digits and '_', a letter first.")
        _check(draft)
        last, count = session.execute(
            select(func.coalesce(func.max(FieldDefinition.position), -1), func.count()).where(
                FieldDefinition.record == record
            )
        ).one()
        if count >= MOST_FIELDS:
            raise _invalid("/key", f"There are {MOST_FIELDS} fields already; delete one first.")
        definition = FieldDefinition(
            record=record,
            key=key,
            position=last + 1,
            created_at=self._platform.clock.now(),
            **_values(draft),
        )
        try:
            with session.begin_nested():
                session.add(definition)
                session.flush()
        except IntegrityError as error:
            raise Conflict(
                f"There already is a field {key!r}, perhaps an archived one; choose another key, "
                "or use that field",
                code="field_exists",
                errors=[FieldError(pointer="/key", code="taken", detail="Already in use.")],
            ) from error
        self._record(session, actor, definition, "created", after=definition.snapshot())
        return definition

    def update(
        self, session: Session, actor: Actor, *, field_id: uuid.UUID, draft: FieldDraft
    ) -> FieldDefinition:
        """Change a field; values that are stored stay as they are.

        Raises:
            Conflict: records have values, which the new type or choices would not take
                (`field_in_use`).
            Unprocessable: the draft cannot be a field (`invalid_definition`).
        """
        definition = self.get(session, field_id)
        _check(draft)
        before = definition.snapshot()
        kept = {choice["value"] for choice in draft.choices}
        lost = [c["value"] for c in definition.choices if c["value"] not in kept]
        if draft.type != definition.type and self.used(session, definition):
            raise _in_use("its type cannot change", "/type")
        if lost and self.used(session, definition):
            raise _in_use(f"the choices {', '.join(lost)} cannot go", "/choices")
        for name, value in _values(draft).items():
            setattr(definition, name, value)
        session.flush()
        self._record(
            session, actor, definition, "updated", before=before, after=definition.snapshot()
        )
        return definition

    def archive(self, session: Session, actor: Actor, *, field_id: uuid.UUID) -> None:
        """Take a field off forms and answers; its values stay for when it is restored."""
        definition = self.get(session, field_id)
        if definition.archived_at is None:
            definition.archived_at = self._platform.clock.now()
            self._record(session, actor, definition, "archived")

    def restore(self, session: Session, actor: Actor, *, field_id: uuid.UUID) -> None:
        """Put an archived field back."""
        definition = self.get(session, field_id)
        if definition.archived_at is not None:
            definition.archived_at = None
            self._record(session, actor, definition, "restored")

    def delete(self, session: Session, actor: Actor, *, field_id: uuid.UUID) -> None:
        """Remove a field that no record has a value of.

        Raises:
            Conflict: records have values (`field_in_use`); archive it instead.
        """
        definition = self.get(session, field_id)
        if self.used(session, definition):
            raise _in_use("deleting it would lose them", "/key")
        self._record(session, actor, definition, "deleted", before=definition.snapshot())
        session.execute(
            delete(FieldRule).where(
                FieldRule.record == definition.record,
                FieldRule.field == f"fields.{definition.key}",
            )
        )
        session.delete(definition)
        session.flush()

    def reorder(
        self, session: Session, actor: Actor, *, record: str, field_ids: Sequence[uuid.UUID]
    ) -> None:
        """Put the fields into this order; those that are not named follow as they were."""
        present = self.listed(session, record, archived=True)
        before = [item.key for item in present]
        rank = {field_id: number for number, field_id in enumerate(field_ids)}
        ordered = sorted(present, key=lambda item: rank.get(item.id, len(rank)))
        for position, definition in enumerate(ordered):
            definition.position = position
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="crm.field.reordered",
            object_type="crm.field",
            object_id=record,
            before={"order": before},
            after={"order": [item.key for item in ordered]},
        )

    def used(self, session: Session, definition: FieldDefinition) -> bool:
        """Whether any record has a value; looks through them until it finds one."""
        model = model_of(definition.record)
        held = session.scalar(
            select(model.created_at).where(holds(model.fields, definition.key)).limit(1)
        )
        return held is not None

    def _record(
        self, session: Session, actor: Actor, definition: FieldDefinition, what: str, **sides: Any
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.field.{what}",
            object_type="crm.field",
            object_id=definition.id,
            **sides,
        )


def holds(column: Any, key: str) -> ColumnElement[bool]:
    """Whether a column of values has one for `key`; empty ones are left out when written."""
    found: ColumnElement[bool] = column[key].as_string().is_not(None)
    return found


def _values(draft: FieldDraft) -> dict[str, Any]:
    return {
        "type": draft.type,
        "labels": {name: text for name, text in draft.labels.items() if text},
        "help": {name: text for name, text in draft.help.items() if text},
        "choices": [
            {"value": choice["value"], "labels": dict(choice.get("labels") or {})}
            for choice in draft.choices
        ],
        "required": draft.required,
        "shown_to_customer": draft.shown_to_customer,
    }


def _check(draft: FieldDraft) -> None:
    if draft.type not in TYPES:
        raise _invalid("/type", f"There is no such type; one of {', '.join(TYPES)}.")
    if not any(text.strip() for text in draft.labels.values()):
        raise _invalid("/labels", "Write a label in one language at least.")
    values = [choice["value"] for choice in draft.choices]
    if draft.type in CHOOSING and not values:
        raise _invalid("/choices", "Name what can be chosen.")
    if draft.type not in CHOOSING and values:
        raise _invalid("/choices", "Only fields of choices have choices.")
    if len(set(values)) < len(values) or len(values) > MOST_CHOICES:
        raise _invalid("/choices", f"Each choice once, at most {MOST_CHOICES}.")
    if any(not value.strip() or value != value.strip() or ";" in value for value in values):
        raise _invalid("/choices", "A choice is a text without ';' and without blanks around it.")


def _invalid(pointer: str, detail: str) -> Unprocessable:
    return Unprocessable(
        f"This cannot be a field: {detail} Correct it and save again",
        code="invalid_definition",
        errors=[FieldError(pointer=pointer, code="invalid", detail=detail)],
    )


def _in_use(what: str, pointer: str) -> Conflict:
    detail = f"Records have values of this field, so {what}."
    return Conflict(
        f"{detail} Archive the field, and make another one",
        code="field_in_use",
        errors=[FieldError(pointer=pointer, code="in_use", detail=detail)],
    )
