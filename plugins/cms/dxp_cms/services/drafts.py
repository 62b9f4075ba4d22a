"""Writing drafts: every save is a new revision, and a stale one is kept beside the line."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, NotFound, Platform, gettext, uuid7
from dxp_cms.models import Entry, EntryLocale, Published, Reference, Revision
from dxp_cms.models.entries import MAX_TITLE, Kind
from dxp_cms.normalise import MAX_SLUG, normalise, slug_of
from dxp_cms.services.compare import Difference, three_way
from dxp_cms.services.document import (
    Document,
    Place,
    clean_document,
    digest_of,
    places,
    references_of,
    title_of,
    value_at,
    view_of,
    with_values,
)
from dxp_cms.types import ContentType, TypeRegistry

MAX_NAME = 200
SLUG_NUMBERS = 30
"""So many entries of one title get numbered addresses; the next ones get random ones."""


@dataclass(frozen=True, kw_only=True)
class Saved:
    """The draft is `revision` now. `created` is False when nothing had changed."""

    entry: Entry
    revision: Revision
    created: bool = True


@dataclass(frozen=True, kw_only=True)
class Stale:
    """The save began from a revision that is no longer the draft, so it did not become it.

    Attributes:
        head: the present draft.
        base: the revision that the save began from.
        kept: the stale edit, kept as a revision beside the line.
        differences: where the two edits go apart, field by field.
    """

    entry: Entry
    head: Revision
    base: Revision
    kept: Revision
    differences: Sequence[Difference]


class Drafts:
    """The only writer of entries and revisions."""

    def __init__(self, platform: Platform, types: TypeRegistry) -> None:
        self._platform = platform
        self._types = types

    def create(
        self,
        session: Session,
        actor: Actor,
        *,
        type_name: str,
        document: Mapping[str, Any],
        note: str = "",
    ) -> Saved:
        """A new entry with its first draft.

        Args:
            document: `{"shared": {…}, "locales": {"en": {…}}}`; required fields may be missing.

        Raises:
            NotFound: there is no such type (`unknown_type`).
            Unprocessable: values do not fit their fields (`invalid_document`).
        """
        content_type = self._types.get(type_name)
        cleaned = self._clean(content_type, document)
        cleaned = self._with_slugs(session, content_type, cleaned, entry_id=None)
        now = self._platform.clock.now()
        revision_id = uuid7()
        entry = Entry(
            id=uuid7(),
            type=type_name,
            head_revision_id=revision_id,
            created_at=now,
            created_by=actor.key,
            updated_at=now,
            updated_by_name=_name_of(actor),
        )
        session.add(entry)
        session.flush()
        revision = self._add(
            session,
            actor,
            entry,
            cleaned,
            base=None,
            kind=Kind.SAVE,
            note=note,
            revision_id=revision_id,
        )
        self._make_head(session, actor, entry, revision)
        self._platform.audit.record(
            session,
            actor,
            action="cms.entry.created",
            object_type="cms.entry",
            object_id=entry.id,
            after={"type": type_name, "revision": 1, "fields": _keys(cleaned)},
        )
        return Saved(entry=entry, revision=revision)

    def save(
        self,
        session: Session,
        actor: Actor,
        *,
        entry_id: uuid.UUID,
        base_id: uuid.UUID,
        document: Mapping[str, Any],
        autosave: bool = False,
        tab: str = "",
        note: str = "",
    ) -> Saved | Stale:
        """A new draft of an entry, from the revision `base_id` that the author had before them.

        A stale save is no error here: its edit is kept and has to be committed, so it is
        answered as `Stale`, and the web layer makes a 412 of it.

        Args:
            autosave: the page saved by itself: addresses are not made up yet, and nothing is
                written when nothing changed.
            tab: the page that saves. It may name a base that its own autosaves have left behind,
                since a request that waits for the one before it still carries the older base.

        Raises:
            NotFound: the entry or the revision is not there (`unknown_entry`,
                `unknown_revision`).
            Conflict: the entry lies in the trash (`entry_in_trash`).
            Unprocessable: values do not fit their fields (`invalid_document`).
        """
        entry = self.lock(session, entry_id)
        content_type = self._types.get(entry.type)
        head = self._revision(session, entry, entry.head_revision_id)
        base = head if base_id == head.id else self._revision(session, entry, base_id)
        cleaned = self._clean(content_type, document, base=base.document)
        if not autosave:
            cleaned = self._with_slugs(session, content_type, cleaned, entry_id=entry.id)
        if cleaned == head.document:
            # Saving on purpose what was saved by itself gives the history a point to return to.
            own_autosave = head.kind == Kind.AUTOSAVE and head.author_key == actor.key
            if autosave or not own_autosave:
                return Saved(entry=entry, revision=head, created=False)
        elif base.id != head.id and not self._own_autosaves(session, base, head, tab):
            if cleaned == base.document:
                return Saved(entry=entry, revision=head, created=False)
            return self._keep_stale(
                session, actor, entry, head=head, base=base, document=cleaned, tab=tab
            )
        kind = Kind.AUTOSAVE if autosave else Kind.SAVE
        revision = self._add(
            session, actor, entry, cleaned, base=head, kind=kind, note=note, tab=tab
        )
        self._make_head(session, actor, entry, revision)
        if not (autosave and head.kind == Kind.AUTOSAVE and head.author_key == actor.key):
            self._audit_save(session, actor, entry, head, revision)
        return Saved(entry=entry, revision=revision)

    def restore(
        self, session: Session, actor: Actor, *, entry_id: uuid.UUID, revision_id: uuid.UUID
    ) -> Saved:
        """Make an earlier revision the draft again, as a new revision; what is live stays.

        Raises:
            NotFound, Conflict: as `save`.
        """
        entry = self.lock(session, entry_id)
        head = self._revision(session, entry, entry.head_revision_id)
        source = self._revision(session, entry, revision_id)
        if source.document == head.document:
            return Saved(entry=entry, revision=head, created=False)
        note = gettext("Restored from revision %(number)s", number=source.number)
        revision = self._add(
            session, actor, entry, source.document, base=head, kind=Kind.RESTORE, note=note
        )
        self._make_head(session, actor, entry, revision)
        self._audit_save(session, actor, entry, head, revision)
        return Saved(entry=entry, revision=revision)

    def lock(self, session: Session, entry_id: uuid.UUID, *, trashed: bool = False) -> Entry:
        """The entry, locked until the transaction ends: writers of one entry go one by one.

        Args:
            trashed: whether an entry in the trash will do.

        Raises:
            NotFound: there is no such entry (`unknown_entry`).
            Conflict: it lies in the trash (`entry_in_trash`).
        """
        entry = session.scalar(
            select(Entry)
            .where(Entry.id == entry_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if entry is None:
            raise unknown_entry()
        if entry.trashed_at is not None and not trashed:
            raise Conflict(
                gettext("The entry lies in the trash, so it cannot be changed; restore it first."),
                code="entry_in_trash",
            )
        return entry

    def _keep_stale(
        self,
        session: Session,
        actor: Actor,
        entry: Entry,
        *,
        head: Revision,
        base: Revision,
        document: Document,
        tab: str,
    ) -> Stale:
        kept = session.scalar(
            select(Revision)
            .where(
                Revision.entry_id == entry.id,
                Revision.base_id == base.id,
                Revision.kind == Kind.STALE,
                Revision.author_key == actor.key,
            )
            .order_by(Revision.number.desc())
            .limit(1)
        )
        if kept is None or kept.document != document:
            kept = self._add(session, actor, entry, document, base=base, kind=Kind.STALE, tab=tab)
            self._audit_save(session, actor, entry, base, kept, action="cms.entry.save_refused")
        content_type = self._types.get(entry.type)
        differences = three_way(content_type, base.document, head.document, kept.document)
        return Stale(entry=entry, head=head, base=base, kept=kept, differences=differences)

    @staticmethod
    def _own_autosaves(session: Session, base: Revision, head: Revision, tab: str) -> bool:
        """Whether all that lies between is what the same open page saved by itself."""
        if not tab or base.number > head.number:
            return False
        between = session.execute(
            select(Revision.kind, Revision.tab).where(
                Revision.entry_id == head.entry_id,
                Revision.number > base.number,
                Revision.number <= head.number,
                Revision.kind != Kind.STALE,
            )
        ).all()
        return base.kind != Kind.STALE and all(
            kind == Kind.AUTOSAVE and saved_from == tab for kind, saved_from in between
        )

    def _clean(
        self,
        content_type: ContentType,
        document: Mapping[str, Any],
        *,
        base: Mapping[str, Any] | None = None,
    ) -> Document:
        locales = self._platform.settings.locale.available
        return clean_document(content_type, document, locales=locales, base=base)

    def _with_slugs(
        self,
        session: Session,
        content_type: ContentType,
        document: Document,
        *,
        entry_id: uuid.UUID | None,
    ) -> Document:
        """Addresses made of the titles, where a locale has a title and no address yet."""
        made: dict[Place, Any] = {}
        for locale in self._platform.settings.locale.available:
            place = Place(locale=locale, name="slug")
            slug = slug_of(title_of(content_type, document, locale))
            if slug and value_at(document, place) is None:
                made[place] = self._free_slug(session, content_type.name, locale, slug, entry_id)
        return with_values(document, made) if made else document

    @staticmethod
    def _free_slug(
        session: Session, type_name: str, locale: str, slug: str, entry_id: uuid.UUID | None
    ) -> str:
        """`slug`, or it with a number, such that no other entry of the type has it."""
        base = slug[: MAX_SLUG - 10].rstrip("-")
        candidates = [base, *(f"{base}-{number}" for number in range(2, SLUG_NUMBERS + 2))]
        other = entry_id or uuid.UUID(int=0)
        live = select(Published.slug).where(
            Published.type == type_name,
            Published.locale == locale,
            Published.slug.in_(candidates),
            Published.entry_id != other,
        )
        drafted = (
            select(EntryLocale.slug)
            .join(Entry, Entry.id == EntryLocale.entry_id)
            .where(
                Entry.type == type_name,
                EntryLocale.locale == locale,
                EntryLocale.slug.in_(candidates),
                EntryLocale.entry_id != other,
            )
        )
        taken = set(session.scalars(live.union(drafted)))
        free = (candidate for candidate in candidates if candidate not in taken)
        return next(free, f"{base}-{secrets.token_hex(4)}")

    def _add(
        self,
        session: Session,
        actor: Actor,
        entry: Entry,
        document: Document,
        *,
        base: Revision | None,
        kind: Kind,
        note: str = "",
        tab: str = "",
        revision_id: uuid.UUID | None = None,
    ) -> Revision:
        latest = session.scalar(
            select(func.max(Revision.number)).where(Revision.entry_id == entry.id)
        )
        revision = Revision(
            id=revision_id or uuid7(),
            entry_id=entry.id,
            number=(latest or 0) + 1,
            base_id=None if base is None else base.id,
            kind=kind,
            document=document,
            author_key=actor.key,
            author_name=_name_of(actor),
            created_at=self._platform.clock.now(),
            tab=tab[:40],
            note=note[:500],
        )
        session.add(revision)
        session.flush()
        return revision

    def _make_head(self, session: Session, actor: Actor, entry: Entry, revision: Revision) -> None:
        """Point the entry at its new draft, and bring what it is listed by up to date."""
        content_type = self._types.get(entry.type)
        entry.head_revision_id = revision.id
        entry.updated_at = revision.created_at
        entry.updated_by_name = _name_of(actor)
        known = {
            row.locale: row
            for row in session.scalars(select(EntryLocale).where(EntryLocale.entry_id == entry.id))
        }
        for locale in {*revision.document["locales"], *known}:
            row = known.get(locale)
            if row is not None and _is_gone(row, revision.document):
                session.delete(row)
                continue
            if row is None:
                row = EntryLocale(entry_id=entry.id, locale=locale)
                session.add(row)
            row.title = title_of(content_type, revision.document, locale)
            row.search_text = normalise(row.title)[:MAX_TITLE]
            slug = value_at(revision.document, Place(locale=locale, name="slug"))
            row.slug = str(slug or "")[:MAX_SLUG]
            row.draft_hash = digest_of(view_of(content_type, revision.document, locale))
        session.execute(delete(Reference).where(Reference.entry_id == entry.id))
        session.add_all(
            Reference(entry_id=entry.id, field=field, target_id=target)
            for field, target in references_of(content_type, revision.document)
        )
        session.flush()

    def _audit_save(
        self,
        session: Session,
        actor: Actor,
        entry: Entry,
        before: Revision,
        after: Revision,
        *,
        action: str = "cms.entry.saved",
    ) -> None:
        changed = [
            place.key
            for place in places(before.document, after.document)
            if value_at(before.document, place) != value_at(after.document, place)
        ]
        self._platform.audit.record(
            session,
            actor,
            action=action,
            object_type="cms.entry",
            object_id=entry.id,
            before={"revision": before.number},
            after={"revision": after.number, "fields": changed, "note": after.note},
        )

    @staticmethod
    def _revision(session: Session, entry: Entry, revision_id: uuid.UUID) -> Revision:
        revision = session.get(Revision, revision_id)
        if revision is None or revision.entry_id != entry.id:
            raise unknown_revision()
        return revision


def unknown_entry() -> NotFound:
    """The refusal of an id that no entry has."""
    return NotFound(
        gettext(
            "There is no entry with this id; it may have been written in another environment. "
            "Look for it in the content list."
        ),
        code="unknown_entry",
    )


def unknown_revision() -> NotFound:
    """The refusal of an id that is no revision of the entry."""
    return NotFound(
        gettext("The entry has no such revision; choose one from its history."),
        code="unknown_revision",
    )


def _is_gone(row: EntryLocale, document: Document) -> bool:
    """Whether a locale has nothing in the draft and never was live."""
    return row.locale not in document["locales"] and row.first_published_at is None


def _name_of(actor: Actor) -> str:
    return str(getattr(actor, "name", "") or actor.kind)[:MAX_NAME]


def _keys(document: Document) -> list[str]:
    return [place.key for place in places(document)]
