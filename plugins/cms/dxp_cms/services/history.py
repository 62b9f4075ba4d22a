"""The history of an entry: its revisions, newest first, and single ones."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, literal, or_, select
from sqlalchemy.orm import Session, aliased

from dxp_cms.models import EntryLocale, Revision
from dxp_cms.models.entries import Kind
from dxp_cms.services.drafts import unknown_revision


@dataclass(frozen=True, kw_only=True)
class Step:
    """A revision as the history lists it. `live_in` are the locales in which it is live."""

    id: uuid.UUID
    number: int
    kind: str
    base_id: uuid.UUID | None
    author_name: str
    created_at: datetime
    note: str
    live_in: tuple[str, ...]


def history_of(
    session: Session, entry_id: uuid.UUID, *, before: int | None = None, limit: int = 50
) -> list[Step]:
    """Revisions, newest first; of autosaves in a row by one author only the last.

    Args:
        before: only revisions with a lower number, for the next page.
    """
    statement = (
        select(
            Revision.id,
            Revision.number,
            Revision.kind,
            Revision.base_id,
            Revision.author_name,
            Revision.created_at,
            Revision.note,
        )
        .where(Revision.entry_id == entry_id, or_(~_passed_over(), _is_live()))
        .order_by(Revision.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(Revision.number < before)
    rows = session.execute(statement).all()
    live: dict[uuid.UUID | None, list[str]] = {}
    for locale, revision_id in session.execute(
        select(EntryLocale.locale, EntryLocale.published_revision_id)
        .where(EntryLocale.entry_id == entry_id, EntryLocale.published_revision_id.is_not(None))
        .order_by(EntryLocale.locale)
    ):
        live.setdefault(revision_id, []).append(locale)
    return [Step(**row._asdict(), live_in=tuple(live.get(row.id, ()))) for row in rows]


def revision_of(session: Session, entry_id: uuid.UUID, revision_id: uuid.UUID) -> Revision:
    """One revision of an entry.

    Raises:
        NotFound: the entry has no such revision (`unknown_revision`).
    """
    revision = session.get(Revision, revision_id)
    if revision is None or revision.entry_id != entry_id:
        raise unknown_revision()
    return revision


def prune_autosaves(session: Session, *, before: datetime, limit: int = 500) -> int:
    """Delete autosaves and stale edits older than `before` whose author saved a later state.

    What is live, or what a stale edit began from, stays. Returns how many were deleted.
    """
    stale = aliased(Revision)
    stale_began_here = exists(
        select(literal(1)).where(stale.base_id == Revision.id, stale.kind == Kind.STALE)
    )
    ids = session.scalars(
        select(Revision.id)
        .where(Revision.created_at < before, _passed_over(), ~_is_live(), ~stale_began_here)
        .order_by(Revision.created_at)
        .limit(limit)
    ).all()
    if ids:
        session.execute(delete(Revision).where(Revision.id.in_(ids)))
    return len(ids)


def _passed_over() -> ColumnElement[bool]:
    """Autosaves, and stale edits, of which the same author saved a later state."""
    following = aliased(Revision)
    later = select(literal(1)).where(following.author_key == Revision.author_key)
    saved_on = later.where(
        following.base_id == Revision.id, following.kind.in_((Kind.AUTOSAVE, Kind.SAVE))
    )
    kept_again = later.where(
        following.base_id == Revision.base_id,
        following.kind == Kind.STALE,
        following.number > Revision.number,
    )
    return or_(
        and_(Revision.kind == Kind.AUTOSAVE, exists(saved_on)),
        and_(Revision.kind == Kind.STALE, exists(kept_again)),
    )


def _is_live() -> ColumnElement[bool]:
    return exists(select(literal(1)).where(EntryLocale.published_revision_id == Revision.id))
