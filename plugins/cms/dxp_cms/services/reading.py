"""Reading what is live: stored bytes by indexed lookups, no entity, no rendering."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from dxp.api import Platform
from dxp.contracts import PublishedEntry
from dxp_cms.fields import Field
from dxp_cms.models import Published, PublishedValue, Redirect
from dxp_cms.normalise import normalise

MAX_CHOICES = 20

_COLUMNS = (
    Published.entry_id,
    Published.type,
    Published.slug,
    Published.title,
    Published.locale,
    Published.body,
    Published.etag,
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One live entry. `body` is None when the reader already holds `etag`."""

    entry_id: uuid.UUID
    slug: str
    locale: str
    etag: str
    body: bytes | None


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One condition of a list: `operator` is eq, in, gt, gte, lt or lte."""

    field: str
    operator: str
    values: tuple[str | float, ...]


class PublishedReader:
    """Reads stored answers; provides `dxp.contracts.PublishedContent`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def by_ids(
        self, session: Session, ids: Sequence[uuid.UUID], *, locale: str
    ) -> Mapping[uuid.UUID, PublishedEntry]:
        """Those of `ids` that are live in `locale` or a locale it falls back to, in one query."""
        chain = self._platform.settings.locale.chain(locale)
        if not ids:
            return {}
        rows = session.execute(
            select(*_COLUMNS).where(Published.entry_id.in_(ids), Published.locale.in_(chain))
        ).all()
        nearest_last = sorted(rows, key=lambda row: -chain.index(row.locale))
        return {row.entry_id: _entry_of(row) for row in nearest_last}

    def by_slug(
        self, session: Session, type_name: str, slug: str, *, locale: str
    ) -> PublishedEntry | None:
        """The live entry of a type by its address, in `locale` or a locale it falls back to."""
        chain = self._platform.settings.locale.chain(locale)
        row = session.execute(_by_slug(_COLUMNS, type_name, slug, chain)).first()
        return None if row is None else _entry_of(row)

    def choices(self, session: Session, *, query: str, locale: str) -> Sequence[PublishedEntry]:
        """Live entries whose title contains `query`, each in its nearest locale, newest first."""
        chain = self._platform.settings.locale.chain(locale)
        statement = (
            select(*_COLUMNS)
            .where(_served(chain))
            .order_by(Published.updated_at.desc(), Published.entry_id)
            .limit(MAX_CHOICES)
        )
        wanted = normalise(query)
        if wanted:
            statement = statement.where(Published.search_text.contains(wanted, autoescape=True))
        return [_entry_of(row) for row in session.execute(statement)]

    def answer(
        self,
        session: Session,
        type_name: str,
        slug: str,
        *,
        locale: str,
        fallback: bool,
        held: Collection[str],
    ) -> Answer | None:
        """One entry by its address, in one query; in two by an address that it had before.

        Args:
            held: validators of what the reader already has; the body of such is not read.
        """
        chain = self._platform.settings.locale.chain(locale) if fallback else (locale,)
        columns = _answer_columns(held)
        row = session.execute(_by_slug(columns, type_name, slug, chain)).first()
        if row is None:
            row = session.execute(_by_former_slug(columns, type_name, slug, chain)).first()
        if row is None:
            return None
        return Answer(
            entry_id=row.entry_id, slug=row.slug, locale=row.locale, etag=row.etag, body=row.body
        )

    def listing(
        self,
        type_name: str,
        *,
        locale: str,
        fallback: bool,
        filters: Sequence[Filter] = (),
    ) -> Select[Any]:
        """(body, entry id, locale) of the live entries of a type, not yet ordered."""
        chain = self._platform.settings.locale.chain(locale) if fallback else (locale,)
        columns: Sequence[Any] = (Published.body, Published.entry_id, Published.locale)
        statement = select(*columns).where(Published.type == type_name, _served(chain))
        for wanted in filters:
            statement = statement.where(_matches(wanted))
        return statement

    @staticmethod
    def sort_key(field: Field) -> Any:
        """What a list is sorted by for a field; entries without a value come first."""
        numeric = field.kind.name == "number"
        column = PublishedValue.number if numeric else PublishedValue.text
        value = (
            select(column)
            .where(
                PublishedValue.entry_id == Published.entry_id,
                PublishedValue.locale == Published.locale,
                PublishedValue.field == field.name,
                PublishedValue.position == 0,
            )
            .scalar_subquery()
        )
        return func.coalesce(value, literal(-1e300) if numeric else literal(""))


