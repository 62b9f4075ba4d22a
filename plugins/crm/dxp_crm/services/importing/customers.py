"""Customers from a file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, EventRow, Platform, Problem
from dxp.api import lazy_gettext as _l
from dxp_crm.models import (
    PERSON,
    Customer,
    FieldDefinition,
    Import,
    ImportEntry,
    Organisation,
)
from dxp_crm.services.checks import CustomerIn
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.fields import check_fields
from dxp_crm.services.importing.columns import (
    CUSTOM,
    Field,
    custom_fields,
    customer_fields,
    membership_fields,
    purpose_of,
)
from dxp_crm.services.importing.faults import Fault, faults_of
from dxp_crm.services.importing.kinds import Line, Written, refuse_unknown
from dxp_crm.services.organisations import OrganisationService
from dxp_crm.services.removing import remove_customers
from dxp_crm.services.visibility import Visibility

CHANNEL = "import"
_ORGANISATION, _ROLE = "organisation", "organisation_role"
_CHANGEABLE = ("ref", "name", "email", "phone", "locale", "timezone", "country", "tags")


class CustomerKind:
    """Makes customers known, or changes those that are, by number or e-mail address.

    An empty cell changes nothing. Consents count for new customers only: a file may be older than
    a withdrawal.
    """

    name = "customers"
    label = _l("Customers")
    modes = ("upsert", "create", "update")
    reverts = True

    def __init__(
        self,
        platform: Platform,
        customers: CustomerService,
        *,
        organisations: OrganisationService,
        definitions: DefinitionService,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self._customers = customers
        self._organisations = organisations
        self._definitions = definitions
        self._visibility = visibility
        self._schema = CustomerIn()

    def fields(self, session: Session, *, locale: str) -> Sequence[Field]:
        definitions = self._definitions.listed(session, PERSON)
        custom = custom_fields(self._platform, definitions, locale)
        return [*customer_fields(self._platform), *membership_fields(), *custom]

    def locked(self, session: Session, actor: Actor) -> Callable[[str], bool]:
        access = self._visibility.of(session, actor)
        parts = {"first_name": "name", "last_name": "name"}
        return lambda name: not access.changes(parts.get(name, name))

    def lacking(self, mapping: Mapping[str, str], fields: Sequence[Field]) -> Sequence[str]:
        return () if {"ref", "email"} & set(mapping.values()) else ("ref",)

    def unique(self) -> Sequence[str]:
        return ("ref", "email")

    def plan(
        self,
        session: Session,
        actor: Actor,
        job: Import,
        lines: Sequence[Line],
        *,
        lock: bool = False,
    ) -> None:
        match, mode = job.options["match"], job.options["mode"]
        definitions = self._definitions.listed(session, PERSON)
        for line in lines:
            self._load(line, match, definitions)
        sound = [line for line in lines if not line.faults]
        known = self._known(session, {(match, line.plan[match]) for line in sound}, lock=lock)
        new, changed = [], []
        for line in sound:
            customer = known.get((match, line.plan[match]))
            if customer is None and mode == "update":
                refuse_unknown(line, "absent", match)
            elif customer is None:
                new.append(line)
            elif mode == "create":
                line.outcome, line.plan = "same", (customer, {})
            else:
                changes = _changes(customer, line.plan, match)
                line.outcome, line.plan = "same", (customer, changes)
                if changes:
                    changed.append(line)
        refusals = self._customers.refusals(session, actor, [line.plan for line in new])
        for line, refusal in zip(new, refusals, strict=True):
            line.outcome = "new"
            if refusal is not None:
                line.refuse(*faults_of(refusal, line.values))
        wanted = [_registration(line.plan[1]) for line in changed]
        refusals = self._customers.refusals(session, actor, wanted)
        for line, refusal in zip(changed, refusals, strict=True):
            line.outcome = "changed"
            if refusal is not None and not self._own(session, *line.plan):
                line.refuse(*faults_of(refusal, line.values))
        self._plan_joining(session, [line for line in sound if not line.faults], mode)

    def _plan_joining(self, session: Session, lines: Sequence[Line], mode: str) -> None:
        """Which organisations the customers come to belong to."""
        told = [line for line in lines if _ORGANISATION in line.values]
        if mode == "create":
            told = [line for line in told if line.outcome == "new"]
        if not told:
            return
        numbers = {line.values[_ORGANISATION] for line in told}
        known = self._organisations.numbered(session, numbers)
        there = [line.plan[0].subject_id for line in told if line.outcome != "new"]
        held = self._organisations.memberships(session, there)
        for line in told:
            organisation = known.get(line.values[_ORGANISATION])
            role = line.values.get(_ROLE)
            if organisation is None:
                refuse_unknown(line, "unknown_organisation", _ORGANISATION)
                continue
            if line.outcome != "new":
                member = held.get((organisation.id, line.plan[0].subject_id))
                if member is not None and role in (None, member.role):
                    continue
                line.outcome = "changed"
            line.joins = (organisation, role)

    def _load(self, line: Line, match: str, definitions: Sequence[FieldDefinition]) -> None:
        if line.faults:
            return
        try:
            line.plan = self._schema.load(_registration_of(line.values))
            told = line.plan.get("fields") or {}
            line.plan["fields"] = check_fields(definitions, told, from_text=True)
        except (ValidationError, Problem) as error:
            line.refuse(*faults_of(error, line.values))
            return
        if not line.plan.get(match):
            line.refuse(Fault(code="no_key", field=match))

    def _own(self, session: Session, customer: Customer, changes: Mapping[str, Any]) -> bool:
        """Whether the names that seem taken are the customer's own, from before."""
        names = [(scheme, changes[scheme]) for scheme in ("ref", "email") if scheme in changes]
        owners = self._platform.subjects.find_many(session, names).values()
        return bool(names) and set(owners) <= {customer.subject_id}

    def _known(
        self, session: Session, names: set[tuple[str, str]], *, lock: bool
    ) -> dict[tuple[str, str], Customer]:
        found = self._platform.subjects.find_many(session, names)
        query = select(Customer).where(Customer.subject_id.in_(set(found.values())))
        if lock:
            query = query.order_by(Customer.subject_id).with_for_update()
        customers = {customer.subject_id: customer for customer in session.scalars(query)}
        return {
            name: customers[subject_id]
            for name, subject_id in found.items()
            if subject_id in customers
        }

    def write(self, session: Session, actor: Actor, job: Import, lines: Sequence[Line]) -> None:
        new = [line for line in lines if line.outcome == "new"]
        made = self._customers.register_many(session, actor, [line.plan for line in new])
        for line, answer in zip(new, made, strict=True):
            if isinstance(answer, Problem):
                line.refuse(*faults_of(answer, line.values))
            else:
                line.written = Written(
                    action="created", object_id=answer.subject_id, version=answer.version
                )
        changed = [line for line in lines if line.outcome == "changed" and line.plan[1]]
        before = [_before(*line.plan) for line in changed]
        answers = self._customers.change_many(session, actor, [line.plan for line in changed])
        for line, old, answer in zip(changed, before, answers, strict=True):
            if isinstance(answer, Problem):
                line.refuse(*faults_of(answer, line.values))
            else:
                line.written = Written(
                    action="changed",
                    object_id=answer.subject_id,
                    version=answer.version,
                    before=old,
                )
        self._join(session, actor, [line for line in lines if line.joins and not line.faults])

    def _join(self, session: Session, actor: Actor, lines: Sequence[Line]) -> None:
        """Customers come to belong to organisations; noted so that it can be taken back."""
        joining: list[tuple[Organisation, uuid.UUID, str | None]] = []
        for line in lines:
            if line.written is None:
                customer = line.plan[0]
                line.written = Written(
                    action="changed",
                    object_id=customer.subject_id,
                    version=customer.version,
                    before={},
                )
            assert line.joins is not None
            joining.append((line.joins[0], line.written.object_id, line.joins[1]))
        if not joining:
            return
        held = self._organisations.memberships(session, [subject for _o, subject, _r in joining])
        for line, (organisation, subject_id, _role) in zip(lines, joining, strict=True):
            member = held.get((organisation.id, subject_id))
            if line.written is not None and line.written.before is not None:
                line.written.before[_ORGANISATION] = {
                    "id": str(organisation.id),
                    "belonged": member is not None,
                    "role": member.role if member is not None else None,
                }
        self._organisations.join_many(session, actor, joining)

    def _leave(
        self, session: Session, actor: Actor, customer: Customer, before: dict[str, Any]
    ) -> None:
        """Take back that a customer came to belong to an organisation."""
        joined = before.pop(_ORGANISATION, None)
        if joined is None:
            return
        organisation_id = uuid.UUID(joined["id"])
        held = self._organisations.memberships(session, [customer.subject_id])
        member = held.get((organisation_id, customer.subject_id))
        if member is None:
            return
        which = {"organisation_id": organisation_id, "subject_id": customer.subject_id}
        if joined["belonged"]:
            self._organisations.join(session, actor, role=joined["role"], **which)
        else:
            self._organisations.leave(session, actor, **which)

    def revert(
        self, session: Session, actor: Actor, entries: Sequence[ImportEntry]
    ) -> Mapping[int, str | None]:
        ids = [entry.object_id for entry in entries]
        query = select(Customer).where(Customer.subject_id.in_(ids)).with_for_update()
        customers = {customer.subject_id: customer for customer in session.scalars(query)}
        later = _last_events(session, ids)
        answers: dict[int, str | None] = {}
        back: list[tuple[int, Customer, dict[str, Any]]] = []
        made: list[uuid.UUID] = []
        for entry in entries:
            customer = customers.get(entry.object_id)
            if customer is None:
                answers[entry.row] = "gone"
                continue
            seen = later.get(entry.object_id)
            busy = entry.action == "created" and seen is not None and seen > entry.at
            if customer.version != entry.version or busy:
                answers[entry.row] = "touched"
            elif entry.action == "created":
                made.append(entry.object_id)
                answers[entry.row] = None
            else:
                back.append((entry.row, customer, dict(entry.before or {})))
        for row, customer, before in back:
            self._leave(session, actor, customer, before)
            self._give_up_names(session, customer, before)
            answers[row] = None
        back = [item for item in back if item[2]]
        changes = [(customer, before) for _row, customer, before in back]
        done = self._customers.change_many(session, actor, changes)
        for (row, _customer, _before), answer in zip(back, done, strict=True):
            answers[row] = "touched" if isinstance(answer, Problem) else None
        if made:
            remove_customers(self._platform, session, actor, subject_ids=made)
        return answers

    def _give_up_names(
        self, session: Session, customer: Customer, before: Mapping[str, Any]
    ) -> None:
        """The number and the address that the import brought are free for others again."""
        for scheme in ("ref", "email"):
            value = getattr(customer, scheme)
            if scheme in before and value is not None:
                self._platform.subjects.unlink(
                    session, customer.subject_id, scheme=scheme, value=value
                )


