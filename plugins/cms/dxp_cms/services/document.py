"""The document of a revision: its shape, its check, and what one locale sees of it.

    {"shared": {"category": "news", "tags": ["spring"]},
     "locales": {"en": {"title": "…", "slug": "…", "body": {…}}, "fa": {…}}}

A field that is not translatable lies in `shared`. Empty values are left out.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from dxp.api import FieldError, Unprocessable, gettext
from dxp_cms.fields import Faults, Field
from dxp_cms.models.entries import MAX_TITLE
from dxp_cms.types import ContentType

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """Where a value lies: a field, and its locale unless all locales share it."""

    locale: str | None
    name: str

    @property
    def pointer(self) -> str:
        """JSON pointer into the document."""
        return (
            f"/shared/{self.name}" if self.locale is None else f"/locales/{self.locale}/{self.name}"
        )

    @property
    def key(self) -> str:
        """Name of the form's field: `en.title`, or `tags` for what is shared."""
        return self.name if self.locale is None else f"{self.locale}.{self.name}"


def empty_document() -> Document:
    """A document that says nothing yet."""
    return {"shared": {}, "locales": {}}


def place_of(field: Field, locale: str) -> Place:
    """Where the value lies that `locale` sees of a field."""
    return Place(locale=locale if field.translatable else None, name=field.name)


def value_at(document: Mapping[str, Any], place: Place) -> Any:
    """The value, or None."""
    if place.locale is None:
        return document["shared"].get(place.name)
    return document["locales"].get(place.locale, {}).get(place.name)


def with_values(document: Mapping[str, Any], values: Mapping[Place, Any]) -> Document:
    """A copy in which these places have these values; None takes a value away."""
    changed: Document = {
        "shared": dict(document["shared"]),
        "locales": {locale: dict(part) for locale, part in document["locales"].items()},
    }
    for place, value in values.items():
        part = (
            changed["shared"]
            if place.locale is None
            else changed["locales"].setdefault(place.locale, {})
        )
        if value is None:
            part.pop(place.name, None)
        else:
            part[place.name] = value
    changed["locales"] = {locale: part for locale, part in changed["locales"].items() if part}
    return changed


def places(*documents: Mapping[str, Any]) -> Iterator[Place]:
    """Every place that has a value in one of the documents, each once."""
    found = {
        Place(locale=locale, name=name)
        for document in documents
        for locale, part in ((None, document["shared"]), *document["locales"].items())
        for name in part
    }
    yield from sorted(found, key=lambda place: (place.locale or "", place.name))


def clean_document(
    content_type: ContentType,
    document: object,
    *,
    locales: Sequence[str],
    base: Mapping[str, Any] | None = None,
) -> Document:
    """The document as it is stored, for a draft: values of the right kind, nothing required.

    What `base` holds in fields that the type no longer has, or in locales that are no longer
    offered, stays as it is: a change of the type must not eat what was written.

    Raises:
        Unprocessable: `invalid_document`, with each fault at its pointer.
    """
    errors: list[FieldError] = []
    result = empty_document()
    before = base or empty_document()
    for place, value in _parts(document, errors):
        field = content_type.by_name.get(place.name)
        fits = field is not None and field.translatable == (place.locale is not None)
        known_locale = place.locale is None or place.locale in locales
        if not fits or field is None or not known_locale:
            if value is not None and value_at(before, place) != value:
                errors.append(_unknown(place, content_type, known_locale=known_locale))
            elif value is not None:
                _put(result, place, value)
            continue
        if value is None or field.kind.is_empty(value):
            continue
        try:
            cleaned = field.kind.clean(field, value, place.pointer)
        except Faults as faults:
            errors.extend(faults.errors)
            continue
        if not field.kind.is_empty(cleaned):
            _put(result, place, cleaned)
    if errors:
        raise Unprocessable(
            gettext(
                "The draft was not saved, because some values do not fit their fields; correct "
                "what is marked and save again."
            ),
            code="invalid_document",
            errors=errors,
        )
    return result


def view_of(content_type: ContentType, document: Mapping[str, Any], locale: str) -> dict[str, Any]:
    """The values by field name as one locale sees them; fields without a value are left out."""
    values = {
        field.name: value_at(document, place_of(field, locale)) for field in content_type.everything
    }
    return {name: value for name, value in values.items() if value is not None}


def digest_of(view: Mapping[str, Any]) -> str:
    """A digest of what a locale sees: equal views, equal digests."""
    return hashlib.sha256(orjson.dumps(view, option=orjson.OPT_SORT_KEYS)).hexdigest()


def title_of(content_type: ContentType, document: Mapping[str, Any], locale: str) -> str:
    """The title in a locale, cut to what a column holds; empty when there is none."""
    field = content_type.by_name[content_type.title_field]
    return str(value_at(document, place_of(field, locale)) or "")[:MAX_TITLE]


def references_of(
    content_type: ContentType, document: Mapping[str, Any]
) -> Iterable[tuple[str, uuid.UUID]]:
    """(field, target) pairs in all locales, each once."""
    found: dict[tuple[str, uuid.UUID], None] = {}
    for place in places(document):
        field = content_type.by_name.get(place.name)
        if field is not None:
            value = value_at(document, place)
            found.update(
                {(field.name, target): None for target in field.kind.references(field, value)}
            )
    return found


def _parts(document: object, errors: list[FieldError]) -> Iterator[tuple[Place, Any]]:
    """All (place, value) pairs; notes what is not even a document."""
    if not isinstance(document, Mapping) or not set(document) <= {"shared", "locales"}:
        errors.append(_malformed(""))
        return
    shared = document.get("shared", {})
    locales = document.get("locales", {})
    if not isinstance(shared, Mapping):
        errors.append(_malformed("/shared"))
        shared = {}
    if not isinstance(locales, Mapping):
        errors.append(_malformed("/locales"))
        locales = {}
    for name, value in shared.items():
        yield Place(locale=None, name=str(name)), value
    for locale, part in locales.items():
        if not isinstance(part, Mapping):
            errors.append(_malformed(f"/locales/{locale}"))
            continue
        for name, value in part.items():
            yield Place(locale=str(locale), name=str(name)), value


def _put(document: Document, place: Place, value: Any) -> None:
    if place.locale is None:
        document["shared"][place.name] = value
    else:
        document["locales"].setdefault(place.locale, {})[place.name] = value


def _malformed(pointer: str) -> FieldError:
    return FieldError(
        code="malformed_document",
        detail=gettext(
            "This is no document; send an object with “shared” and “locales”, each an object."
        ),
        pointer=pointer,
    )


def _unknown(place: Place, content_type: ContentType, *, known_locale: bool) -> FieldError:
    if not known_locale:
        detail = gettext(
            "The language “%(locale)s” is not offered here; add it in the settings, or leave it "
            "out.",
            locale=place.locale,
        )
        return FieldError(code="unknown_locale", detail=detail, pointer=place.pointer)
    detail = gettext(
        "The content type “%(type)s” has no such field at this place; leave it out, or move it "
        "between “shared” and the languages.",
        type=content_type.name,
    )
    return FieldError(code="unknown_field", detail=detail, pointer=place.pointer)
