"""Published content as other plugins may read it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class PublishedEntry:
    """One entry in one locale, as the API answers it.

    Attributes:
        body: the stored JSON bytes of the entry.
        etag: strong validator of `body`, without quotes.
        locale: the locale that is served, after fallback.
    """

    id: uuid.UUID
    type: str
    slug: str
    title: str
    locale: str
    body: bytes
    etag: str


class PublishedContent(Protocol):
    """Reads what is live."""

    def by_ids(
        self, session: Session, ids: Sequence[uuid.UUID], *, locale: str
    ) -> Mapping[uuid.UUID, PublishedEntry]:
        """Those of `ids` that are live in `locale` or a locale it falls back to."""

    def by_slug(
        self, session: Session, type_name: str, slug: str, *, locale: str
    ) -> PublishedEntry | None:
        """The live entry of a type by its slug."""

    def choices(self, session: Session, *, query: str, locale: str) -> Sequence[PublishedEntry]:
        """Live entries whose title contains `query`, at most 20, for choosers."""
