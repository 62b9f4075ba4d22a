"""What the data of an event holds, by the schema or the payload that its plugin declared."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from marshmallow import Schema, fields, validate

from dxp.api import EventType

DataKind = Literal["text", "number", "money", "boolean", "date", "texts"]
IN_LIST = "[]."
"""Between the name of a list of objects and that of a member: `lines[].sku`."""

_PLAIN: Mapping[Any, DataKind] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    list[str]: "texts",
}


@dataclass(frozen=True, kw_only=True)
class DataField:
    """A member of an event's data that a condition can ask about.

    Attributes:
        name: dotted; behind a list of objects `[].`, as in `lines[].sku`.
        label: the schema's `metadata["label"]`, or the name in words.
        kind: `money` is a decimal number that is written as a text.
        choices: its possible values, when the schema names them.
    """

    name: str
    label: str
    kind: DataKind
    choices: tuple[tuple[str, str], ...] = ()


def data_fields(kind: EventType) -> dict[str, DataField]:
    """The members of the data of a type of event by name, as its schema or payload has them."""
    found = _of_payload(kind) if kind.schema is None else _of_schema(kind.schema)
    return {field.name: field for field in found}


def _of_payload(kind: EventType) -> Iterator[DataField]:
    hints = get_type_hints(kind.payload)
    for field in dataclasses.fields(kind.payload):
        plain = _PLAIN.get(_without_none(hints[field.name]))
        if plain is not None:
            yield DataField(name=field.name, label=_in_words(field.name), kind=plain)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    others = [one for one in get_args(hint) if one is not type(None)]
    return others[0] if len(others) == 1 else hint


def _of_schema(schema: type[Schema], prefix: str = "", *, label: str = "") -> Iterator[DataField]:
    for key, field in schema().fields.items():
        name = f"{prefix}{field.data_key or key}"
        told = field.metadata.get("label")
        words = f"{label}{_in_words(key) if told is None else told}"
        deep = IN_LIST in name or "." in name
        if isinstance(field, fields.List) and not deep:
            inner = field.inner
            if isinstance(inner, fields.Nested):
                yield from _of_schema(type(inner.schema), f"{name}{IN_LIST}", label=f"{words}: ")
            elif isinstance(inner, fields.String):
                yield DataField(name=name, label=words, kind="texts", choices=_choices(inner))
        elif isinstance(field, fields.Nested) and not field.many and not deep:
            yield from _of_schema(type(field.schema), f"{name}.", label=f"{words}: ")
        else:
            kind = _kind_of(field)
            if kind is not None:
                yield DataField(name=name, label=words, kind=kind, choices=_choices(field))


def _kind_of(field: Any) -> DataKind | None:
    if isinstance(field, (fields.DateTime, fields.Date)):
        return "date"
    if isinstance(field, fields.Decimal):
        return "money" if field.as_string else "number"
    if isinstance(field, fields.Number):
        return "number"
    if isinstance(field, fields.Boolean):
        return "boolean"
    return "text" if isinstance(field, (fields.String, fields.UUID)) else None


def _choices(field: Any) -> tuple[tuple[str, str], ...]:
    for check in field.validators:
        if isinstance(check, validate.OneOf):
            labels = [*check.labels, *map(str, check.choices)][: len(list(check.choices))]
            if len(labels) < 50:
                return tuple(zip(map(str, check.choices), map(str, labels), strict=True))
    return ()


def _in_words(name: str) -> str:
    return name.replace("_", " ").capitalize()
