"""Throwing entries away, getting them back, and who would miss them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, Platform, gettext
from dxp_cms.models import Dependency, Entry, EntryLocale, Published, Redirect, Reference
from dxp_cms.services.drafts import Drafts
from dxp_cms.services.publishing import Publishing


@dataclass(frozen=True, kw_only=True)
class User:
    """An entry that points at another. `live` tells whether readers see it do so."""

    id: uuid.UUID
    type: str
    title: str
    live: bool


def where_used(session: Session, entry_id: uuid.UUID) -> list[User]:
    """Entries whose draft or live version points at this one, those in the trash left out."""
    drafted = set(
        session.scalars(select(Reference.entry_id).where(Reference.target_id == entry_id))
    )
    live = set(session.scalars(select(Dependency.entry_id).where(Dependency.target_id == entry_id)))
    rows = session.execute(
        select(Entry.id, Entry.type, EntryLocale.title)
        .join(EntryLocale, EntryLocale.entry_id == Entry.id)
        .where(Entry.id.in_((drafted | live) - {entry_id}), Entry.trashed_at.is_(None))
        .order_by(EntryLocale.locale.desc())
    )
    titles: dict[uuid.UUID, tuple[str, str]] = {}
    for row in rows:
        if row.title or row.id not in titles:
            titles[row.id] = (row.type, row.title)
    return [
        User(id=user, type=kind, title=title, live=user in live)
        for user, (kind, title) in sorted(titles.items(), key=lambda item: item[1])
    ]


class Trash:
    """Moves entries to the trash and back. Nothing is deleted."""

    def __init__(self, platform: Platform, *, drafts: Drafts, publishing: Publishing) -> None:
        self._platform = platform
        self._drafts = drafts
        self._publishing = publishing

    def throw_away(
        self, session: Session, actor: Actor, *, entry_id: uuid.UUID, although_used: bool = False
    ) -> None:
        """Take an entry off everywhere and put it into the trash.

        Args:
            although_used: also when other entries point at it; their links then hide.

        Raises:
            NotFound: no such entry (`unknown_entry`).
            Conflict: it is in the trash already (`entry_in_trash`), or others point at it
                (`entry_in_use`, with their names in `users`).
        """
        entry = self._drafts.lock(session, entry_id)
        users = where_used(session, entry_id)
        if users and not although_used:
            raise _in_use(users)
        for locale in self._live_in(session, entry_id):
            self._publishing.unpublish(session, actor, entry_id=entry_id, locale=locale)
        session.execute(delete(Redirect).where(Redirect.entry_id == entry_id))
        entry.trashed_at = self._platform.clock.now()
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="cms.entry.trashed",
            object_type="cms.entry",
            object_id=entry_id,
            after={"type": entry.type},
        )

    def bring_back(self, session: Session, actor: Actor, *, entry_id: uuid.UUID) -> Entry:
        """Take an entry out of the trash, as a draft: nothing goes live by it.

        Raises:
            NotFound: no such entry (`unknown_entry`).
            Conflict: it is not in the trash (`entry_not_in_trash`).
        """
        entry = self._drafts.lock(session, entry_id, trashed=True)
        if entry.trashed_at is None:
            raise Conflict(
                gettext("The entry is not in the trash, so it cannot be brought back from there."),
                code="entry_not_in_trash",
            )
        entry.trashed_at = None
        entry.updated_at = self._platform.clock.now()
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="cms.entry.untrashed",
            object_type="cms.entry",
            object_id=entry_id,
            after={"type": entry.type},
        )
        return entry

    @staticmethod
    def _live_in(session: Session, entry_id: uuid.UUID) -> Sequence[str]:
        return session.scalars(
            select(Published.locale)
            .where(Published.entry_id == entry_id)
            .order_by(Published.locale)
        ).all()


def _in_use(users: Sequence[User]) -> Conflict:
    names = ", ".join(f"“{user.title or user.id}”" for user in users[:5])
    more = len(users) - 5
    if more > 0:
        names += gettext(" and %(more)s more", more=more)
    return Conflict(
        gettext(
            "The entry was not moved to the trash, because others point at it: %(names)s. Change "
            "those first, or confirm that their links may disappear.",
            names=names,
        ),
        code="entry_in_use",
        extra={"users": [{"id": str(u.id), "type": u.type, "title": u.title} for u in users]},
    )
