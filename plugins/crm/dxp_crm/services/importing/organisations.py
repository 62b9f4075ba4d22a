"""Organisations from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError
from marshmallow import fields as schema_fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Problem
from dxp.api import lazy_gettext as _l
from dxp_crm.models import (
    ORGANISATION,
    FieldDefinition,
    Import,
    ImportEntry,
    Membership,
    Organisation,
)
from dxp_crm.services.checks import NAME, OrganisationFields, OrganisationIn
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.fields import check_fields
from dxp_crm.services.importing.columns import (
    CUSTOM,
    Field,
    custom_fields,
    organisation_fields,
)
from dxp_crm.services.importing.faults import Fault, faults_of
from dxp_crm.services.importing.kinds import Line, Written, refuse_unknown
from dxp_crm.services.organisations import PLAIN_FIELDS, OrganisationService
from dxp_crm.services.visibility import Visibility, names_in


class OrganisationKind:
    """Makes organisations known, or changes those that are, by their number.

    An empty cell changes nothing. People are attached by a column of a file of customers.
    """

    name = "organisations"
    label = _l("Organisations")
    modes = ("upsert", "create", "update")
    reverts = True

    def __init__(
        self,
        platform: Platform,
        organisations: OrganisationService,
        *,
        definitions: DefinitionService,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self._organisations = organisations
        self._definitions = definitions
        self._visibility = visibility
        self._new, self._change = OrganisationIn(), _Change()

    def fields(self, session: Session, *, locale: str) -> Sequence[Field]:
        definitions = self._definitions.listed(session, ORGANISATION)
        return [*organisation_fields(), *custom_fields(self._platform, definitions, locale)]

    def locked(self, session: Session, actor: Actor) -> Callable[[str], bool]:
        access = self._visibility.of(session, actor)
        return lambda name: not access.changes(name, record=ORGANISATION)

    def lacking(self, mapping: Mapping[str, str], fields: Sequence[Field]) -> Sequence[str]:
        return () if "number" in mapping.values() else ("number",)

    def unique(self) -> Sequence[str]:
        return ("number",)

    def plan(
        self,
        session: Session,
        actor: Actor,
        job: Import,
        lines: Sequence[Line],
        *,
        lock: bool = False,
    ) -> None:
        mode = job.options["mode"]
        access = self._visibility.of(session, actor)
        definitions = self._definitions.listed(session, ORGANISATION)
        for line in lines:
            if not line.faults and "number" not in line.values:
                line.refuse(Fault(code="required", field="number"))
        sound = [line for line in lines if not line.faults]
        numbers = {line.values["number"] for line in sound}
        query = select(Organisation).where(Organisation.number.in_(numbers))
        if lock:
            query = query.order_by(Organisation.id).with_for_update()
        known = {found.number: found for found in session.scalars(query)}
        for line in sound:
            found = known.get(line.values["number"])
            if found is None and mode == "update":
                refuse_unknown(line, "absent_organisation", "number")
                continue
            try:
                data = self._load(line, definitions, new=found is None)
                changes = data if found is None else _changes(found, data)
                access.check_changes(names_in(changes), record=ORGANISATION)
            except (ValidationError, Problem) as error:
                line.refuse(*faults_of(error, line.values))
                continue
            line.plan = (found, changes)
            if found is None:
                line.outcome = "new"
            else:
                line.outcome = "changed" if changes and mode != "create" else "same"

    def _load(
        self, line: Line, definitions: Sequence[FieldDefinition], *, new: bool
    ) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, value in line.values.items():
            if name.startswith(CUSTOM):
                data.setdefault("fields", {})[name.removeprefix(CUSTOM)] = value
            else:
                data[name] = value
        loaded: dict[str, Any] = (self._new if new else self._change).load(data)
        told = loaded.get("fields") or {}
        loaded["fields"] = check_fields(definitions, told, complete=new, from_text=True)
        return loaded

    def write(self, session: Session, actor: Actor, job: Import, lines: Sequence[Line]) -> None:
        for line in lines:
            if line.outcome not in ("new", "changed"):
                continue
            found, data = line.plan
            old = None if found is None else _before(found, data)
            try:
                with self._platform.db.savepoint(session):
                    if found is None:
                        found = self._organisations.create(session, actor, data)
                    else:
                        found = self._organisations.update(
                            session, actor, organisation_id=found.id, version=None, changes=data
                        )
            except Problem as problem:
                if problem.status >= 500:
                    raise
                line.refuse(*faults_of(problem, line.values))
                continue
            line.written = Written(
                action="created" if old is None else "changed",
                object_id=found.id,
                version=found.version,
                before=old,
            )

    def revert(
        self, session: Session, actor: Actor, entries: Sequence[ImportEntry]
    ) -> Mapping[int, str | None]:
        ids = [entry.object_id for entry in entries]
        rows = session.scalars(
            select(Organisation).where(Organisation.id.in_(ids)).order_by(Organisation.id)
        )
        found = {row.id: row for row in rows}
        query = select(Membership.organisation_id).where(Membership.organisation_id.in_(ids))
        peopled = set(session.scalars(query))
        answers: dict[int, str | None] = {}
        for entry in entries:
            organisation = found.get(entry.object_id)
            if organisation is None:
                answers[entry.row] = "gone"
            elif organisation.version != entry.version:
                answers[entry.row] = "touched"
            elif entry.action == "created" and organisation.id in peopled:
                answers[entry.row] = "peopled"
            else:
                answers[entry.row] = self._take_back(session, actor, organisation, entry)
        return answers

    def _take_back(
        self, session: Session, actor: Actor, organisation: Organisation, entry: ImportEntry
    ) -> str | None:
        which = {"organisation_id": organisation.id}
        if entry.action == "created":
            self._organisations.delete(session, actor, **which)
            return None
        try:
            with self._platform.db.savepoint(session):
                self._organisations.update(
                    session, actor, version=entry.version, changes=entry.before or {}, **which
                )
        except Problem:
            return "touched"
        return None


class _Change(OrganisationFields):
    """A row about an organisation that is known."""

    name = schema_fields.String(validate=NAME)


def _changes(found: Organisation, data: Mapping[str, Any]) -> dict[str, Any]:
    changes = {
        name: data[name]
        for name in PLAIN_FIELDS
        if name != "number" and name in data and data[name] != getattr(found, name)
    }
    fields = {key: value for key, value in data["fields"].items() if value != found.fields.get(key)}
    return changes | ({"fields": fields} if fields else {})


def _before(found: Organisation, changes: Mapping[str, Any]) -> dict[str, Any]:
    old = {name: getattr(found, name) for name in changes if name != "fields"}
    if "fields" in changes:
        old["fields"] = {key: found.fields.get(key) for key in changes["fields"]}
    return old
