"""What is wrong with a row or a file, as a code, and the words for it in the reader's language.

Background jobs find the faults; they are put into words when somebody reads them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from dxp.api import Problem, Unprocessable, field_errors
from dxp.api import lazy_gettext as _l

_WORDS: Mapping[str, Any] = {
    "cells": _l("It has %(found)s cells, and the heading names %(wanted)s."),
    "quotes": _l("The quotation marks do not close where they should."),
    "too_long": _l("It is longer than %(limit)s characters; most likely a quotation mark is open."),
    "nul": _l("It holds a NUL character, which no text does."),
    "encoding": _l("It cannot be read in the encoding %(encoding)s."),
    "required": _l("It is empty, and a value is needed."),
    "no_key": _l("It has nothing to know the customer by again, so it would be doubled."),
    "doubled": _l("Row %(first)s of the file has the same value."),
    "number": _l("%(value)s is not a number."),
    "whole": _l("%(value)s is not a whole number."),
    "choice": _l("%(value)s is none of the choices."),
    "url": _l("%(value)s is not a web address such as https://example.com."),
    "restricted": _l("Only other roles may change this field."),
    "moment": _l("%(value)s is not a date in the chosen order."),
    "future": _l("%(value)s lies in the future."),
    "yes_no": _l("%(value)s is neither yes nor no."),
    "json": _l("%(value)s is not JSON."),
    "unknown_customer": _l("No customer is known by %(value)s; import the customers first."),
    "absent": _l("No customer is known by %(value)s, and new ones are not to be made."),
    "absent_organisation": _l(
        "No organisation has the number %(value)s, and new ones are not to be made."
    ),
    "unknown_organisation": _l(
        "No organisation has the number %(value)s; import the organisations first."
    ),
    "organisation_exists": _l("Another organisation has this number already."),
    "exists": _l("Another customer has this number or e-mail address already."),
    "birthday": _l("This day does not exist in its calendar, or lies in the future."),
    "unknown_field": _l("There is no such field."),
    "email": _l("It is not an e-mail address."),
    "trimmed": _l("Spaces stand before or after it."),
    "locale": _l("It is not a language code such as fr."),
    "country": _l("It is not a country code such as FR."),
    "timezone": _l("It is not a time zone such as Europe/Paris."),
    "currency": _l("It is not a currency code such as EUR."),
    "length": _l("It is too short or too long."),
    "range": _l("It is too small or too large."),
    "invalid": _l("It does not fit: %(detail)s"),
}
# The messages of schemas, by how they begin.
_MESSAGES = (
    ("Unknown field.", "unknown_field"),
    ("Missing data for required field.", "required"),
    ("Not a valid email address.", "email"),
    ("Not trimmed.", "trimmed"),
    ("Not a locale", "locale"),
    ("Not an ISO 3166", "country"),
    ("Not an IANA time zone", "timezone"),
    ("Not an ISO 4217", "currency"),
    ("Write a name.", "required"),
    ("Length must be", "length"),
    ("Shorter than minimum", "length"),
    ("Must be ", "range"),
    ("Not a valid number.", "number"),
    ("Not a whole number.", "whole"),
    ("Not a number", "number"),
    ("This field must not be empty.", "required"),
    ("Longer than ", "length"),
    ("Neither true nor false.", "yes_no"),
    ("None of the choices", "choice"),
    ("Not a web address", "url"),
    ("Only other roles", "restricted"),
    ("There is no such field.", "unknown_field"),
    ("Not a valid integer.", "number"),
)
_PROBLEMS = {
    "customer_exists": "exists",
    "organisation_exists": "organisation_exists",
    "invalid_birthday": "birthday",
}
LONGEST_VALUE = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing wrong with a row.

    Attributes:
        code: a key of the words above.
        field: name of the field it is about; None for the whole row.
        values: what the words speak of.
    """

    code: str
    field: str | None = None
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "field": self.field, "values": dict(self.values)}


def fault_about(code: str, name: str, value: str) -> Fault:
    """A fault that quotes the value, shortened."""
    shown = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
    return Fault(code=code, field=name, values={"value": shown.replace("\x00", "\ufffd")})


def words(stored: Mapping[str, Any], labels: Mapping[str, Any]) -> str:
    """A stored fault as one sentence in the reader's language, with the field's label before it."""
    template = str(_WORDS.get(stored["code"], _WORDS["invalid"]))
    text = template % ({"detail": stored["code"]} | dict(stored["values"]))
    name = stored["field"]
    return text if name is None else f"{labels.get(name, name)}: {text}"


def faults_of(error: ValidationError | Problem, told: Mapping[str, Any]) -> list[Fault]:
    """A schema's or a service's refusal, by field.

    Args:
        told: the values of the row, which the words may quote.
    """
    if isinstance(error, Problem):
        code = _PROBLEMS.get(error.code)
        if code is not None:
            return [Fault(code=code, field="birthday" if code == "birthday" else None)]
        details: Sequence[Any] = error.errors
        if not details:
            return [Fault(code="invalid", values={"detail": error.detail})]
    else:
        details = field_errors(error.messages)
    found = []
    for item in details:
        path = (item.pointer or "").removeprefix("/data").strip("/").split("/")
        name = ".".join(path[:2]) if path[0] == "fields" else path[0]
        code = next((code for start, code in _MESSAGES if item.detail.startswith(start)), "invalid")
        quoted = fault_about(code, name, str(told.get(name, ""))).values
        values = {"detail": item.detail, **quoted}
        found.append(Fault(code=code, field=name or None, values=values))
    return found


class UnreadableFile(Unprocessable):
    """A file that cannot be imported at all; `reason` is a sentence in the reader's language."""

    def __init__(self, reason: Any) -> None:
        super().__init__(str(reason), code="unreadable_file")
        self.reason = reason
