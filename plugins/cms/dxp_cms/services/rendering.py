"""From a revision to the bytes that the API answers."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Platform
from dxp_cms.models import Published, PublishedValue
from dxp_cms.services.document import digest_of, title_of, view_of
from dxp_cms.types import ContentType, TypeRegistry

SUMMARY = ("id", "type", "slug", "title")


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """One entry in one locale, ready to be stored or answered.

    Attributes:
        looked_at: entries whose state went into the bytes, live or not.
    """

    body: bytes
    etag: str
    title: str
    slug: str
    looked_at: frozenset[uuid.UUID]


class Renderer:
    """Renders documents. Of references it takes the summary and what the field includes.

    What is included comes from the stored bytes of the target; references inside of it are cut
    back to their summaries, so that two entries that include each other do not grow for ever.
    """

    def __init__(self, platform: Platform, types: TypeRegistry) -> None:
        self._platform = platform
        self._types = types

    def render(
        self,
        session: Session,
        content_type: ContentType,
        *,
        entry_id: uuid.UUID,
        document: Mapping[str, Any],
        locale: str,
        published_at: datetime | None,
        updated_at: datetime,
        draft: bool = False,
    ) -> Rendered:
        """The answer for a document as `locale` sees it.

        Args:
            published_at: when the locale first went live; None for a draft that never was.
            draft: mark the answer as one that readers must not see.
        """
        view = view_of(content_type, document, locale)
        targets = {
            target
            for field in content_type.fields
            if field.name in view
            for target in field.kind.references(field, view[field.name])
        }
        bodies = self._bodies(session, targets, locale)
        context = _Context(types=self._types, bodies=bodies)
        answer: dict[str, Any] = {
            "id": str(entry_id),
            "type": content_type.name,
            "locale": locale,
            "slug": view.get("slug"),
        }
        for field in content_type.fields:
            value = view.get(field.name, field.kind.default)
            answer[field.name] = field.kind.render(field, value, context)
        answer["tags"] = view.get("tags", [])
        answer["seo"] = {
            "title": view.get("seo_title"),
            "description": view.get("seo_description"),
        }
        answer["published_at"] = published_at
        answer["updated_at"] = updated_at
        if draft:
            answer["draft"] = True
        body = orjson.dumps(answer, option=orjson.OPT_UTC_Z)
        return Rendered(
            body=body,
            etag=hashlib.sha256(body).hexdigest()[:32],
            title=title_of(content_type, document, locale),
            slug=str(view.get("slug", "")),
            looked_at=frozenset(targets),
        )

    def values(
        self,
        content_type: ContentType,
        *,
        entry_id: uuid.UUID,
        document: Mapping[str, Any],
        locale: str,
    ) -> list[PublishedValue]:
        """What the entry can be filtered and sorted by."""
        view = view_of(content_type, document, locale)
        rows = []
        for field in content_type.filterable:
            value = view.get(field.name, field.kind.default)
            found = () if value is None else field.kind.index(field, value)
            for position, key in enumerate(dict.fromkeys(found)):
                rows.append(
                    PublishedValue(
                        entry_id=entry_id,
                        locale=locale,
                        type=content_type.name,
                        field=field.name,
                        position=position,
                        text=key if isinstance(key, str) else None,
                        number=None if isinstance(key, str) else key,
                    )
                )
        return rows

    @staticmethod
    def digest(content_type: ContentType, document: Mapping[str, Any], locale: str) -> str:
        """A digest of what went into the bytes, references apart."""
        return digest_of(view_of(content_type, document, locale))

    def _bodies(
        self, session: Session, targets: Iterable[uuid.UUID], locale: str
    ) -> dict[uuid.UUID, dict[str, Any]]:
        """What is live of the targets, each in the nearest locale, in one query."""
        wanted = list(targets)
        if not wanted:
            return {}
        chain = self._platform.settings.locale.chain(locale)
        rows = session.execute(
            select(Published.entry_id, Published.locale, Published.title, Published.body).where(
                Published.entry_id.in_(wanted), Published.locale.in_(chain)
            )
        ).all()
        farthest_first = sorted(rows, key=lambda row: -chain.index(row.locale))
        return {
            row.entry_id: orjson.loads(row.body) | {"title": row.title} for row in farthest_first
        }


@dataclass(frozen=True, kw_only=True)
class _Context:
    """The `RenderContext` of one rendering."""

    types: TypeRegistry
    bodies: Mapping[uuid.UUID, Mapping[str, Any]]

    def reference(self, target_id: uuid.UUID, include: Sequence[str]) -> Mapping[str, Any] | None:
        body = self.bodies.get(target_id)
        if body is None:
            return None
        target = self.types.find(str(body["type"]))
        included = {
            name: _without_includes(body.get(name), target, name)
            for name in include
            if name not in SUMMARY
        }
        return {name: body[name] for name in SUMMARY} | included


def _without_includes(value: Any, target: ContentType | None, name: str) -> Any:
    """References inside of an included value, cut back to their summaries."""
    field = None if target is None else target.by_name.get(name)
    if field is None or field.options.get("item", field).kind.name != "reference":
        return value
    if isinstance(value, list):
        return [_summary(item) for item in value]
    return None if value is None else _summary(value)


def _summary(reference: Mapping[str, Any]) -> dict[str, Any]:
    return {name: reference.get(name) for name in SUMMARY}
