"""What keeps a draft from going live: each problem at its field."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import FieldError, Platform, gettext
from dxp_cms.fields import Field
from dxp_cms.hooks import CmsHooks, PublishCheckContext
from dxp_cms.models import Entry, Published
from dxp_cms.services.document import Place, place_of, view_of
from dxp_cms.types import ContentType


class PublishChecks:
    """The plugin's own checks, then those that other plugins add."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def problems(
        self,
        session: Session,
        content_type: ContentType,
        *,
        entry_id: uuid.UUID,
        document: Mapping[str, Any],
        locale: str,
    ) -> list[FieldError]:
        """Everything that speaks against publishing a document in a locale."""
        view = view_of(content_type, document, locale)
        found = list(_field_problems(content_type, view, locale))
        found += self._slug_problems(session, content_type, entry_id, view, locale)
        found += _broken_references(session, content_type, view, locale)
        context = PublishCheckContext(
            session=session,
            platform=self._platform,
            entry_id=entry_id,
            content_type=content_type.name,
            locale=locale,
            document=document,
            values=view,
        )
        for answer in self._platform.plugins.call(CmsHooks.cms_publish_checks, context):
            found += answer.value
        return found

    @staticmethod
    def _slug_problems(
        session: Session,
        content_type: ContentType,
        entry_id: uuid.UUID,
        view: Mapping[str, Any],
        locale: str,
    ) -> Sequence[FieldError]:
        if "slug" not in view:
            return ()
        owner = session.execute(
            select(Published.entry_id, Published.title).where(
                Published.type == content_type.name,
                Published.locale == locale,
                Published.slug == view["slug"],
                Published.entry_id != entry_id,
            )
        ).first()
        return () if owner is None else (slug_taken(locale, owner.title),)


def slug_taken(locale: str, title: str) -> FieldError:
    """The problem of an address that another live entry has."""
    return FieldError(
        code="slug_taken",
        detail=gettext(
            "“%(title)s” already has this address in this language; choose another one.",
            title=title,
        ),
        pointer=Place(locale=locale, name="slug").pointer,
    )


def _field_problems(
    content_type: ContentType, view: Mapping[str, Any], locale: str
) -> Iterator[FieldError]:
    for field in content_type.everything:
        pointer = place_of(field, locale).pointer
        value = view.get(field.name)
        if value is not None:
            yield from field.kind.check_live(field, value, pointer)
        elif field.required:
            yield FieldError(
                code="required",
                detail=gettext(
                    "“%(label)s” is empty, and readers need it; fill it in.", label=field.label
                ),
                pointer=pointer,
            )


def _broken_references(
    session: Session, content_type: ContentType, view: Mapping[str, Any], locale: str
) -> list[FieldError]:
    """References to entries that are gone or of another type. A draft is a fair target."""
    pointed = [
        (field, target)
        for field in content_type.fields
        if field.name in view
        for target in field.kind.references(field, view[field.name])
    ]
    if not pointed:
        return []
    known = {
        row.id: row.type
        for row in session.execute(
            select(Entry.id, Entry.type).where(
                Entry.id.in_({target for _, target in pointed}), Entry.trashed_at.is_(None)
            )
        )
    }
    return [
        FieldError(
            code="broken_reference",
            detail=gettext(
                "“%(label)s” points at an entry that is gone or of another type; choose another "
                "one or clear the field.",
                label=field.label,
            ),
            pointer=place_of(field, locale).pointer,
        )
        for field, target in pointed
        if known.get(target) not in _targets(field)
    ]


def _targets(field: Field) -> Sequence[str]:
    wanted: Sequence[str] = field.options.get("item", field).options["to"]
    return wanted