def _served(chain: Sequence[str]) -> ColumnElement[bool]:
    """Rows in the first locale of `chain` in which their entry is live."""
    alternatives: list[ColumnElement[bool]] = []
    for place, locale in enumerate(chain):
        here = Published.locale == locale
        if place:
            nearer = aliased(Published)
            here = and_(
                here,
                ~exists(
                    select(literal(1)).where(
                        nearer.entry_id == Published.entry_id, nearer.locale.in_(chain[:place])
                    )
                ),
            )
        alternatives.append(here)
    return or_(*alternatives)


def _rank(column: Any, chain: Sequence[str]) -> Any:
    """The place of a locale in the chain, as an expression."""
    return case({locale: place for place, locale in enumerate(chain)}, value=column)


def _by_slug(
    columns: Sequence[Any], type_name: str, slug: str, chain: Sequence[str]
) -> Select[Any]:
    """The entry whose address this is in some locale of the chain, in its nearest locale.

    The reader of one language who follows a link in another gets their own, if there is one.
    """
    if len(chain) == 1:
        return select(*columns).where(
            Published.type == type_name, Published.locale == chain[0], Published.slug == slug
        )
    named = aliased(Published)
    return (
        select(*columns)
        .join(named, named.entry_id == Published.entry_id)
        .where(
            named.type == type_name,
            named.locale.in_(chain),
            named.slug == slug,
            Published.locale.in_(chain),
        )
        .order_by(_rank(named.locale, chain), _rank(Published.locale, chain))
        .limit(1)
    )


def _by_former_slug(
    columns: Sequence[Any], type_name: str, slug: str, chain: Sequence[str]
) -> Select[Any]:
    """The entry that was once live under this address in some locale of the chain."""
    return (
        select(*columns)
        .join(Redirect, Redirect.entry_id == Published.entry_id)
        .where(
            Redirect.type == type_name,
            Redirect.locale.in_(chain),
            Redirect.slug == slug,
            Published.locale.in_(chain),
        )
        .order_by(_rank(Redirect.locale, chain), _rank(Published.locale, chain))
        .limit(1)
    )


def _answer_columns(held: Collection[str]) -> Sequence[Any]:
    """What an answer needs; the body only when the reader does not hold it already."""
    body: Any = Published.body
    if held:
        body = case((Published.etag.in_(held), None), else_=Published.body)
    return (
        Published.entry_id,
        Published.slug,
        Published.locale,
        Published.etag,
        body.label("body"),
    )


def _matches(wanted: Filter) -> ColumnElement[bool]:
    numeric = isinstance(wanted.values[0], float)
    column: Any = PublishedValue.number if numeric else PublishedValue.text
    value = wanted.values[0]
    test = {
        "eq": lambda: column == value,
        "in": lambda: column.in_(wanted.values),
        "gt": lambda: column > value,
        "gte": lambda: column >= value,
        "lt": lambda: column < value,
        "lte": lambda: column <= value,
    }[wanted.operator]()
    return exists(
        select(literal(1)).where(
            PublishedValue.entry_id == Published.entry_id,
            PublishedValue.locale == Published.locale,
            PublishedValue.type == Published.type,
            PublishedValue.field == wanted.field,
            test,
        )
    )


def _entry_of(row: Any) -> PublishedEntry:
    return PublishedEntry(
        id=row.entry_id,
        type=row.type,
        slug=row.slug,
        title=row.title,
        locale=row.locale,
        body=row.body,
        etag=row.etag,
    )
