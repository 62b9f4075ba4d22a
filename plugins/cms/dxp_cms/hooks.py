"""Hooks of this plugin's own, for others to implement without importing it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dxp.api import FieldError, OnError, Platform, hook


@dataclass(frozen=True, kw_only=True)
class ContentTypesContext:
    """Content types are being collected, at start."""

    platform: Platform


@dataclass(frozen=True, kw_only=True)
class PublishCheckContext:
    """An entry is about to go live in a locale.

    Attributes:
        document: the whole revision: `{"shared": {…}, "locales": {"en": {…}}}`.
        values: by field name, as `locale` sees them; fields without a value are missing.
    """

    session: Session
    platform: Platform
    entry_id: uuid.UUID
    content_type: str
    locale: str
    document: Mapping[str, Any]
    values: Mapping[str, Any]


class CmsHooks:
    """What other plugins may add to content."""

    @hook(on_error=OnError.BOOT, phase="start")
    def cms_content_types(self, ctx: ContentTypesContext) -> Sequence[Mapping[str, Any]]:
        """Declare content types, as data: the same that a type drawn in the admin will be.

        A type has `name`, `label`, `plural`, and optionally `description`, `icon` and
        `title_field` (a required text field, by default `title`). Its `fields` each have `name`,
        `kind` (text, richtext, number, boolean, date, choice, reference, list), `label`, and
        optionally `help`, `required`, `translatable` (True unless said), `filterable`, and the
        options of the kind:

            {"name": "event", "label": _("Event"), "plural": _("Events"), "fields": [
                {"name": "title", "kind": "text", "label": _("Title"), "required": True},
                {"name": "day", "kind": "date", "label": _("Day"), "filterable": True},
                {"name": "about", "kind": "list", "label": _("About"),
                 "of": {"kind": "reference", "to": ["article"]}},
            ]}

        Slug, SEO and tags come by themselves.
        """
        return ()

    @hook(on_error=OnError.ISOLATE, phase="request")
    def cms_publish_checks(self, ctx: PublishCheckContext) -> Sequence[FieldError]:
        """Speak against a publication: each error keeps it back and leads to its field.

        `pointer` is a JSON pointer into the document, such as `/locales/en/body` or
        `/shared/category`; without one the error is shown above the form.
        """
        return ()
