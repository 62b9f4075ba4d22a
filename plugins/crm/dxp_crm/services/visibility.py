"""Who may see and change which field: the one place that decides.

Everybody who may read customers sees every field, unless a rule names roles. A rule holds
wherever a value leaves: answers of the API, pages, the timeline, search, exports, the audit log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Condition,
    CustomerActor,
    EventRecord,
    EventType,
    FieldError,
    Forbidden,
    Platform,
    StaffActor,
    hidden_facts,
)
from dxp_crm.models import (
    EVERYBODY,
    ORGANISATION,
    PERSON,
    Customer,
    FieldDefinition,
    FieldRule,
    Organisation,
)
from dxp_crm.permissions import RESTRICTED
from dxp_crm.services.folding import fold

BUILT_IN: Mapping[str, Sequence[str]] = {
    PERSON: (
        "name",
        "ref",
        "email",
        "phone",
        "locale",
        "timezone",
        "country",
        "tags",
        "birthday",
    ),
    ORGANISATION: ("number", "country", "tags"),
}
SEARCHED = ("name", "ref", "email", "phone")


@dataclass(frozen=True, kw_only=True)
class FieldAccess:
    """What one actor may see and change.

    Attributes:
        hidden, locked: names of fields by kind of record; custom ones are `fields.<key>`.
    """

    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict)
    locked: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def sees(self, name: str, *, record: str = PERSON) -> bool:
        return name not in self.hidden.get(record, frozenset())

    def changes(self, name: str, *, record: str = PERSON) -> bool:
        """Whether the field may be changed; what is not seen is not changed either."""
        return self.sees(name, record=record) and name not in self.locked.get(record, frozenset())

    def check_changes(self, names: Iterable[str], *, record: str = PERSON) -> None:
        """Refuse a change of a field that the actor may not change.

        Raises:
            Forbidden: `field_restricted`, with a pointer for each field.
        """
        refused = [name for name in names if not self.changes(name, record=record)]
        if refused:
            raise Forbidden(
                f"You may not change {', '.join(refused)}, because the field is kept for other "
                "roles; leave it out, or ask an administrator",
                code="field_restricted",
                errors=[
                    FieldError(
                        pointer=f"/{name.replace('.', '/')}",
                        code="restricted",
                        detail="Only other roles may change this field.",
                    )
                    for name in refused
                ],
            )

    def check_filter(self, name: str, *, record: str = PERSON) -> None:
        """Refuse to filter by what the actor may not see: an answer would tell it.

        Raises:
            Forbidden: `field_restricted`.
        """
        if not self.sees(name, record=record):
            raise _restricted(name)

    def masked(self, record: EventRecord, kind: EventType | None) -> EventRecord:
        """The event without what it tells of fields that the actor may not see."""
        told = {} if kind is None else kind.tells
        hidden = {member for member, name in told.items() if not self.sees(name)}
        if not hidden:
            return record
        return replace(record, data={k: v for k, v in record.data.items() if k not in hidden})


OPEN = FieldAccess()


def _restricted(name: str) -> Forbidden:
    return Forbidden(
        f"You may not filter by {name}, because the field is kept for other roles; "
        "filter by another one, or ask an administrator",
        code="field_restricted",
    )


def _members(where: Any) -> set[str]:
    """The members of an event's data that a condition about it names."""
    if isinstance(where, Mapping):
        own = {str(key).partition(".")[0] for key in where if not str(key).startswith("$")}
        joined = [value for key, value in where.items() if str(key).startswith("$")]
        return own.union(*map(_members, joined))
    return set().union(*map(_members, where)) if isinstance(where, list) else set()


