"""Single values: text, number, boolean, date, choice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates

from dxp.api import FieldError, gettext
from dxp_cms.fields.base import MAX_INDEXED, Field, FieldKind, fault, one_text, wrong_kind
from dxp_cms.normalise import is_slug, slug_of
from dxp_cms.richtext import is_safe_url

MAX_TEXT = 100_000
MAX_NUMBER = 1e15
"""Beyond this, JavaScript's numbers are no longer exact."""


class TextOptions(Schema):
    """`format`: `url` takes only addresses that a page may link to."""

    max_length = fields.Integer(load_default=None, validate=validate.Range(1, MAX_TEXT))
    multiline = fields.Boolean(load_default=False)
    format = fields.String(load_default=None, validate=validate.OneOf(["url"]))


class Text(FieldKind):
    """Plain text; with `multiline` it may have line breaks."""

    name = "text"
    options = TextOptions
    indexed = True
    ordered = True
    widget = "text"

    def check_field(self, field: Field) -> None:
        super().check_field(field)
        if field.filterable and (field.options["max_length"] or MAX_TEXT) > MAX_INDEXED:
            raise ValueError(
                f"a text that is filtered by needs a `max_length` of {MAX_INDEXED} or less"
            )

    def clean(self, field: Field, value: Any, at: str) -> str:
        if not isinstance(value, str):
            raise wrong_kind(at, gettext("text"))
        # PostgreSQL cannot store a NUL, and a lone surrogate is no text at all.
        text = value.replace("\x00", "").encode("utf-8", "replace").decode()
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not field.options["multiline"]:
            text = " ".join(text.split("\n"))
        if len(text) > MAX_TEXT:
            raise fault(
                at,
                "too_long",
                gettext("The text is longer than %(most)s characters; shorten it.", most=MAX_TEXT),
            )
        return text.strip()

    def check_live(self, field: Field, value: Any, at: str) -> Iterable[FieldError]:
        most = field.options["max_length"]
        if most is not None and len(value) > most:
            yield FieldError(
                code="too_long",
                detail=gettext(
                    "The text has %(count)s characters, and at most %(most)s fit; shorten it.",
                    count=len(value),
                    most=most,
                ),
                pointer=at,
            )
        if field.options["format"] == "url" and not is_safe_url(value):
            yield FieldError(
                code="unsafe_url",
                detail=gettext(
                    "This is no address that a page may link to; write one that begins with "
                    "https://, mailto:, tel: or /."
                ),
                pointer=at,
            )

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> str | None:
        return one_text(texts) or None

    def form_value(self, field: Field, value: Any) -> str:
        return value or ""

    def index(self, field: Field, value: str) -> Iterable[str]:
        return (value[:MAX_INDEXED],)

    def answer(self, field: Field) -> fields.Field[Any]:
        return fields.String(allow_none=True)


class Slug(Text):
    """The part of an entry's address that is its own."""

    name = "slug"
    widget = "slug"

    def check_live(self, field: Field, value: Any, at: str) -> Iterable[FieldError]:
        if not is_slug(value):
            yield FieldError(
                code="not_a_slug",
                detail=gettext(
                    "An address has small letters and digits, joined by single hyphens, such as "
                    "“%(example)s”; correct it.",
                    example=slug_of(value) or "spring-news",
                ),
                pointer=at,
            )


class NumberOptions(Schema):
    """`integer`: whole numbers only."""

    integer = fields.Boolean(load_default=False)
    min = fields.Float(load_default=None, allow_none=True)
    max = fields.Float(load_default=None, allow_none=True)


