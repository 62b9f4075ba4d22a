"""What every kind of field can do, and the field itself."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from marshmallow import Schema, fields

from dxp.api import FieldError, gettext

MAX_INDEXED = 200
"""Characters of a text that can be filtered by; longer ones do not fit an index."""


class Faults(Exception):
    """A value does not fit its field."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(error.detail for error in errors))
        self.errors = tuple(errors)


def fault(at: str, code: str, detail: str) -> Faults:
    """One fault at a JSON pointer."""
    return Faults([FieldError(code=code, detail=detail, pointer=at)])


class RenderContext(Protocol):
    """What a kind may ask for while an entry is rendered for its readers."""

    def reference(self, target_id: uuid.UUID, include: Sequence[str]) -> Mapping[str, Any] | None:
        """The summary of a live entry, with the values of `include`; None when it is not live."""


class FieldOptions(Schema):
    """Options that a kind without options of its own takes: none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """One field of a content type.

    Attributes:
        label, help: for editors; may be lazily translated.
        required: publishing needs a value; a draft does not.
        translatable: each locale has its own value; otherwise all share one.
        filterable: the API offers `filter[name]`, and sorting where the kind has an order.
        options: checked by the kind's `options` schema.
    """

    name: str
    kind: FieldKind
    label: Any
    help: Any = ""
    required: bool = False
    translatable: bool = True
    filterable: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


class FieldKind(ABC):
    """A kind of value. Instances hold no state; fields carry the options.

    Attributes:
        name: as it is written in a type's definition.
        options: schema of what a field of this kind may be told.
        default: stands for a value that was never given.
        indexed: values may be filtered by.
        ordered: filtering by range and sorting make sense.
        widget: how the edit page draws it; a macro of `cms/fields.html`.
    """

    name: ClassVar[str]
    options: ClassVar[type[Schema]] = FieldOptions
    default: ClassVar[Any] = None
    indexed: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    widget: ClassVar[str]

    def check_field(self, field: Field) -> None:
        """Refuse options that contradict one another.

        Raises:
            ValueError: says what is wrong and what to do.
        """
        if field.filterable and not self.indexed:
            raise ValueError(
                f"a field of the kind {self.name!r} cannot be filtered by; drop `filterable`"
            )

    def is_empty(self, value: Any) -> bool:
        """Whether the value counts as not given."""
        return value is None or value == "" or value == []

    @abstractmethod
    def clean(self, field: Field, value: Any, at: str) -> Any:
        """The value as it is stored. `value` is not None; `at` is its JSON pointer.

        Raises:
            Faults: it is no value of this kind, which not even a draft may hold.
        """

    def check_live(self, field: Field, value: Any, at: str) -> Iterable[FieldError]:
        """What keeps a cleaned, given value from being published."""
        return ()

    @abstractmethod
    def read_form(self, field: Field, texts: Sequence[str], at: str) -> Any:
        """The value that an editor submitted, or None; then it goes through `clean`.

        Raises:
            Faults: the text cannot be read as a value of this kind.
        """

    @abstractmethod
    def form_value(self, field: Field, value: Any) -> Any:
        """The value as the widget wants it; the inverse of `read_form`."""

    def render(self, field: Field, value: Any, ctx: RenderContext) -> Any:
        """The value as the API answers it; None for none."""
        return value

    def references(self, field: Field, value: Any) -> Iterable[uuid.UUID]:
        """Entries that the value points at."""
        return ()

    def index(self, field: Field, value: Any) -> Iterable[str | float]:
        """What the value can be found by."""
        return ()

    def plain(self, field: Field, value: Any) -> str:
        """The value as readable text, for comparing."""
        return "" if value is None else str(value)

    def parse_filter(self, field: Field, text: str) -> str | float:
        """A filter's value from the query string.

        Raises:
            ValueError: says what is wrong with it.
        """
        return text

    def filter_schema(self, field: Field) -> dict[str, Any]:
        """How OpenAPI describes a filter's value."""
        return {"type": "string"}

    @abstractmethod
    def answer(self, field: Field) -> fields.Field[Any]:
        """How OpenAPI describes the rendered value."""


def one_text(texts: Sequence[str]) -> str:
    """The last of the submitted texts: a checkbox follows its hidden twin."""
    return texts[-1].strip() if texts else ""


def wrong_kind(at: str, wanted: str) -> Faults:
    """The value is of another type than the field's."""
    return fault(
        at, "wrong_kind", gettext("This must be %(wanted)s; correct the value.", wanted=wanted)
    )
