"""All kinds by name, and making a field from its definition."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

from dxp_cms.fields.base import Field, FieldKind
from dxp_cms.fields.prose import RichText
from dxp_cms.fields.relations import List, Reference, item_definition
from dxp_cms.fields.scalars import Boolean, Choice, Date, Number, Text

KINDS: Mapping[str, FieldKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Text(),
            RichText(),
            Number(),
            Boolean(),
            Date(),
            Choice(),
            Reference(),
            List(),
        )
    }
)
NAME = r"[a-z][a-z0-9_]{0,49}"


class FieldSchema(Schema):
    """What every field's definition may say; the kind's own options stand beside."""

    class Meta:
        unknown = INCLUDE

    name = fields.String(required=True, validate=validate.Regexp(rf"{NAME}\Z"))
    kind = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    label = fields.Raw(required=True)
    help = fields.Raw(load_default="")
    required = fields.Boolean(load_default=False)
    translatable = fields.Boolean(load_default=True)
    filterable = fields.Boolean(load_default=False)


_FIELD = FieldSchema()
_OPTIONS: Mapping[str, Schema] = {name: kind.options() for name, kind in KINDS.items()}


def build_field(definition: Mapping[str, Any]) -> Field:
    """The field that a definition describes.

    Raises:
        ValueError: names the part that is wrong.
    """
    try:
        loaded: dict[str, Any] = _FIELD.load(dict(definition))
        common = {name: loaded.pop(name) for name in _FIELD.fields}
        kind = KINDS[common.pop("kind")]
        options: dict[str, Any] = _OPTIONS[kind.name].load(loaded)
    except ValidationError as error:
        name = definition.get("name", "?")
        raise ValueError(f"the field {name!r} is not well defined: {error.messages}") from error
    if "of" in options:
        options["item"] = build_field(item_definition(options, common["name"], common["label"]))
    field = Field(**common, kind=kind, options=options)
    try:
        kind.check_field(field)
    except ValueError as error:
        raise ValueError(f"the field {field.name!r}: {error}") from error
    return field