class Number(FieldKind):
    """A number, as JSON knows it."""

    name = "number"
    options = NumberOptions
    indexed = True
    ordered = True
    widget = "number"

    def clean(self, field: Field, value: Any, at: str) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong_kind(at, gettext("a number"))
        if not math.isfinite(value) or abs(value) > MAX_NUMBER:
            raise wrong_kind(at, gettext("a number of at most 15 digits"))
        if field.options["integer"] and value != int(value):
            raise wrong_kind(at, gettext("a whole number"))
        return int(value) if value == int(value) else value

    def check_live(self, field: Field, value: Any, at: str) -> Iterable[FieldError]:
        least, most = field.options["min"], field.options["max"]
        if (least is not None and value < least) or (most is not None and value > most):
            yield FieldError(code="out_of_range", detail=_range(least, most), pointer=at)

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> int | float | None:
        text = one_text(texts)
        if not text:
            return None
        try:
            return int(text) if text.lstrip("-").isdecimal() else float(text)
        except ValueError:
            raise wrong_kind(at, gettext("a number")) from None

    def form_value(self, field: Field, value: Any) -> str:
        return "" if value is None else str(value)

    def index(self, field: Field, value: float) -> Iterable[float]:
        return (float(value),)

    def parse_filter(self, field: Field, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError("must be a number, such as 10 or 2.5")
        return number

    def filter_schema(self, field: Field) -> dict[str, Any]:
        return {"type": "number"}

    def answer(self, field: Field) -> fields.Field[Any]:
        kind = fields.Integer if field.options["integer"] else fields.Float
        return kind(allow_none=True)


class Boolean(FieldKind):
    """Yes or no; a boolean that was never set is no."""

    name = "boolean"
    default = False
    indexed = True
    widget = "boolean"

    def clean(self, field: Field, value: Any, at: str) -> bool:
        if not isinstance(value, bool):
            raise wrong_kind(at, gettext("yes or no"))
        return value

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> bool:
        return one_text(texts) not in ("", "0", "false")

    def form_value(self, field: Field, value: Any) -> bool:
        return bool(value)

    def index(self, field: Field, value: bool) -> Iterable[str]:
        return ("true" if value else "false",)

    def plain(self, field: Field, value: Any) -> str:
        return gettext("Yes") if value else gettext("No")

    def parse_filter(self, field: Field, text: str) -> str:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text

    def filter_schema(self, field: Field) -> dict[str, Any]:
        return {"type": "boolean"}

    def answer(self, field: Field) -> fields.Field[Any]:
        return fields.Boolean()


class Date(FieldKind):
    """A day, without a time or a zone, as ISO 8601."""

    name = "date"
    indexed = True
    ordered = True
    widget = "date"

    def clean(self, field: Field, value: Any, at: str) -> str:
        try:
            return _iso_day(value)
        except (TypeError, ValueError):
            raise wrong_kind(at, gettext("a date such as 2026-03-21")) from None

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> str | None:
        return one_text(texts) or None

    def form_value(self, field: Field, value: Any) -> str:
        return value or ""

    def index(self, field: Field, value: str) -> Iterable[str]:
        return (value,)

    def parse_filter(self, field: Field, text: str) -> str:
        try:
            return _iso_day(text)
        except ValueError:
            raise ValueError("must be a date such as 2026-03-21") from None

    def filter_schema(self, field: Field) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def answer(self, field: Field) -> fields.Field[Any]:
        return fields.Date(allow_none=True)


class ChoiceSchema(Schema):
    """One of the choices. `value` is stored and answered, `label` is for editors."""

    value = fields.String(required=True, validate=validate.Length(1, MAX_INDEXED))
    label = fields.Raw(required=True)


class ChoiceOptions(Schema):
    """`choices`: one at least, each value once."""

    choices = fields.List(
        fields.Nested(ChoiceSchema), required=True, validate=validate.Length(min=1)
    )

    @validates("choices")
    def _values_differ(self, choices: Sequence[Mapping[str, Any]], **_kwargs: Any) -> None:
        if len({choice["value"] for choice in choices}) < len(choices):
            raise ValidationError("Two choices have the same value.")


class Choice(FieldKind):
    """One of a few values."""

    name = "choice"
    options = ChoiceOptions
    indexed = True
    widget = "choice"

    @staticmethod
    def values(field: Field) -> list[str]:
        """What can be chosen."""
        return [choice["value"] for choice in field.options["choices"]]

    def clean(self, field: Field, value: Any, at: str) -> str:
        if not isinstance(value, str):
            raise wrong_kind(at, gettext("one of the choices"))
        return value[:MAX_INDEXED]

    def check_live(self, field: Field, value: Any, at: str) -> Iterable[FieldError]:
        # A draft may keep a choice that the type no longer offers: dropping it is not ours.
        if value not in self.values(field):
            yield FieldError(
                code="no_such_choice",
                detail=gettext(
                    "“%(value)s” is not offered any more; choose another value.", value=value
                ),
                pointer=at,
            )

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> str | None:
        return one_text(texts) or None

    def form_value(self, field: Field, value: Any) -> str:
        return value or ""

    def index(self, field: Field, value: str) -> Iterable[str]:
        return (value,)

    def plain(self, field: Field, value: Any) -> str:
        labels = {c["value"]: str(c["label"]) for c in field.options["choices"]}
        return "" if value is None else labels.get(value, value)

    def parse_filter(self, field: Field, text: str) -> str:
        known = self.values(field)
        if text not in known:
            raise ValueError(f"must be one of: {', '.join(known)}")
        return text

    def filter_schema(self, field: Field) -> dict[str, Any]:
        return {"type": "string", "enum": self.values(field)}

    def answer(self, field: Field) -> fields.Field[Any]:
        return fields.String(allow_none=True, metadata={"enum": [*self.values(field), None]})


def _iso_day(value: str) -> str:
    day = date.fromisoformat(value).isoformat()
    if day != value:
        raise ValueError(value)
    return day


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return gettext("The number must be %(most)s or less; lower it.", most=f"{most:g}")
    if most is None:
        return gettext("The number must be %(least)s or more; raise it.", least=f"{least:g}")
    return gettext(
        "The number must lie between %(least)s and %(most)s; correct it.",
        least=f"{least:g}",
        most=f"{most:g}",
    )
