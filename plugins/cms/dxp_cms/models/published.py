"""What readers get: stored answers, what they are found by, and what they were made of."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base
from dxp_cms.fields.base import MAX_INDEXED
from dxp_cms.models.entries import MAX_TITLE
from dxp_cms.normalise import MAX_SLUG

# Byte order is the same on both databases; a language's own order is not.
_ORDERED_TEXT = String(MAX_INDEXED).with_variant(String(MAX_INDEXED, collation="C"), "postgresql")


class Published(Base):
    """One entry as it is live in one locale: the very bytes of the answer.

    Attributes:
        published_at: when the locale first went live; the order of most lists.
        updated_at: when these bytes were last made by a publication.
        etag: digest of `body`, without quotes.
    """

    __tablename__ = "cms_published"
    __table_args__ = (
        UniqueConstraint("type", "locale", "slug"),
        Index(None, "type", "locale", "published_at", "entry_id"),
        Index(None, "type", "locale", "updated_at", "entry_id"),
    )

    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cms_entry.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(20), primary_key=True)
    type: Mapped[str] = mapped_column(String(50))
    slug: Mapped[str] = mapped_column(String(MAX_SLUG))
    title: Mapped[str] = mapped_column(String(MAX_TITLE))
    search_text: Mapped[str] = mapped_column(String(MAX_TITLE))
    published_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    etag: Mapped[str] = mapped_column(String(64))


class PublishedValue(Base):
    """One value that a live entry can be filtered or sorted by: text or number, never both.

    A list has several rows for a field; `position` tells them apart. Tags are the field `tags`.
    """

    __tablename__ = "cms_published_value"
    __table_args__ = (
        Index(None, "type", "locale", "field", "text", "entry_id"),
        Index(None, "type", "locale", "field", "number", "entry_id"),
    )

    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cms_entry.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(20), primary_key=True)
    field: Mapped[str] = mapped_column(String(50), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(50))
    text: Mapped[str | None] = mapped_column(_ORDERED_TEXT)
    number: Mapped[float | None] = mapped_column(Float(53))


class Dependency(Base):
    """The stored bytes of an entry in a locale were made with a look at `target_id`.

    Rows exist for targets that were not live too, so that publishing one shows the link.
    """

    __tablename__ = "cms_dependency"
    __table_args__ = (Index(None, "target_id"),)

    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cms_entry.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(20), primary_key=True)
    target_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class Redirect(Base):
    """A slug under which an entry was once live."""

    __tablename__ = "cms_redirect"
    __table_args__ = (Index(None, "entry_id"),)

    type: Mapped[str] = mapped_column(String(50), primary_key=True)
    locale: Mapped[str] = mapped_column(String(20), primary_key=True)
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), primary_key=True)
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cms_entry.id"))
    created_at: Mapped[datetime]