def _registration_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row as the API takes a customer."""
    data: dict[str, Any] = {}
    for name, value in values.items():
        purpose = purpose_of(name)
        if purpose is not None:
            word = {"purpose": purpose, "granted": value, "channel": CHANNEL}
            data.setdefault("consents", []).append(word)
        elif name.startswith(CUSTOM):
            data.setdefault("fields", {})[name.removeprefix(CUSTOM)] = value
        elif name not in ("first_name", "last_name", _ORGANISATION, _ROLE):
            data[name] = value
    whole = " ".join(values[name] for name in ("first_name", "last_name") if name in values)
    if whole and "name" not in data:
        data["name"] = whole
    return data


def _changes(customer: Customer, data: Mapping[str, Any], match: str) -> dict[str, Any]:
    """What of `data` differs from the customer; the name by which it was found does not."""
    changes = {
        name: data[name]
        for name in _CHANGEABLE
        if name != match and name in data and data[name] != getattr(customer, name)
    }
    fields = {
        key: value for key, value in data["fields"].items() if value != customer.fields.get(key)
    }
    if fields:
        changes["fields"] = fields
    told = data.get("birthday")
    if told and _day(told) != _day(customer.birthday or {}):
        changes["birthday"] = told
    return changes


def _day(birthday: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(birthday.get(part) for part in ("calendar", "year", "month", "day"))


def _registration(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What of a change could be refused for the same reasons as a registration."""
    return {name: changes[name] for name in ("ref", "email", "birthday") if name in changes}


def _before(customer: Customer, changes: Mapping[str, Any]) -> dict[str, Any]:
    snapshot = customer.snapshot()
    old = {name: snapshot[name] for name in changes if name != "fields"}
    if "fields" in changes:
        old["fields"] = {key: customer.fields.get(key) for key in changes["fields"]}
    if old.get("birthday"):
        old["birthday"] = {
            part: old["birthday"][part] for part in ("calendar", "year", "month", "day")
        }
    return old


def _last_events(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """When the last thing about each customer was noted."""
    rows = session.execute(
        select(EventRow.subject_id, func.max(EventRow.received_at))
        .where(EventRow.subject_id.in_(ids))
        .group_by(EventRow.subject_id)
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}
