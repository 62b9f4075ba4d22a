"""Checking the data of events fast: what is plainly right does not go through marshmallow.

A schema remains the one word on what is right. From a schema of ordinary fields a function is made
that takes data which the schema would take without a remark, and gives what the schema would load
and dump; about anything else it says nothing, and the schema is asked. On a batch of a thousand
events this is most of the time that checking takes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, missing

Check = Callable[[Any], Any]
"""From a raw value to the dumped one. Raises `Doubt`, or what the field's own code raises."""

_DOUBTFUL = (ValidationError, TypeError, ValueError, ArithmeticError, AttributeError)
# Fields that look at nothing but the value, so that they can be used without their schema.
_OWN_CODE = (
    fields.Decimal,
    fields.Float,
    fields.Integer,
    fields.Boolean,
    fields.UUID,
    fields.String,
    fields.Email,
    fields.Url,
    fields.Date,
    fields.Time,
    fields.DateTime,
    fields.AwareDateTime,
    fields.Dict,
)
_OVERRIDABLE = ("load", "dump", "_do_load", "_deserialize", "_serialize", "get_attribute")


class Doubt(ValueError):
    """The schema itself has to look at the value."""


class DataCheck:
    """Checks data against a schema, and gives it as the schema loads and dumps it.

    Attributes:
        quick: whether the schema is of the ordinary kind that has a short way.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._check: Check | None = None
        try:
            self._check = _schema_check(schema)
        except Doubt:
            self.quick = False
        else:
            self.quick = True

    def __call__(self, data: object) -> dict[str, Any]:
        """The data, ready to be stored.

        Raises:
            ValidationError: it does not fit the schema.
        """
        dumped: dict[str, Any]
        if self._check is not None:
            try:
                dumped = self._check(data)
            except _DOUBTFUL:
                pass
            else:
                return dumped
        dumped = self._schema.dump(self._schema.load(data))  # type: ignore[arg-type]
        return dumped


def _schema_check(schema: Schema) -> Check:
    changed = [
        name for name in _OVERRIDABLE if getattr(type(schema), name) is not getattr(Schema, name)
    ]
    plain = schema.unknown == RAISE and not schema.many and not schema.partial
    if changed or not plain or any(schema._hooks.values()):
        raise Doubt
    if schema.load_fields.keys() != schema.dump_fields.keys():
        raise Doubt
    members = [(name, *_member_check(field)) for name, field in schema.load_fields.items()]
    known = frozenset(schema.load_fields)

    def check(data: Any) -> dict[str, Any]:
        if type(data) is not dict or not data.keys() <= known:
            raise Doubt
        found = {}
        for name, member, default in members:
            value = data.get(name, missing)
            if value is not missing:
                found[name] = member(value)
            elif default is not None:
                value = default()
                if value is not missing:
                    found[name] = value
        return found

    return check


def _member_check(field: fields.Field[Any]) -> tuple[Check, Callable[[], Any] | None]:
    """The check of a member, and what gives the dumped value of a member that was left out."""
    if field.data_key is not None or field.attribute is not None:
        raise Doubt
    if field.load_only or field.dump_only or field.dump_default is not missing:
        raise Doubt
    check = _value_check(field)
    if field.required:
        return check, _refuse
    preset = field.load_default
    if preset is missing:
        return check, None
    if callable(preset):
        return check, lambda: field._serialize(preset(), "", None)
    return check, lambda: field._serialize(preset, "", None)


def _refuse() -> Any:
    raise Doubt


def _value_check(field: Any) -> Check:
    kind = type(field)
    if kind is fields.Nested and not field.many:
        check = _nullable(_schema_check(field.schema), field)
    elif kind is fields.List:
        check = _nullable(_list_check(field), field)
    elif kind is fields.String:
        check = _nullable(_typed(str, field.validators), field)
    elif kind is fields.Integer and not field.as_string:
        check = _nullable(_typed(int, field.validators), field)
    elif kind is fields.UUID:
        check = _nullable(_uuid_check(field.validators), field)
    elif kind in _OWN_CODE:
        return lambda value: field._serialize(field.deserialize(value), "", None)
    else:
        raise Doubt
    return check


def _nullable(check: Check, field: fields.Field[Any]) -> Check:
    if not field.allow_none:
        return check
    return lambda value: None if value is None else check(value)


def _typed(kind: type, validators: Sequence[Callable[[Any], Any]]) -> Check:
    """JSON's own type, exactly: `True` is no integer, and a schema may take `"5"` for 5."""

    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Doubt
        for validate in validators:
            validate(value)
        return value

    return check


def _uuid_check(validators: Sequence[Callable[[Any], Any]]) -> Check:
    def check(value: Any) -> str:
        if type(value) is not str:
            raise Doubt
        found = uuid.UUID(value)
        for validate in validators:
            validate(found)
        return str(found)

    return check


def _list_check(field: Any) -> Check:
    inner: Check = _value_check(field.inner)
    validators: Sequence[Callable[[Any], Any]] = field.validators

    def check(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Doubt
        found = [inner(item) for item in value]
        for validate in validators:
            validate(found)
        return found

    return check
