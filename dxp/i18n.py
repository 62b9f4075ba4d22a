"""Translation of what people read.

Texts are marked where they are written and translated where they are shown; outside of an
application (a command, a test of a pure function) they stay as written.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import flask_babel
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from flask import has_app_context
from flask_babel.speaklater import LazyString
from persiantools.jdatetime import JalaliDate

# Direction marks, which CLDR puts around sums.
_MARKS = "\u200e\u200f"
# As CLDR has it: Persian counts in its own digits, Arabic without a country in Western ones.
_NATIVE_DIGITS = {"fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")}


def gettext(text: str, **values: Any) -> str:
    """Translate now, for the reader of this request; `%(name)s` takes from `values`."""
    if not has_app_context():
        return text % values if values else text
    translated: str = flask_babel.gettext(text, **values)
    return translated


def ngettext(singular: str, plural: str, count: int, **values: Any) -> str:
    """Translate by number; `%(num)d` is the count."""
    if not has_app_context():
        return (singular if count == 1 else plural) % ({"num": count} | values)
    translated: str = flask_babel.ngettext(singular, plural, count, **values)
    return translated


def lazy_gettext(text: str, **values: Any) -> Any:
    """Translate when it is shown: for labels that are written at import or start."""
    return LazyString(gettext, text, **values)


def reader_locale() -> Locale:
    """The language of who reads; English outside of an application."""
    found = flask_babel.get_locale() if has_app_context() else None
    return found or Locale("en")


def in_own_digits(text: str) -> str:
    """The digits of a text as the reader's language writes them."""
    table = _NATIVE_DIGITS.get(reader_locale().language)
    return text if table is None else text.translate(table)


def format_day(value: date) -> str:
    """A calendar day in words; Persian readers count days by the solar Hijri calendar."""
    locale = reader_locale()
    if locale.language == "fa":
        jalali = JalaliDate(value)  # type: ignore[no-untyped-call]
        return in_own_digits(f"{jalali.day} {jalali.strftime('%B', locale='fa')} {jalali.year}")
    return format_date(value, "d MMM y", locale=locale)


def format_number(value: float | Decimal, *, signed: bool = False) -> str:
    """A number, grouped as the reader's language groups; `signed` writes a plus, too."""
    locale = reader_locale()
    shown = in_own_digits(format_decimal(value, locale=locale, numbering_system="default"))
    if signed and value > 0:
        shown = f"+{shown}"
    return _from_left(shown, locale) if shown[0] in "+-" else shown


def format_money(amount: Decimal, currency: str) -> str:
    """A sum as the reader's language writes it, without decimals if it has none."""
    locale = reader_locale()
    pattern = locale.currency_formats["standard"].pattern
    whole = amount == amount.to_integral_value()
    shown = format_currency(
        amount,
        currency,
        format=pattern.replace("0.00", "0") if whole else None,
        currency_digits=not whole,
        locale=locale,
        numbering_system="default",
    )
    return _from_left(in_own_digits(shown).strip(_MARKS), locale)


def isolated(text: str) -> str:
    """A name or a code for the middle of a sentence: it does not turn the words around it.

    Only text from right to left needs it; elsewhere nothing is added.
    """
    return f"\u2068{text}\u2069" if _from_right(reader_locale()) else text


def _from_left(text: str, locale: Locale) -> str:
    """A line from right to left would put a sign behind its number, and turn `US$` around."""
    return f"\u2066{text}\u2069" if _from_right(locale) else text


def _from_right(locale: Locale) -> bool:
    return locale.text_direction == "rtl"
