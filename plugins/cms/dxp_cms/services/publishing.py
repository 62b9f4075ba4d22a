"""Going live, being taken off, and being rendered anew. The only writer of stored answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Conflict,
    FieldError,
    Platform,
    Unprocessable,
    dialect_insert,
    gettext,
)
from dxp_cms.events import EntryPublished, EntryUnpublished, cache_tags_of
from dxp_cms.models import (
    Dependency,
    Entry,
    EntryLocale,
    Published,
    PublishedValue,
    Redirect,
    Revision,
    State,
)
from dxp_cms.models.entries import MAX_TITLE
from dxp_cms.normalise import normalise
from dxp_cms.services.checks import PublishChecks, slug_taken
from dxp_cms.services.drafts import Drafts, unknown_revision
from dxp_cms.services.rendering import Rendered, Renderer
from dxp_cms.types import TypeRegistry


class Publishing:
    """Publishes revisions, one locale at a time."""

    def __init__(
        self,
        platform: Platform,
        types: TypeRegistry,
        *,
        drafts: Drafts,
        renderer: Renderer,
        checks: PublishChecks,
    ) -> None:
        self._platform = platform
        self._types = types
        self._drafts = drafts
        self._renderer = renderer
        self._checks = checks

    def publish(
        self,
        session: Session,
        actor: Actor,
        *,
        entry_id: uuid.UUID,
        locale: str,
        revision_id: uuid.UUID | None = None,
    ) -> Published:
        """Put a revision live in a locale. Publishing again replaces what is live.

        Args:
            revision_id: the very revision to publish; the present draft when None.

        Raises:
            NotFound: no such entry or revision (`unknown_entry`, `unknown_revision`).
            Conflict: the entry lies in the trash (`entry_in_trash`).
            Unprocessable: `not_publishable`, with each problem at its field.
        """
        entry = self._drafts.lock(session, entry_id)
        revision = session.get(Revision, revision_id or entry.head_revision_id)
        if revision is None or revision.entry_id != entry.id:
            raise unknown_revision()
        content_type = self._types.get(entry.type)
        problems = self._checks.problems(
            session,
            content_type,
            entry_id=entry.id,
            document=revision.document,
            locale=locale,
        )
        if problems:
            raise _not_publishable(problems)
        now = self._platform.clock.now()
        state = self._state(session, entry, locale)
        first = state.first_published_at is None
        previous = session.get(Published, (entry.id, locale), populate_existing=True)
        previous_slug = None if previous is None else previous.slug
        state.first_published_at = state.first_published_at or now
        rendered = self._renderer.render(
            session,
            content_type,
            entry_id=entry.id,
            document=revision.document,
            locale=locale,
            published_at=state.first_published_at,
            updated_at=now,
        )
        row = previous or Published(entry_id=entry.id, locale=locale, type=entry.type)
        row.published_at = state.first_published_at
        row.updated_at = now
        self._store(session, row, rendered, revision)
        self._redirect(session, row, previous_slug, now)
        state.state = State.PUBLISHED
        state.published_revision_id = revision.id
        state.published_hash = self._renderer.digest(content_type, revision.document, locale)
        state.published_at = now
        state.published_by_name = str(getattr(actor, "name", "") or actor.kind)[:200]
        self._platform.audit.record(
            session,
            actor,
            action="cms.entry.published",
            object_type="cms.entry",
            object_id=entry.id,
            after={"locale": locale, "revision": revision.number, "slug": row.slug},
        )
        self._platform.events.publish(
            session,
            EntryPublished(
                entry_id=str(entry.id),
                revision_id=str(revision.id),
                content_type=entry.type,
                locale=locale,
                slug=row.slug,
                title=row.title,
                first=first,
                cache_tags=cache_tags_of(entry.type, entry.id),
                previous_slug=previous_slug if previous_slug != row.slug else None,
            ),
        )
        return row

    def unpublish(
        self, session: Session, actor: Actor, *, entry_id: uuid.UUID, locale: str
    ) -> None:
        """Take an entry off in a locale. Its draft and its history stay.

        Raises:
            NotFound: no such entry (`unknown_entry`).
            Conflict: it is not live there (`not_published`).
        """
        entry = self._drafts.lock(session, entry_id, trashed=True)
        row = session.get(Published, (entry.id, locale), populate_existing=True)
        if row is None:
            raise Conflict(
                gettext("The entry is not live in this language, so there is nothing to take off."),
                code="not_published",
            )
        state = self._state(session, entry, locale)
        state.state = State.ARCHIVED
        state.published_hash = None
        state.published_revision_id = None
        slug, title = row.slug, row.title
        self._clear(session, entry.id, locale)
        session.delete(row)
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="cms.entry.unpublished",
            object_type="cms.entry",
            object_id=entry.id,
            before={"locale": locale, "slug": slug},
        )
        self._platform.events.publish(
            session,
            EntryUnpublished(
                entry_id=str(entry.id),
                content_type=entry.type,
                locale=locale,
                slug=slug,
                title=title,
                cache_tags=cache_tags_of(entry.type, entry.id),
            ),
        )

    def rerender(self, session: Session, entry_ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
        """Make the stored answers of these entries anew, from the revisions that are live.

        Returns:
            Those whose answer changed in some locale: what includes them may change too.
        """
        changed = []
        for entry_id in sorted(set(entry_ids)):
            entry = session.scalar(select(Entry).where(Entry.id == entry_id).with_for_update())
            if entry is None or self._types.find(entry.type) is None:
                continue
            if self._rerender_entry(session, entry):
                changed.append(entry_id)
        return changed

    def dependents(self, session: Session, entry_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Live entries whose stored answers were made with a look at one of these."""
        return list(
            session.scalars(
                select(Dependency.entry_id)
                .where(Dependency.target_id.in_(entry_ids))
                .distinct()
                .order_by(Dependency.entry_id)
            )
        )

    def _rerender_entry(self, session: Session, entry: Entry) -> bool:
        content_type = self._types.get(entry.type)
        rows = session.execute(
            select(Published, EntryLocale, Revision)
            .join(
                EntryLocale,
                (EntryLocale.entry_id == Published.entry_id)
                & (EntryLocale.locale == Published.locale),
            )
            .join(Revision, Revision.id == EntryLocale.published_revision_id)
            .where(Published.entry_id == entry.id)
            .execution_options(populate_existing=True)
        ).all()
        changed = False
        for row, state, revision in rows:
            rendered = self._renderer.render(
                session,
                content_type,
                entry_id=entry.id,
                document=revision.document,
                locale=row.locale,
                published_at=row.published_at,
                updated_at=row.updated_at,
            )
            if rendered.etag == row.etag:
                continue
            self._store(session, row, rendered, revision)
            state.published_hash = self._renderer.digest(
                content_type, revision.document, row.locale
            )
            changed = True
        return changed

    def _store(
        self, session: Session, row: Published, rendered: Rendered, revision: Revision
    ) -> None:
        """Write the bytes, and anew what they are found by and what they were made of."""
        row.slug = rendered.slug
        row.title = rendered.title
        row.search_text = normalise(rendered.title)[:MAX_TITLE]
        row.body = rendered.body
        row.etag = rendered.etag
        session.add(row)
        # Made beforehand: after the error the row cannot be looked at.
        taken = slug_taken(row.locale, rendered.title)
        try:
            session.flush()
        except IntegrityError as error:
            # Another publication took the address between the check and now.
            raise _not_publishable([taken]) from error
        self._clear(session, row.entry_id, row.locale)
        session.add_all(
            self._renderer.values(
                self._types.get(row.type),
                entry_id=row.entry_id,
                document=revision.document,
                locale=row.locale,
            )
        )
        session.add_all(
            Dependency(entry_id=row.entry_id, locale=row.locale, target_id=target)
            for target in rendered.looked_at
        )
        session.flush()

    @staticmethod
    def _clear(session: Session, entry_id: uuid.UUID, locale: str) -> None:
        for table in (PublishedValue, Dependency):
            session.execute(delete(table).where(table.entry_id == entry_id, table.locale == locale))

    @staticmethod
    def _redirect(
        session: Session, row: Published, previous_slug: str | None, now: datetime
    ) -> None:
        """The old address leads on; an address that is live leads nowhere else."""
        session.execute(
            delete(Redirect).where(
                Redirect.type == row.type,
                Redirect.locale == row.locale,
                Redirect.slug == row.slug,
            )
        )
        if previous_slug is None or previous_slug == row.slug:
            return
        values = {"entry_id": row.entry_id, "created_at": now}
        insert = dialect_insert(session, Redirect).values(
            type=row.type, locale=row.locale, slug=previous_slug, **values
        )
        session.execute(
            insert.on_conflict_do_update(index_elements=["type", "locale", "slug"], set_=values)
        )

    @staticmethod
    def _state(session: Session, entry: Entry, locale: str) -> EntryLocale:
        state = session.get(EntryLocale, (entry.id, locale), populate_existing=True)
        if state is None:
            # Only a revision that says something in the locale passes the checks, and saving it
            # made the row; an older revision may name a locale that the draft dropped since.
            state = EntryLocale(entry_id=entry.id, locale=locale, draft_hash="")
            session.add(state)
        return state


def _not_publishable(problems: Sequence[FieldError]) -> Unprocessable:
    return Unprocessable(
        gettext(
            "The entry was not published, because something in it would hurt its readers; mend "
            "what is marked and publish again."
        ),
        code="not_publishable",
        errors=problems,
    )
