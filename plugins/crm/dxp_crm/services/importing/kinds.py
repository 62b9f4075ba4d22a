"""What every kind of import has in common: a batch of rows is planned, then written.

A plan reads and changes nothing, so a dry run is a plan that is not written.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sqlalchemy.orm import Session

from dxp.api import Actor
from dxp_crm.models import Import, Organisation
from dxp_crm.services.importing.cells import CellFault
from dxp_crm.services.importing.columns import Field
from dxp_crm.services.importing.faults import Fault, fault_about
from dxp_crm.services.importing.reading import Row
from dxp_crm.services.tables import unguarded

Outcome = Literal["new", "changed", "same", "faulty"]


@dataclass(kw_only=True, slots=True)
class Line:
    """A row on its way through an import.

    Attributes:
        number: of the row, 1 for the first after the heading.
        cells: as they stand in the file.
        values: by field, parsed; empty cells are left out.
        faults: what is wrong with it; a row with faults is not written.
        outcome: what it does, or would do.
        plan: what the kind needs to write it.
        joins: the organisation that its customer comes to belong to, and the role there.
        written: what it did, once it was written.
    """

    number: int
    cells: Sequence[str]
    values: dict[str, Any]
    faults: list[Fault]
    outcome: Outcome = "faulty"
    plan: Any = None
    joins: tuple[Organisation, str | None] | None = None
    written: Written | None = None

    def refuse(self, *faults: Fault) -> None:
        """Leave the row out, for these reasons."""
        self.faults += faults
        self.outcome = "faulty"


@dataclass(kw_only=True, slots=True)
class Written:
    """What a row did, for the revert."""

    action: Literal["created", "changed"]
    object_id: uuid.UUID
    version: int | None = None
    before: dict[str, Any] | None = field(default=None)


class Kind(Protocol):
    """One kind of things that files bring.

    Attributes:
        name: as it is stored.
        label: for people.
        modes: whether known things are left, changed, or the only ones that are taken.
        reverts: whether what it writes can be taken back.
    """

    @property
    def reverts(self) -> bool: ...

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> Any: ...

    @property
    def modes(self) -> Sequence[str]: ...

    def fields(self, session: Session, *, locale: str) -> Sequence[Field]:
        """What a column can be, with labels for a reader of `locale`."""

    def locked(self, session: Session, actor: Actor) -> Callable[[str], bool]:
        """Tells whether the actor may not write a field, because it is kept for other roles."""

    def lacking(self, mapping: Mapping[str, str], fields: Sequence[Field]) -> Sequence[str]:
        """Names of fields without which the mapping makes no sense; of alternatives the first."""

    def unique(self) -> Sequence[str]:
        """Fields whose value may stand in one row of a file only."""

    def plan(
        self,
        session: Session,
        actor: Actor,
        job: Import,
        lines: Sequence[Line],
        *,
        lock: bool = False,
    ) -> None:
        """Settle the outcome of each line that has no fault; writes nothing.

        Args:
            lock: hold what will be changed until the transaction ends.
        """

    def write(self, session: Session, actor: Actor, job: Import, lines: Sequence[Line]) -> None:
        """Do what was planned; a line that is refused after all gets a fault."""

    def revert(
        self, session: Session, actor: Actor, entries: Sequence[Any]
    ) -> Mapping[int, str | None]:
        """Take back what rows did: by row None, or why it was left as it is (`touched`)."""


def parse_row(row: Row, columns: Sequence[tuple[int, Field]], options: Mapping[str, Any]) -> Line:
    """The values of a row, with a fault for each cell that is none."""
    line = Line(number=row.number, cells=row.cells, values={}, faults=[])
    if row.fault is not None:
        line.refuse(row.fault)
        return line
    for index, item in columns:
        cell = unguarded(row.cells[index].strip())
        if not cell:
            continue
        if "\x00" in cell:
            line.refuse(Fault(code="nul", field=item.name))
            continue
        try:
            line.values[item.name] = item.parse(item.name, cell, options)
        except CellFault as error:
            line.refuse(error.fault)
    return line


def refuse_doubled(lines: Sequence[Line], firsts: Mapping[tuple[int, str], int]) -> None:
    """Leave out rows with a value that may stand once only, and stood in an earlier row."""
    by_number = {line.number: line for line in lines}
    for (number, name), first in firsts.items():
        by_number[number].refuse(Fault(code="doubled", field=name, values={"first": first}))


def all_open(_name: str) -> bool:
    """No field is kept from anybody."""
    return False


def refuse_unknown(line: Line, code: str, name: str) -> None:
    """A row about a customer whom nobody knows."""
    line.refuse(fault_about(code, name, str(line.values[name])))
