"""One table of personal rows: exported, erased, moved to another person, and split back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy import Table, delete, func, select, update

from dxp.db import Base
from dxp.plugins.contexts import ErasureContext, MergeContext, SubjectContext, UnmergeContext


class PersonalData(Protocol):
    """A share of what is known of a person. `key` names it in the export."""

    @property
    def key(self) -> str: ...

    def export(self, ctx: SubjectContext) -> Any:
        """All of it, as JSON-ready data."""

    def erase(self, ctx: ErasureContext) -> None:
        """Forget that of all whom `ctx` names; harmless when repeated."""

    def merge(self, ctx: MergeContext) -> None:
        """Move the loser's share to the winner."""

    def unmerge(self, ctx: UnmergeContext) -> None:
        """Give the loser back what they brought, and what came since under their own names."""


class PersonalRows:
    """`PersonalData` of a table with the columns `subject_id` and `origin_id`.

    `origin_id` is NULL, or the person whose row it was before a merge moved it. Whoever writes a
    row under the name of somebody who was merged sets it too (`Subjects.trace` tells).

    Args:
        key: of the list in the export.
        model: whose rows they are; exported in the order of the primary key.
        show: one row as JSON-ready data.
    """

    def __init__(
        self, key: str, model: type[Base], *, show: Callable[[Any], Mapping[str, Any]]
    ) -> None:
        table = model.__table__
        assert isinstance(table, Table)
        self.key = key
        self._model, self._show = model, show
        self._table, self._subject, self._origin = table, table.c.subject_id, table.c.origin_id

    def export(self, ctx: SubjectContext) -> list[Mapping[str, Any]]:
        query = select(self._model).where(self._subject == ctx.subject_id)
        rows = ctx.session.scalars(query.order_by(*self._table.primary_key.columns))
        return [self._show(row) for row in rows]

    def erase(self, ctx: ErasureContext) -> None:
        ctx.session.flush()
        ctx.session.execute(delete(self._table).where(self._subject.in_(ctx.subject_ids)))
        ctx.session.expire_all()

    def merge(self, ctx: MergeContext) -> None:
        ctx.session.flush()
        ctx.session.execute(
            update(self._table)
            .where(self._subject == ctx.loser_id)
            .values(subject_id=ctx.winner_id, origin_id=func.coalesce(self._origin, ctx.loser_id))
        )
        ctx.session.expire_all()

    def unmerge(self, ctx: UnmergeContext) -> None:
        ctx.session.flush()
        ctx.session.execute(
            update(self._table)
            .where(self._subject == ctx.winner_id, self._origin.in_(ctx.members))
            .values(subject_id=ctx.loser_id, origin_id=func.nullif(self._origin, ctx.loser_id))
        )
        ctx.session.expire_all()
