"""References to other entries, and lists of values."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from dxp.api import FieldError, gettext
from dxp_cms.fields.base import Field, FieldKind, RenderContext, one_text, wrong_kind

MAX_ITEMS = 200


class ReferenceOptions(Schema):
    """`to`: types that may be pointed at. `include`: fields of theirs to answer along."""

    to = fields.List(fields.String(), required=True, validate=validate.Length(min=1))
    include = fields.List(fields.String(), load_default=list)


class ReferenceAnswer(Schema):
    """The entry that is pointed at, with the fields of its own that the type includes."""

    class Meta:
        # To OpenAPI this says that there may be other members.
        unknown = EXCLUDE

    id = fields.UUID()
    type = fields.String()
    slug = fields.String()
    title = fields.String()


class Reference(FieldKind):
    """Points at another entry by id. It survives that the target is not live, and then hides."""

    name = "reference"
    options = ReferenceOptions
    indexed = True
    widget = "reference"

    def clean(self, field: Field, value: Any, at: str) -> str:
        try:
            return str(uuid.UUID(value))
        except (AttributeError, TypeError, ValueError):
            raise wrong_kind(at, gettext("the id of an entry")) from None

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> str | None:
        return one_text(texts) or None

    def form_value(self, field: Field, value: Any) -> str:
        return value or ""

    def render(self, field: Field, value: Any, ctx: RenderContext) -> Any:
        if value is None:
            return None
        return ctx.reference(uuid.UUID(value), field.options["include"])

    def references(self, field: Field, value: Any) -> Iterable[uuid.UUID]:
        return (uuid.UUID(value),)

    def index(self, field: Field, value: str) -> Iterable[str]:
        return (value,)

    def parse_filter(self, field: Field, text: str) -> str:
        try:
            return str(uuid.UUID(text))
        except ValueError:
            raise ValueError("must be the id of an entry") from None

    def filter_schema(self, field: Field) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def answer(self, field: Field) -> fields.Field[Any]:
        return fields.Nested(ReferenceAnswer, allow_none=True)


class ListOptions(Schema):
    """`of`: the definition of an item's kind and its options."""

    of = fields.Dict(keys=fields.String(), required=True)
    min_items = fields.Integer(load_default=None, validate=validate.Range(0, MAX_ITEMS))
    max_items = fields.Integer(load_default=None, validate=validate.Range(1, MAX_ITEMS))


class List(FieldKind):
    """Several values of one kind, in order. `options["item"]` is the field of one of them."""

    name = "list"
    options = ListOptions
    indexed = True
    widget = "list"

    def check_field(self, field: Field) -> None:
        item = item_of(field)
        if not item.kind.widget or item.kind.name in ("list", "richtext", "boolean"):
            raise ValueError(f"a list cannot hold values of the kind {item.kind.name!r}")
        item.kind.check_field(replace(item, filterable=field.filterable))

    def clean(self, field: Field, value: Any, at: str) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_kind(at, gettext("a list"))
        if len(value) > MAX_ITEMS:
            raise wrong_kind(at, gettext("a list of at most %(most)s values", most=MAX_ITEMS))
        item = item_of(field)
        given = (
            (place, entry) for place, entry in enumerate(value) if not item.kind.is_empty(entry)
        )
        return [item.kind.clean(item, entry, f"{at}/{place}") for place, entry in given]

    def check_live(self, field: Field, value: Any, at: str) -> Iterable[FieldError]:
        item = item_of(field)
        for place, entry in enumerate(value):
            yield from item.kind.check_live(item, entry, f"{at}/{place}")
        least, most = field.options["min_items"], field.options["max_items"]
        if least is not None and len(value) < least:
            detail = gettext("At least %(least)s values are needed; add some.", least=least)
            yield FieldError(code="too_few", detail=detail, pointer=at)
        if most is not None and len(value) > most:
            detail = gettext("At most %(most)s values are allowed; remove some.", most=most)
            yield FieldError(code="too_many", detail=detail, pointer=at)

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> list[Any]:
        """Choices and references come as one text each, other values one to a line."""
        item = item_of(field)
        if item.kind.name not in ("choice", "reference"):
            texts = [line for text in texts for line in text.splitlines()]
        values = (
            item.kind.read_form(item, [text], f"{at}/{place}")
            for place, text in enumerate(t for t in texts if t.strip())
        )
        return [value for value in values if value is not None]

    def form_value(self, field: Field, value: Any) -> list[Any]:
        item = item_of(field)
        return [item.kind.form_value(item, entry) for entry in value or ()]

    def render(self, field: Field, value: Any, ctx: RenderContext) -> Any:
        item = item_of(field)
        rendered = (item.kind.render(item, entry, ctx) for entry in value or ())
        return [entry for entry in rendered if entry is not None]

    def references(self, field: Field, value: Any) -> Iterable[uuid.UUID]:
        item = item_of(field)
        return (found for entry in value for found in item.kind.references(item, entry))

    def index(self, field: Field, value: Any) -> Iterable[str | float]:
        item = item_of(field)
        return (found for entry in value for found in item.kind.index(item, entry))

    def plain(self, field: Field, value: Any) -> str:
        item = item_of(field)
        return "\n".join(item.kind.plain(item, entry) for entry in value or ())

    def parse_filter(self, field: Field, text: str) -> str | float:
        item = item_of(field)
        return item.kind.parse_filter(item, text)

    def filter_schema(self, field: Field) -> dict[str, Any]:
        item = item_of(field)
        return item.kind.filter_schema(item)

    def answer(self, field: Field) -> fields.Field[Any]:
        item = item_of(field)
        return fields.List(item.kind.answer(item))


def item_of(field: Field) -> Field:
    """The field of one value of a list."""
    item: Field = field.options["item"]
    return item


def item_definition(options: Mapping[str, Any], name: str, label: Any) -> dict[str, Any]:
    """The definition of a list's item as a field of its own."""
    return {"name": name, "label": label} | dict(options["of"])
