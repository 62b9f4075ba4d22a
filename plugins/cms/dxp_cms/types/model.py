"""A content type: its fields, and what every type has besides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from dxp_cms.fields import KINDS, Field, build_field
from dxp_cms.types.builtin import built_in_fields

RESERVED = frozenset(
    {
        "id",
        "type",
        "slug",
        "locale",
        "seo",
        "seo_title",
        "seo_description",
        "tags",
        "audience",
        "channel",
        "published_at",
        "updated_at",
        "meta",
        "links",
        "draft",
    }
)
"""Members of every entry's answer, present or to come; no field may take their names."""

_TYPE_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}\Z")
_RESERVED_TYPES = frozenset({"drafts", "types", "search", "tags"})


class TypeSchema(Schema):
    """What a type's definition may say."""

    name = fields.String(required=True, validate=validate.Regexp(_TYPE_NAME))
    label = fields.Raw(required=True)
    plural = fields.Raw(required=True)
    description = fields.Raw(load_default="")
    icon = fields.String(load_default="file-earmark-text")
    title_field = fields.String(load_default="title")
    fields_ = fields.List(
        fields.Dict(), required=True, data_key="fields", validate=validate.Length(min=1)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ContentType:
    """One type, whoever defined it.

    Attributes:
        label, plural, description: for editors; may be lazily translated.
        title_field: the text field that stands for the entry in lists and references.
    """

    name: str
    label: Any
    plural: Any
    description: Any
    icon: str
    title_field: str
    fields: tuple[Field, ...]

    @cached_property
    def everything(self) -> Sequence[Field]:
        """The type's own fields, then those that every type has."""
        return (*self.fields, *built_in_fields())

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.everything}

    @property
    def translatable(self) -> Sequence[Field]:
        """Fields of which each locale has its own value."""
        return [field for field in self.everything if field.translatable]

    @property
    def shared(self) -> Sequence[Field]:
        """Fields of which all locales share one value."""
        return [field for field in self.everything if not field.translatable]

    @property
    def filterable(self) -> Sequence[Field]:
        return [field for field in self.everything if field.filterable]

    @property
    def sortable(self) -> Sequence[Field]:
        """Fields by which a list may be sorted: one value with an order."""
        return [field for field in self.filterable if field.kind.ordered]


def build_type(definition: Mapping[str, Any]) -> ContentType:
    """The type that a definition describes.

    Raises:
        ValueError: names the type, what is wrong, and what to do.
    """
    name = definition.get("name", "?")
    try:
        loaded: dict[str, Any] = TypeSchema().load(dict(definition))
        built = tuple(build_field(item) for item in loaded.pop("fields_"))
        content_type = ContentType(**loaded, fields=built)
        _check(content_type)
    except ValidationError as error:
        raise ValueError(
            f"the content type {name!r} is not well defined: {error.messages}"
        ) from error
    except ValueError as error:
        raise ValueError(f"the content type {name!r} is not well defined: {error}") from error
    return content_type


def _check(content_type: ContentType) -> None:
    if content_type.name in _RESERVED_TYPES:
        raise ValueError(f"the name {content_type.name!r} is reserved; take another")
    names = [field.name for field in content_type.fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two fields are named {twice[0]!r}; rename one")
    reserved = sorted(RESERVED.intersection(names))
    if reserved:
        raise ValueError(f"the field name {reserved[0]!r} is reserved; rename the field")
    title = content_type.by_name.get(content_type.title_field)
    if title is None or title.kind is not KINDS["text"] or not title.required:
        raise ValueError(
            f"title_field is {content_type.title_field!r}, which must be a required text field"
        )
