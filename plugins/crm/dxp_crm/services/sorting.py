"""The order of a list of customers: by any column that a view may show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, String, case, cast, func, literal, type_coerce

from dxp.api import json_value
from dxp_crm.models import Customer, FieldDefinition
from dxp_crm.services.visibility import FieldAccess

NEWEST_FIRST = "-created_at"
_COMPARED = 200
"""Characters of a text by which it is sorted; what is longer is alike."""

Keys = list[tuple[Any, str]]


def sort_keys(
    sort: str, access: FieldAccess, definitions: Sequence[FieldDefinition], *, dialect: str
) -> Keys:
    """The keys of a keyset, by which `paginate` and an export sort.

    Whoever has no value comes last, in either direction.

    Args:
        sort: the name of a column, with `-` before it for descending.

    Raises:
        Forbidden: the column is hidden, and an order would tell it (`field_restricted`).
    """
    name, direction = sort.removeprefix("-"), "desc" if sort.startswith("-") else "asc"
    access.check_filter(name)
    last: Keys = [(Customer.subject_id, direction)]
    if name == "created_at":
        return [(Customer.created_at, direction), *last]
    value, lacks = _value(name, definitions, dialect)
    if value is None:
        return [(Customer.created_at, "desc"), (Customer.subject_id, "desc")]
    return [(case((lacks, 1), else_=0), "asc"), (value, direction), *last]


def _value(name: str, definitions: Sequence[FieldDefinition], dialect: str) -> tuple[Any, Any]:
    """What a column is sorted by, never NULL, and whether there is nothing."""
    if name.startswith("fields."):
        found = {f"fields.{item.key}": item for item in definitions}.get(name)
        return (None, None) if found is None else _custom(found, dialect)
    if name == "birthday":
        day = Customer.birthday_month * 100 + Customer.birthday_day
        return func.coalesce(day, 0, type_=Integer), Customer.birthday_day.is_(None)
    if name == "tags":
        first = json_value(Customer.tags, dialect=dialect)
        first = None if first is None else first.item(0)
        return (None, None) if first is None else _text(first.text())
    column = getattr(Customer, name, None)
    return (None, None) if column is None else _text(column)


def _custom(definition: FieldDefinition, dialect: str) -> tuple[Any, Any]:
    value = json_value(Customer.fields, [definition.key], dialect=dialect)
    if value is not None and definition.type == "choices":
        value = value.item(0)
    if value is None:
        return None, None
    if definition.type in ("number", "integer"):
        return func.coalesce(value.number(), 0.0), value.number().is_(None)
    if definition.type == "boolean":
        number = case((value.boolean(), 1), else_=0)
        return number, value.boolean().is_(None)
    return _text(value.text())


def _text(column: Any) -> tuple[Any, Any]:
    text = type_coerce(cast(column, String), String)
    known = func.coalesce(func.lower(text), literal("", String), type_=String)
    return func.substr(known, 1, _COMPARED, type_=String), text.is_(None)
