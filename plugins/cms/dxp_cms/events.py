"""What happens to content, for others to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dxp.api import EventRecord, EventType, gettext
from dxp.api import lazy_gettext as _
from dxp.contracts import EventPayload


@dataclass(frozen=True, kw_only=True)
class EntryPublished(EventPayload):
    """An entry went live in a locale, or what was live there was replaced.

    Attributes:
        entry_id, revision_id: UUIDs as text.
        slug: the entry's address; `previous_slug` is set when it changed.
        first: whether the locale was never live before.
        cache_tags: what caches hold of it, to be dropped.
    """

    type: ClassVar[str] = "cms.entry_published"
    entry_id: str
    revision_id: str
    content_type: str
    locale: str
    slug: str
    title: str
    first: bool
    cache_tags: list[str]
    previous_slug: str | None = None


@dataclass(frozen=True, kw_only=True)
class EntryUnpublished(EventPayload):
    """An entry was taken off in a locale. Attributes are those of `EntryPublished`."""

    type: ClassVar[str] = "cms.entry_unpublished"
    entry_id: str
    content_type: str
    locale: str
    slug: str
    title: str
    cache_tags: list[str]


def cache_tags_of(type_name: str, entry_id: object) -> list[str]:
    """Tags of every answer that shows an entry: its own, and that of lists of its type."""
    return [f"cms-{type_name}", f"cms-entry-{entry_id}"]


def _published_line(record: EventRecord) -> str:
    data: Any = record.data
    return gettext("“%(title)s” was published", title=data.get("title", ""))


def _unpublished_line(record: EventRecord) -> str:
    data: Any = record.data
    return gettext("“%(title)s” was taken off", title=data.get("title", ""))


EVENTS = (
    EventType(payload=EntryPublished, label=_("Content published"), summary=_published_line),
    EventType(payload=EntryUnpublished, label=_("Content taken off"), summary=_unpublished_line),
)
