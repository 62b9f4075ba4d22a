"""What OpenAPI says of each content type: its answer, and the parameters of its list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from dxp_cms.fields import Field
from dxp_cms.services.reading import Filter
from dxp_cms.types import ContentType

RANGE_OPERATORS = ("gt", "gte", "lt", "lte")
BUILT_IN_SORTS = ("published_at", "updated_at")
MAX_IN = 50


class SeoAnswer(Schema):
    """What search engines should show; None falls back to the title and the summary."""

    title = fields.String(allow_none=True)
    description = fields.String(allow_none=True)


class FilterValue(fields.Field[Filter]):
    """One filter parameter, read as its field's kind reads it."""

    def __init__(self, field: Field, operator: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._filtered = field
        self._operator = operator

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Filter:
        texts = str(value).split(",") if self._operator == "in" else [str(value)]
        if len(texts) > MAX_IN:
            raise ValidationError(f"Names more than {MAX_IN} values.")
        try:
            values = tuple(self._filtered.kind.parse_filter(self._filtered, t) for t in texts)
        except ValueError as error:
            raise ValidationError(f"The value {error}.") from error
        return Filter(field=self._filtered.name, operator=self._operator, values=values)


class Names(fields.Field[tuple[str, ...]]):
    """Names separated by commas, each one of those that are known."""

    def __init__(self, known: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._known = known

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",")))
        unknown = [name for name in names if name not in self._known]
        if unknown:
            raise ValidationError(f"Has no field {unknown[0]!r}; known: {', '.join(self._known)}.")
        return names


def answer_schema(content_type: ContentType) -> Schema:
    """The answer of one live entry."""
    return _schema(content_type, "", _members(content_type))


def draft_schema(content_type: ContentType) -> Schema:
    """The answer of a draft, in which anything may be missing still."""
    members = _members(content_type) | {
        "slug": fields.String(required=True, allow_none=True),
        "published_at": fields.DateTime(required=True, allow_none=True),
        "draft": fields.Boolean(required=True),
    }
    return _schema(content_type, "Draft", members)


def entry_query(content_type: ContentType) -> Schema:
    """Parameters of one entry."""
    return _schema(content_type, "EntryQuery", _common(content_type))


def list_query(content_type: ContentType) -> Schema:
    """Parameters of the list: each filter is one of its own, so that OpenAPI can name it."""
    members = _common(content_type)
    sorts = [*BUILT_IN_SORTS, *(field.name for field in content_type.sortable)]
    members["sort"] = fields.String(
        load_default="-published_at",
        validate=validate.OneOf([sign + name for name in sorts for sign in ("", "-")]),
        metadata={"description": "What to sort by; a minus turns the order around."},
    )
    for field in content_type.filterable:
        for operator in _operators(field):
            suffix = "" if operator == "eq" else f"[{operator}]"
            members[f"filter_{field.name}_{operator}"] = FilterValue(
                field,
                operator,
                data_key=f"filter[{field.name}]{suffix}",
                metadata={
                    "description": _filter_text(field, operator),
                    **({"type": "string"} if operator == "in" else field.kind.filter_schema(field)),
                },
            )
    return _schema(content_type, "ListQuery", members)


def filters_of(query: dict[str, Any]) -> list[Filter]:
    """The filters among loaded parameters."""
    return [value for value in query.values() if isinstance(value, Filter)]


def _common(content_type: ContentType) -> dict[str, Any]:
    return {
        "fallback": fields.String(
            load_default="auto",
            validate=validate.OneOf(["auto", "none"]),
            metadata={
                "description": "`auto` answers in the locale that the wanted one falls back to, "
                "when there is nothing in it; `none` does not."
            },
        ),
        "fields": Names(
            (
                "slug",
                *(field.name for field in content_type.fields),
                "tags",
                "seo",
                "published_at",
                "updated_at",
            ),
            load_default=(),
            metadata={
                "description": "Only these members, separated by commas; `id`, `type` and "
                "`locale` always come.",
                "type": "string",
            },
        ),
    }


def _operators(field: Field) -> Iterator[str]:
    yield "eq"
    kind = field.options["item"].kind if "item" in field.options else field.kind
    if kind.name != "boolean":
        yield "in"
    if kind.name in ("number", "date"):
        yield from RANGE_OPERATORS


def _filter_text(field: Field, operator: str) -> str:
    words = {
        "eq": "equal to this value",
        "in": "equal to one of these values, separated by commas",
        "gt": "greater than this",
        "gte": "this or greater",
        "lt": "less than this",
        "lte": "this or less",
    }
    return f"Only entries with `{field.name}` {words[operator]}."


def _members(content_type: ContentType) -> dict[str, Any]:
    members: dict[str, Any] = {
        "id": fields.UUID(required=True),
        "type": fields.String(required=True, validate=validate.Equal(content_type.name)),
        "locale": fields.String(
            required=True, metadata={"description": "The locale that is served."}
        ),
        "slug": fields.String(required=True),
    }
    for field in content_type.fields:
        described = field.kind.answer(field)
        described.required = True
        described.metadata = {
            "description": str(field.help or field.label),
            **described.metadata,
        }
        members[field.name] = described
    return members | {
        "tags": fields.List(fields.String(), required=True),
        "seo": fields.Nested(SeoAnswer, required=True),
        "published_at": fields.DateTime(required=True),
        "updated_at": fields.DateTime(required=True),
    }


def _schema(content_type: ContentType, suffix: str, members: dict[str, Any]) -> Schema:
    """A schema named after the type; its module tells OpenAPI whose it is."""
    words = "".join(word.capitalize() for word in content_type.name.split("_"))
    built = Schema.from_dict(members, name=f"{words}{suffix}")
    built.__module__ = __name__
    return built()
