"""Lists by keyset: each page costs the same, and no row is skipped or told twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from flask import Request
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_

from dxp.errors import ConfigurationError
from dxp.web.call import Call, PageRequest
from dxp.web.cursors import read_cursor, write_cursor
from dxp.web.reading import PAGE_PARAMETERS

Key = tuple[Any, str]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A part of a list.

    Attributes:
        items: rows for the response schema.
        next: cursor of the following page; None on the last.
        count: of the whole list, when it was asked for.
        meta: further members of the answer's `meta`.
    """

    items: Sequence[Any]
    next: str | None = None
    count: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def map(self, function: Callable[[Any], Any]) -> Page:
        """The same page of other items."""
        return replace(self, items=[function(item) for item in self.items])

    def replace_items(self, items: Sequence[Any]) -> Page:
        """The same page of items that were made all at once, in one query."""
        return replace(self, items=items)


def paginate(
    call: Call,
    stmt: Select[*tuple[Any, ...]],
    *,
    keys: Sequence[Key],
    page: PageRequest | None = None,
) -> Page:
    """Run `stmt` for the page that was asked for.

    Args:
        stmt: filtered, not yet ordered. Items are its entities, or rows when it selects several
            columns.
        keys: the sort, as (column or expression, "asc" or "desc"); none may be NULL, and the
            last one must be unique, such as the id. An index over the keys makes it fast.
        page: instead of the one that was asked for, for other callers than routes.

    Raises:
        BadRequest: the cursor is not one of this query (`invalid_cursor`).
        ConfigurationError: a key may be NULL, or the last one is not unique.
    """
    asked = page or call.page
    if asked is None:
        raise ConfigurationError(
            "paginate() was called on a route that is not paged; register it with paged=True"
        )
    _check(keys)
    secret = call.platform.settings.secret("cursor")
    binding = f"{asked.binding}\n{_describe(keys)}"
    width = len(stmt.column_descriptions)
    query = stmt.add_columns(*(column for column, _ in keys)).order_by(
        *(column.asc() if direction == "asc" else column.desc() for column, direction in keys)
    )
    if asked.cursor is not None:
        values = read_cursor(asked.cursor, binding=binding, secret=secret, length=len(keys))
        query = query.where(_after(keys, values))
    rows = call.session.execute(query.limit(asked.limit + 1)).all()
    shown = rows[: asked.limit]
    following = None
    if len(rows) > asked.limit:
        following = write_cursor(shown[-1][width:], binding=binding, secret=secret)
    count = None
    if asked.count:
        count = call.session.scalar(
            select(func.count()).select_from(stmt.order_by(None).subquery())
        )
    items = [row[0] if width == 1 else row[:width] for row in shown]
    return Page(items=items, next=following, count=count)


def binding_of(route: str, request: Request) -> str:
    """What a cursor is valid for: the route and all parameters but those of the page itself."""
    path = urlencode(sorted((request.view_args or {}).items()))
    query = urlencode(
        sorted(
            (name, value)
            for name, value in request.args.items(multi=True)
            if name not in PAGE_PARAMETERS
        )
    )
    return f"{route}\n{path}\n{query}"


def _check(keys: Sequence[Key]) -> None:
    for column, direction in keys:
        if direction not in ("asc", "desc"):
            raise ConfigurationError(
                f"a list is sorted by {column} in direction {direction!r}; say 'asc' or 'desc'"
            )
        if getattr(column, "nullable", False):
            raise ConfigurationError(
                f"a list is sorted by {column}, which may be NULL, and NULLs sort differently on "
                "the two databases; sort by func.coalesce(...) or by another column"
            )
    last = keys[-1][0] if keys else None
    if not (getattr(last, "primary_key", False) or getattr(last, "unique", False)):
        raise ConfigurationError(
            f"a list is sorted by {last} last, which is not unique, so rows could be skipped; "
            "add the primary key as the last key"
        )


def _describe(keys: Sequence[Key]) -> str:
    return ",".join(f"{column} {direction}" for column, direction in keys)


def _after(keys: Sequence[Key], values: Sequence[Any]) -> ColumnElement[bool]:
    """Rows that come after `values`.

    In one direction it is one comparison of row values, which an index answers at once; in
    mixed directions it is spelt out.
    """
    bound = [literal(value, column.type) for (column, _), value in zip(keys, values, strict=True)]
    directions = {direction for _, direction in keys}
    if len(directions) == 1:
        left: Any = tuple_(*(column for column, _ in keys))
        right: Any = tuple_(*bound)
        later: ColumnElement[bool] = left > right if directions == {"asc"} else left < right
        return later
    alternatives = []
    for index, (column, direction) in enumerate(keys):
        equal = [keys[i][0] == bound[i] for i in range(index)]
        beyond = column > bound[index] if direction == "asc" else column < bound[index]
        alternatives.append(and_(*equal, beyond))
    return or_(*alternatives)
