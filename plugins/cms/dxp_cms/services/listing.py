"""Finding entries for editors: lists with filters, by title, and where each locale stands."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, literal, select
from sqlalchemy.orm import Session

from dxp_cms.models import Entry, EntryLocale, State
from dxp_cms.normalise import normalise

CHANGED = "changed"
"""Besides the states, a list may be asked for what is live and has a newer draft."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to list. Empty fields do not restrict.

    Attributes:
        locale: entries that say something in this locale; `state` is looked at there.
        text: part of a title, as people type it.
    """

    types: Sequence[str] = ()
    state: str = ""
    locale: str = ""
    text: str = ""
    trashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an entry stands in one locale. `changed`: it is live, and the draft is newer."""

    locale: str
    title: str
    slug: str
    state: str
    changed: bool
    published_at: datetime | None


def entries(wanted: Wanted) -> Select[Any]:
    """Entries, not yet ordered; an entity for each row."""
    statement = select(Entry).where(
        Entry.trashed_at.is_not(None) if wanted.trashed else Entry.trashed_at.is_(None)
    )
    if wanted.types:
        statement = statement.where(Entry.type.in_(wanted.types))
    conditions = list(_locale_conditions(wanted))
    if conditions:
        statement = statement.where(
            exists(select(literal(1)).where(EntryLocale.entry_id == Entry.id, *conditions))
        )
    return statement


def newest(session: Session, wanted: Wanted, *, limit: int) -> Sequence[Entry]:
    """The entries that were changed last."""
    return session.scalars(
        entries(wanted).order_by(Entry.updated_at.desc(), Entry.id.desc()).limit(limit)
    ).all()


def standings(
    session: Session, ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Mapping[str, Standing]]:
    """By entry and locale, in one query."""
    found: dict[uuid.UUID, dict[str, Standing]] = {entry_id: {} for entry_id in ids}
    for row in session.scalars(
        select(EntryLocale).where(EntryLocale.entry_id.in_(ids)).order_by(EntryLocale.locale)
    ):
        found[row.entry_id][row.locale] = Standing(
            locale=row.locale,
            title=row.title,
            slug=row.slug,
            state=row.state,
            changed=row.state == State.PUBLISHED and row.published_hash != row.draft_hash,
            published_at=row.published_at,
        )
    return found


def best_title(standing: Mapping[str, Standing], locales: Sequence[str]) -> tuple[str, str | None]:
    """The title in the first of `locales` that has one, and that locale; else any title."""
    for locale in (*locales, *standing):
        found = standing.get(locale)
        if found is not None and found.title:
            return found.title, locale
    return "", None


def _locale_conditions(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.locale:
        found.append(EntryLocale.locale == wanted.locale)
    if wanted.state == CHANGED:
        found.append(EntryLocale.state == State.PUBLISHED)
        found.append(EntryLocale.published_hash != EntryLocale.draft_hash)
    elif wanted.state:
        found.append(EntryLocale.state == wanted.state)
    text = normalise(wanted.text)
    if text:
        found.append(EntryLocale.search_text.contains(text, autoescape=True))
    return found
