"""What lists are filtered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from dxp.api import BadRequest, FieldError, Unprocessable
from dxp_crm.models import FieldDefinition
from dxp_crm.services.fields import check_fields
from dxp_crm.services.visibility import FieldAccess


@dataclass(frozen=True, kw_only=True)
class RecordFilter:
    """Which organisations to list; what is None or empty does not restrict.

    Attributes:
        text: part of what the record is searched by.
        values: of custom fields by key, as text.
    """

    number: str | None = None
    text: str = ""
    tag: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CustomerFilter(RecordFilter):
    """Which customers to list; `number` does not apply."""

    ref: str | None = None
    email: str | None = None


def field_clauses(
    session: Session,
    *,
    record: str,
    column: Any,
    definitions: Sequence[FieldDefinition],
    wanted: Mapping[str, str],
    access: FieldAccess,
) -> list[ColumnElement[bool]]:
    """Conditions for values of custom fields: equal to, or for several choices, containing.

    PostgreSQL answers them from an index; SQLite looks at the values of each row.

    Raises:
        BadRequest: there is no such field, or the value does not fit it (`unknown_filter`).
        Forbidden: the field is hidden (`field_restricted`).
    """
    for key in wanted:
        access.check_filter(f"fields.{key}", record=record)
    try:
        values = check_fields(definitions, wanted, from_text=True)
    except Unprocessable as problem:
        raise BadRequest(
            "The list was not made, because a filter names no field or a value that does not fit "
            "it; correct what `errors` names",
            code="unknown_filter",
            errors=[
                FieldError(
                    parameter=f"filter[field.{(error.pointer or '').removeprefix('/fields/')}]",
                    code=error.code,
                    detail=error.detail,
                )
                for error in problem.errors
            ],
        ) from problem
    postgresql = session.get_bind().dialect.name == "postgresql"
    given = {key: value for key, value in values.items() if value is not None}
    if postgresql:
        return [type_coerce(column, JSONB).contains({k: v}) for k, v in given.items()]
    return [_on_sqlite(column, key, value) for key, value in given.items()]


def _on_sqlite(values: Any, key: str, value: Any) -> ColumnElement[bool]:
    path = f'$."{key}"'
    if not isinstance(value, list):
        equal: ColumnElement[bool] = func.json_extract(values, path) == value
        return equal
    items = func.json_each(values, path).table_valued("value")
    return and_(*(exists().select_from(items).where(items.c.value == item) for item in value))
