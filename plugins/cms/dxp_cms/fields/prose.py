"""Rich text as a kind of field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from marshmallow import Schema, fields

from dxp.api import gettext
from dxp_cms.fields.base import Faults, Field, FieldKind, RenderContext, one_text, wrong_kind
from dxp_cms.richtext import (
    RichTextError,
    clean_document,
    is_empty_document,
    to_html,
    to_text,
)


class RichTextAnswer(Schema):
    """`json` is the ProseMirror document, `html` the same, ready to be shown."""

    json = fields.Dict(keys=fields.String())
    html = fields.String()


class RichText(FieldKind):
    """Prose: paragraphs, headings, lists, quotations, code, links."""

    name = "richtext"
    widget = "richtext"

    def is_empty(self, value: Any) -> bool:
        if value is None:
            return True
        is_document = isinstance(value, Mapping) and value.get("type") == "doc"
        return is_document and is_empty_document(value)

    def clean(self, field: Field, value: Any, at: str) -> dict[str, Any]:
        try:
            return clean_document(value, at=at)
        except RichTextError as error:
            raise Faults(error.errors) from error

    def read_form(self, field: Field, texts: Sequence[str], at: str) -> Any:
        text = one_text(texts)
        if not text:
            return None
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise wrong_kind(at, gettext("text from the editor")) from None
        return None if is_empty_document(document) else document

    def form_value(self, field: Field, value: Any) -> str:
        return "" if value is None else orjson.dumps(value).decode()

    def render(self, field: Field, value: Any, ctx: RenderContext) -> Any:
        if value is None:
            return None
        # PostgreSQL gives keys back in an order of its own; the bytes must not depend on it.
        document = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return {"json": orjson.Fragment(document), "html": to_html(value)}

    def plain(self, field: Field, value: Any) -> str:
        return "" if value is None else to_text(value)

    def answer(self, field: Field) -> fields.Field[Any]:
        return fields.Nested(RichTextAnswer, allow_none=True)