class Visibility:
    """Answers what an actor may see, and is the only writer of the rules."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def of(self, session: Session, actor: Actor) -> FieldAccess:
        """What `actor` may see and change; ask once a request."""
        if isinstance(actor, CustomerActor):
            return self._of_customer(session)
        if actor.may(RESTRICTED):
            return OPEN
        rules = session.scalars(select(FieldRule)).all()
        if not rules:
            return OPEN
        roles = self._roles(session, actor)
        return FieldAccess(
            hidden=_by_record(rule for rule in rules if not _allows(rule.see_roles, roles)),
            locked=_by_record(rule for rule in rules if not _allows(rule.change_roles, roles)),
        )

    def check_condition(self, session: Session, actor: Actor, condition: Condition) -> None:
        """Refuse a condition about what the actor may not see: its answer would tell it.

        Raises:
            Forbidden: `field_restricted`.
        """
        access = self.of(session, actor)
        if not access.hidden.get(PERSON):
            return
        kept_back = hidden_facts(self._platform, session, actor)
        for fact in sorted(condition.facts):
            if any(fact == name or fact.startswith(f"{name}.") for name in kept_back):
                raise _restricted(fact)
        types = self._platform.events.types
        for event in condition.events:
            kind = types.get(event.type)
            if kind is None:
                continue
            if not all(map(access.sees, kind.reveals)):
                raise _restricted(event.type)
            for member in sorted(_members(event.wanted.get("where"))):
                if member in kind.tells:
                    access.check_filter(kind.tells[member])

    def concealed(self, access: FieldAccess) -> list[str]:
        """Types of events that tell, by themselves, what `access` does not show."""
        types = self._platform.events.types
        return [name for name, kind in types.items() if not all(map(access.sees, kind.reveals))]

    def restricted(self, session: Session, record: str = PERSON) -> set[str]:
        """Fields that not everybody sees, for texts that are shown to anybody."""
        rules = session.scalars(select(FieldRule).where(FieldRule.record == record))
        return {rule.field for rule in rules if EVERYBODY not in rule.see_roles}

    def rules(self, session: Session, record: str) -> dict[str, FieldRule]:
        """The rules of a kind of record, by field."""
        found = session.scalars(select(FieldRule).where(FieldRule.record == record))
        return {rule.field: rule for rule in found}

    def restrict(
        self,
        session: Session,
        actor: Actor,
        *,
        record: str,
        name: str,
        see_roles: Sequence[str],
        change_roles: Sequence[str],
    ) -> None:
        """Say who may see and who may change a field.

        Args:
            name: a built-in field, or `fields.<key>`.
            see_roles, change_roles: names of roles; `["*"]` for no restriction.
        """
        rule = session.scalar(
            select(FieldRule).where(FieldRule.record == record, FieldRule.field == name)
        )
        before = None if rule is None else _view(rule)
        if rule is None:
            rule = FieldRule(record=record, field=name, see_roles=[], change_roles=[])
            session.add(rule)
        rule.see_roles, rule.change_roles = list(see_roles), list(change_roles)
        after = _view(rule)
        if EVERYBODY in see_roles and EVERYBODY in change_roles:
            session.delete(rule)
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="crm.field.restricted",
            object_type="crm.field",
            object_id=f"{record}.{name}",
            before=before,
            after=after,
        )

    def _of_customer(self, session: Session) -> FieldAccess:
        """Customers see all of themselves but the fields that are the shop's own."""
        own = session.scalars(
            select(FieldDefinition.key).where(
                FieldDefinition.record == PERSON, FieldDefinition.shown_to_customer.is_(False)
            )
        )
        return FieldAccess(hidden={PERSON: frozenset(f"fields.{key}" for key in own)})

    def _roles(self, session: Session, actor: Actor) -> set[str]:
        if not isinstance(actor, StaffActor):
            return set()
        held = self._platform.accounts.staff.roles_of(session, [actor.user_id])[actor.user_id]
        # A role that asks for a second factor gives nothing without one.
        return {role.name for role in held if all(actor.may(name) for name in role.permissions)}


def names_in(data: Mapping[str, Any]) -> list[str]:
    """The fields that a registration or a change names. Consents are no field."""
    names = [name for name in data if name not in ("fields", "consents")]
    return [*names, *(f"fields.{key}" for key in data.get("fields") or ())]


def _allows(roles: Collection[str], held: set[str]) -> bool:
    return EVERYBODY in roles or not held.isdisjoint(roles)


def _by_record(rules: Iterable[FieldRule]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for rule in rules:
        found.setdefault(rule.record, set()).add(rule.field)
    return {record: frozenset(names) for record, names in found.items()}


def _view(rule: FieldRule) -> dict[str, Any]:
    return {"see": list(rule.see_roles), "change": list(rule.change_roles)}


def customer_view(
    customer: Customer, access: FieldAccess, definitions: Sequence[FieldDefinition]
) -> dict[str, Any]:
    """A customer as `access` may see one: hidden fields are empty and named in `hidden`."""
    values: dict[str, Any] = {
        name: getattr(customer, name) if access.sees(name) else _empty(name)
        for name in BUILT_IN[PERSON]
    }
    shown = shown_fields(customer.fields, access, definitions)
    return values | {
        "subject_id": customer.subject_id,
        "fields": shown,
        "hidden": sorted(access.hidden.get(PERSON, ())),
        "version": customer.version,
        "created_at": customer.created_at,
        "updated_at": customer.updated_at,
    }


def organisation_view(
    found: Organisation, access: FieldAccess, definitions: Sequence[FieldDefinition]
) -> dict[str, Any]:
    """An organisation as `access` may see one; see `customer_view`."""
    values: dict[str, Any] = {
        name: getattr(found, name) if access.sees(name, record=ORGANISATION) else _empty(name)
        for name in BUILT_IN[ORGANISATION]
    }
    return values | {
        "id": found.id,
        "name": found.name,
        "fields": shown_fields(found.fields, access, definitions, record=ORGANISATION),
        "hidden": sorted(access.hidden.get(ORGANISATION, ())),
        "version": found.version,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }


def shown_fields(
    values: Mapping[str, Any],
    access: FieldAccess,
    definitions: Sequence[FieldDefinition],
    *,
    record: str = PERSON,
) -> dict[str, Any]:
    """The values of the fields that are in use and seen, in the order of the form."""
    return {
        item.key: values[item.key]
        for item in definitions
        if item.key in values and access.sees(f"fields.{item.key}", record=record)
    }


def search_clause(text: str, access: FieldAccess) -> ColumnElement[bool]:
    """Customers that hold `text` in a field that may be searched by who asks.

    The folded column holds several fields at once, so who may not see all of them searches the
    others as they are written.
    """
    seen = [name for name in SEARCHED if access.sees(name)]
    if len(seen) == len(SEARCHED):
        folded = fold(text)
        return Customer.search.contains(folded, autoescape=True) if folded else false()
    columns = [getattr(Customer, name) for name in seen]
    return or_(false(), *(column.icontains(text, autoescape=True) for column in columns))


def label_of(customer: Customer, access: FieldAccess) -> str | None:
    """What to call a customer: the first of name, number and address that may be seen."""
    for name in ("name", "ref", "email"):
        value: str | None = getattr(customer, name)
        if value and access.sees(name):
            return value
    return None


def _empty(name: str) -> Any:
    return [] if name == "tags" else None
