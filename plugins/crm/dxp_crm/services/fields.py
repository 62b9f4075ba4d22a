"""Values of the fields that staff define: what each type takes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from dxp.api import FieldError, Unprocessable
from dxp.api import gettext as _
from dxp.api import lazy_gettext as _l
from dxp_crm.models import FieldDefinition

LONGEST_TEXT = 2000
LARGEST_NUMBER = 10**15

TYPES: Mapping[str, Any] = {
    "text": _l("Text"),
    "number": _l("Number"),
    "integer": _l("Whole number"),
    "boolean": _l("Yes or no"),
    "date": _l("Date"),
    "choice": _l("One choice"),
    "choices": _l("Several choices"),
    "url": _l("Web address"),
}
CHOOSING = ("choice", "choices")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _Refused(Exception):
    """Why a value does not fit, for the person who sent it."""


def check_fields(
    definitions: Sequence[FieldDefinition],
    values: Mapping[str, Any],
    *,
    complete: bool = False,
    from_text: bool = False,
) -> dict[str, Any]:
    """The values as they are stored; None for those that are to be emptied.

    Args:
        definitions: of the kind of record that the values are for; archived ones take no value.
        values: by key, as JSON has them.
        complete: the record is new, so a required field may not be left out either.
        from_text: values may be written out, as forms and files have them: `12`, `yes`, and
            several choices with `;` between them.

    Raises:
        Unprocessable: `invalid_fields`, with a pointer `/fields/<key>` for each fault.
    """
    known = {item.key: item for item in definitions if item.archived_at is None}
    loaded: dict[str, Any] = {}
    faults: list[FieldError] = []
    for key, value in values.items():
        definition = known.get(key)
        if definition is None:
            faults.append(_fault(key, "unknown_field", _("There is no such field.")))
            continue
        try:
            loaded[key] = _checked(definition, value, from_text=from_text)
        except _Refused as error:
            faults.append(_fault(key, "invalid", str(error)))
            continue
        if loaded[key] is None and definition.required:
            faults.append(_fault(key, "required", _("This field must not be empty.")))
    if complete:
        faults.extend(
            _fault(key, "required", _("This field must not be empty."))
            for key, definition in known.items()
            if definition.required and key not in values
        )
    if faults:
        raise Unprocessable(
            "The values of the fields were refused, because of what `errors` names; correct "
            "those and send it again",
            code="invalid_fields",
            errors=faults,
        )
    return loaded


def merged_fields(stored: Mapping[str, Any], loaded: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored after a change by what `check_fields` gave."""
    return {key: value for key, value in {**stored, **loaded}.items() if value is not None}


def _checked(definition: FieldDefinition, value: Any, *, from_text: bool) -> Any:
    if isinstance(value, str):
        value = value.strip()
    if value is None or value in ("", []):
        return None
    if from_text and isinstance(value, str):
        value = _FROM_TEXT.get(definition.type, _as_it_is)(value)
    return _CHECKS[definition.type](definition, value)


def _text(_definition: FieldDefinition, value: Any) -> str:
    if not isinstance(value, str):
        raise _Refused(_("Not a text."))
    if len(value) > LONGEST_TEXT:
        raise _Refused(_("Longer than %(count)s characters.", count=LONGEST_TEXT))
    if "\x00" in value or value.encode("utf-8", "ignore").decode() != value:
        raise _Refused(_("Holds a character that cannot be stored."))
    return value


def _number(_definition: FieldDefinition, value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise _Refused(_("Not a number."))
    if not math.isfinite(value) or not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise _Refused(_("Not a number of at most 15 digits."))
    # One form for 3 and 3.0, which PostgreSQL and SQLite would otherwise tell apart.
    return int(value) if value == int(value) else float(value)


def _integer(definition: FieldDefinition, value: Any) -> int:
    number = _number(definition, value)
    if not isinstance(number, int):
        raise _Refused(_("Not a whole number."))
    return number


def _boolean(_definition: FieldDefinition, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Refused(_("Neither true nor false."))
    return value


def _day(_definition: FieldDefinition, value: Any) -> str:
    try:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise _Refused(_("Not a date such as 2026-03-10.")) from None


def _choice(definition: FieldDefinition, value: Any) -> str:
    allowed = [choice["value"] for choice in definition.choices]
    if not isinstance(value, str) or value not in allowed:
        raise _Refused(_("None of the choices: %(choices)s.", choices=", ".join(allowed)))
    return value


def _several(definition: FieldDefinition, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _Refused(_("Not a list of choices."))
    chosen = {_choice(definition, item) for item in value}
    return [choice["value"] for choice in definition.choices if choice["value"] in chosen]


def _url(definition: FieldDefinition, value: Any) -> str:
    text = _text(definition, value)
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits or any(letter.isspace() for letter in text):
        raise _Refused(_("Not a web address such as https://example.com."))
    return text


def _number_of(text: str) -> Any:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


def _truth_of(text: str) -> Any:
    return _TRUTH.get(text.casefold(), text)


def _list_of(text: str) -> Any:
    return [part.strip() for part in text.split(";") if part.strip()]


def _as_it_is(text: str) -> Any:
    return text


def _fault(key: str, code: str, detail: str) -> FieldError:
    escaped = key.replace("~", "~0").replace("/", "~1")
    return FieldError(code=code, detail=detail, pointer=f"/fields/{escaped}")


_CHECKS: Mapping[str, Callable[[FieldDefinition, Any], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "date": _day,
    "choice": _choice,
    "choices": _several,
    "url": _url,
}
_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "number": _number_of,
    "integer": _number_of,
    "boolean": _truth_of,
    "choices": _list_of,
}
