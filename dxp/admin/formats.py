"""Template filters: moments, days and numbers as the reader of the page writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import flask_babel
from flask import Flask
from markupsafe import Markup

from dxp.i18n import format_day, format_number, in_own_digits, reader_locale

ARABIC_COMMA = {"ar", "fa"}
_TIME = Markup('<time datetime="{}" title="{}">{}</time>')


def day(value: date | None) -> str:
    """A calendar day, such as a birthday: no time zone touches it."""
    if value is None:
        return ""
    return _TIME.format(value.isoformat(), value.isoformat(), format_day(value))


def moment(value: datetime | None) -> str:
    """A moment in the reader's time zone, to the minute; the exact one as a tooltip."""
    if value is None:
        return ""
    local = flask_babel.to_user_timezone(value.astimezone(UTC))
    comma = "،" if reader_locale().language in ARABIC_COMMA else ","
    shown = f"{format_day(local.date())}{comma} {in_own_digits(format(local, '%H:%M'))}"
    return _TIME.format(value.isoformat(), f"{local:%Y-%m-%d %H:%M:%S %Z}", shown)


def month(value: date) -> str:
    """A calendar month of the Gregorian year, short: axes of charts."""
    text: str = flask_babel.format_date(value, "MMM y", rebase=False)
    return in_own_digits(text)


def number(value: float | Decimal | None, *, signed: bool = False) -> str:
    """A number, grouped as the reader's language groups; `signed` writes a plus, too."""
    return "" if value is None else format_number(value, signed=signed)


def install_formats(app: Flask) -> None:
    """Offer the filters `day`, `moment`, `month` and `number` to templates."""
    app.jinja_env.filters.update(day=day, moment=moment, month=month, number=number)
