"""What editors write: entries, their revisions, and where each locale stands."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id
from dxp_cms.normalise import MAX_SLUG

MAX_TITLE = 500


class State(StrEnum):
    """Where an entry stands in one locale.

    `draft` was never live, `published` is live, `archived` was live and has been taken off.
    """

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class Kind(StrEnum):
    """How a revision came about.

    `stale` is an edit that began from a revision which was no longer the newest: it is kept, but
    it is not the entry's draft.
    """

    SAVE = "save"
    AUTOSAVE = "autosave"
    RESTORE = "restore"
    STALE = "stale"


class Entry(Base):
    """One piece of content in all its locales.

    `head_revision_id` is the present draft. It is no foreign key, because the two tables would
    then need each other's row first; the services are the only writers, and rows of revisions
    that matter are never deleted.
    """

    __tablename__ = "cms_entry"
    __table_args__ = (Index(None, "type", "trashed_at", "updated_at", "id"),)

    id: Mapped[Id]
    type: Mapped[str] = mapped_column(String(50))
    head_revision_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    updated_at: Mapped[datetime]
    updated_by_name: Mapped[str] = mapped_column(String(200))
    trashed_at: Mapped[datetime | None]


class Revision(Base):
    """The whole document of an entry as somebody left it. Rows are never changed.

    Attributes:
        number: counts from 1 within the entry, in order of saving.
        base_id: the revision that the author had before them; None for the first, and when that
            was an autosave which has been pruned since.
        document: `{"shared": {…}, "locales": {"en": {…}}}`; see services/document.py.
        tab: the open page that it was saved from, when it was one: a random text.
        author_key: the actor's key; `author_name` is the name they had then.
        note: why, in the author's or the system's words.
    """

    __tablename__ = "cms_revision"
    __table_args__ = (
        UniqueConstraint("entry_id", "number"),
        Index(None, "base_id"),
        Index(None, "kind", "created_at"),
    )

    id: Mapped[Id]
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cms_entry.id"))
    number: Mapped[int]
    base_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("cms_revision.id", ondelete="SET NULL")
    )
    kind: Mapped[str] = mapped_column(String(20))
    document: Mapped[dict[str, Any]]
    author_key: Mapped[str] = mapped_column(String(100))
    author_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    tab: Mapped[str] = mapped_column(String(40), default="")
    note: Mapped[str] = mapped_column(String(500), default="")


class EntryLocale(Base):
    """Where an entry stands in one locale.

    `draft_hash` and `published_hash` digest what the locale shows in the present draft and in
    what is live; they differ when there is something to publish.
    """

    __tablename__ = "cms_entry_locale"
    __table_args__ = (
        Index(None, "locale", "state"),
        Index(None, "locale", "slug"),
        Index(None, "published_revision_id"),
    )

    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cms_entry.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(20), default=State.DRAFT)
    title: Mapped[str] = mapped_column(String(MAX_TITLE), default="")
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), default="")
    search_text: Mapped[str] = mapped_column(String(MAX_TITLE), default="")
    draft_hash: Mapped[str] = mapped_column(String(64))
    published_hash: Mapped[str | None] = mapped_column(String(64))
    published_revision_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cms_revision.id"))
    first_published_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    published_by_name: Mapped[str] = mapped_column(String(200), default="")


class Reference(Base):
    """The present draft of `entry_id` points at `target_id` in a field: where-used."""

    __tablename__ = "cms_reference"
    __table_args__ = (Index(None, "target_id"),)

    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cms_entry.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(50), primary_key=True)
    target_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
