"""Customers as a table that the import takes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform
from dxp_crm.models import PERSON, Customer, FieldDefinition
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.listing import CustomerFilter
from dxp_crm.services.sorting import Keys
from dxp_crm.services.tables import csv_lines
from dxp_crm.services.visibility import BUILT_IN, FieldAccess, Visibility, customer_view

BATCH = 500
Choose = Callable[[Session, FieldAccess], Select[Customer]]
Order = Callable[[Session, FieldAccess], Keys]
_OLDEST_FIRST: Keys = [(Customer.created_at, "asc"), (Customer.subject_id, "asc")]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is exported: whom, by what its reader may see, the columns, and the order."""

    choose: Choose
    access: FieldAccess
    columns: Sequence[str]
    order: Order | None = None


class ExportService:
    """Streams customers: memory holds one batch, whatever their number."""

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

    def customers(self, actor: Actor, wanted: CustomerFilter) -> Iterator[str]:
        """Lines of a CSV file of the customers that `wanted` lets through.

        Raises:
            Forbidden: the filter asks for a hidden field (`field_restricted`).
        """
        return self.lines(
            actor,
            lambda session, access: self._customers.matching(session, wanted, access),
            about={"text": wanted.text, "tag": wanted.tag},
        )

    def lines(
        self,
        actor: Actor,
        choose: Choose,
        *,
        about: Mapping[str, Any],
        only: Sequence[str] | None = None,
        order: Order | None = None,
    ) -> Iterator[str]:
        """Lines of a CSV file of the customers that `choose` selects, oldest first.

        Columns of fields that the actor may not see are left out. The export is in the audit log
        before its first line is given; each line is read from one snapshot of the database.

        Args:
            about: what the audit log says of it.
            only: these columns, of those that may be seen.
            order: by what they are sorted instead.
        """
        with self._platform.db.write() as session:
            access = self._visibility.of(session, actor)
            choose(session, access)
            columns = self.begin(session, actor, access, about=about, only=only)
        return self.written(Chosen(choose=choose, access=access, columns=columns, order=order))

    def begin(
        self,
        session: Session,
        actor: Actor,
        access: FieldAccess,
        *,
        about: Mapping[str, Any],
        only: Sequence[str] | None = None,
    ) -> list[str]:
        """Note an export in the audit log; the columns that it has. See `lines`."""
        definitions = self._seen(session, access)
        columns = [name for name in _columns(access, definitions) if only is None or name in only]
        self._platform.audit.record(
            session,
            actor,
            action="crm.customers.exported",
            object_type="export",
            object_id="customers",
            after={"columns": columns, **about},
        )
        return columns

    def written(self, chosen: Chosen) -> Iterator[str]:
        """Lines of a CSV file, from one snapshot of the database."""
        return csv_lines(self._rows(chosen))

    def _rows(self, chosen: Chosen) -> Iterator[Sequence[str]]:
        yield chosen.columns
        with self._platform.db.read() as session:
            definitions = self._seen(session, chosen.access)
            query = chosen.choose(session, chosen.access)
            order = chosen.order
            keys = _OLDEST_FIRST if order is None else order(session, chosen.access)
            ordered = query.order_by(
                *(key.desc() if direction == "desc" else key.asc() for key, direction in keys)
            )
            for customer in session.scalars(ordered.execution_options(yield_per=BATCH)):
                values = texts_of(customer_view(customer, chosen.access, definitions))
                yield [values.get(name, "") for name in chosen.columns]

    def _seen(self, session: Session, access: FieldAccess) -> list[FieldDefinition]:
        found = self._definitions.listed(session, PERSON)
        return [item for item in found if access.sees(f"fields.{item.key}")]


def _columns(access: FieldAccess, definitions: Sequence[FieldDefinition]) -> list[str]:
    columns = [name for name in BUILT_IN[PERSON] if access.sees(name)]
    if "birthday" in columns:
        columns.append("birthday_calendar")
    return [*columns, *(item.key for item in definitions), "created_at"]


def texts_of(view: Mapping[str, Any], *, prefixed: bool = False) -> dict[str, str]:
    """The values of a customer as cells; custom fields never hide built-in ones.

    Args:
        prefixed: custom fields are named `fields.<key>`, not by their key alone.
    """
    prefix = "fields." if prefixed else ""
    found = {f"{prefix}{key}": _text(value) for key, value in view["fields"].items()}
    found |= {name: _text(view[name]) for name in BUILT_IN[PERSON] if name != "birthday"}
    found["tags"] = ",".join(view["tags"])
    birthday = view["birthday"]
    if birthday:
        parts = (birthday["year"], birthday["month"], birthday["day"])
        found["birthday"] = "-".join(f"{part:02}" for part in parts if part is not None)
        found["birthday_calendar"] = birthday["calendar"]
    found["created_at"] = view["created_at"].isoformat()
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return str(value)
