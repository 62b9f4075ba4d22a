"""An entry's form in one language: its fields as the page draws them, and what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from dxp.api import FieldError
from dxp_cms.fields import Faults, Field
from dxp_cms.services.document import Document, Place, place_of, value_at, with_values
from dxp_cms.types import ContentType
from dxp_cms.web.admin.languages import Language

COMPLETE = "complete"
"""Name of the form's last field: a form that was cut off on its way does not empty fields."""

GENERAL = "_schema"


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field as the page draws it.

    Attributes:
        name: of the input; also its place in the document.
        value: as the kind's widget wants it.
        widget: which macro of `cms/fields.html` draws it.
        item: the field of one value, for lists; the field itself otherwise.
    """

    name: str
    field: Field
    value: Any
    widget: str
    item: Field
    language: Language | None

    @property
    def options(self) -> list[tuple[str, str]]:
        """What can be chosen; a value that is no longer offered stays choosable."""
        offered = [(c["value"], str(c["label"])) for c in self.item.options.get("choices", ())]
        held = self.value if isinstance(self.value, list) else [self.value]
        known = {value for value, _label in offered}
        return offered + [(value, value) for value in held if value and value not in known]

    @property
    def number_attributes(self) -> dict[str, str]:
        """What the browser should know of a number."""
        options = self.item.options
        limits = {"min": options.get("min"), "max": options.get("max")}
        found = {name: f"{limit:g}" for name, limit in limits.items() if limit is not None}
        return {"step": "1" if options.get("integer") else "any"} | found


@dataclass(kw_only=True)
class EntryForm:
    """Fields with their values, and errors by the name of the input.

    Attributes:
        main: the type's own translatable fields; `shared` are those of all languages;
            `address` are slug and SEO.
    """

    main: Sequence[FormField]
    shared: Sequence[FormField]
    address: Sequence[FormField]
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """Labels by input, for the summary of errors."""
        fields = (*self.main, *self.shared, *self.address)
        return {item.name: str(item.field.label) for item in fields}

    @property
    def fields(self) -> Sequence[FormField]:
        return (*self.main, *self.shared, *self.address)


def show_form(
    content_type: ContentType,
    document: Mapping[str, Any],
    language: Language,
    *,
    errors: Mapping[str, list[str]] | None = None,
    sent: MultiDict[str, str] | None = None,
) -> EntryForm:
    """The form of a document in one language.

    Args:
        sent: what was sent and refused: shown again as it was typed.
    """
    own = set(content_type.fields)
    drawn = [
        _draw(item, document, language, sent=sent if sent and COMPLETE in sent else None)
        for item in content_type.everything
    ]
    form = EntryForm(
        main=[f for f in drawn if f.field in own and f.field.translatable],
        shared=[f for f in drawn if not f.field.translatable],
        address=[f for f in drawn if f.field not in own and f.field.translatable],
    )
    names = {item.name for item in form.fields}
    for name, messages in (errors or {}).items():
        form.errors.setdefault(name if name in names else GENERAL, []).extend(messages)
    return form


def read_form(
    content_type: ContentType,
    base: Mapping[str, Any],
    language: Language,
    sent: MultiDict[str, str],
) -> tuple[Document, dict[str, list[str]]]:
    """The base document with what was sent in place of what the form showed.

    Returns:
        The document and errors by input; values that cannot be read keep the base's.
    """
    values: dict[Place, Any] = {}
    errors: list[FieldError] = []
    for item in content_type.everything:
        place = place_of(item, language.code)
        if place.key not in sent and COMPLETE not in sent:
            continue
        try:
            value = item.kind.read_form(item, sent.getlist(place.key), place.pointer)
        except Faults as faults:
            errors.extend(faults.errors)
            continue
        # A box that was never ticked is no value, so that opening and saving changes nothing.
        if value == item.kind.default and value_at(base, place) is None:
            value = None
        values[place] = value
    return with_values(base, values), errors_by_input(errors)


def errors_by_input(errors: Iterable[FieldError]) -> dict[str, list[str]]:
    """Messages under the name of the input that each error points at."""
    found: dict[str, list[str]] = {}
    for error in errors:
        parts = (error.pointer or "").split("/")[1:]
        if len(parts) >= 2 and parts[0] == "shared":
            name = Place(locale=None, name=parts[1]).key
        elif len(parts) >= 3 and parts[0] == "locales":
            name = Place(locale=parts[1], name=parts[2]).key
        else:
            name = GENERAL
        found.setdefault(name, []).append(error.detail)
    return found


def _draw(
    item: Field,
    document: Mapping[str, Any],
    language: Language,
    *,
    sent: MultiDict[str, str] | None,
) -> FormField:
    place = place_of(item, language.code)
    value = item.kind.form_value(item, value_at(document, place))
    if sent is not None:
        texts = sent.getlist(place.key)
        value = texts if isinstance(value, list) else (texts[-1] if texts else "")
        if item.kind.name == "boolean":
            value = value not in ("", "0")
    inner: Field = item.options.get("item", item)
    widget = item.kind.widget
    if widget == "list":
        widget = {"reference": "references", "choice": "choices"}.get(inner.kind.name, "lines")
    return FormField(
        name=place.key,
        field=item,
        value=value,
        widget=widget,
        item=inner,
        language=language if item.translatable else None,
    )
