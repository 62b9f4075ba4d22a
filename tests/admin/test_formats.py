"""Moments, days and numbers, as readers of each language write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask
from flask_babel import force_locale

from dxp.admin.formats import day, moment, month, number
from dxp.admin.locales import choices, direction
from dxp.i18n import format_money, isolated
from dxp.settings import Settings
from tests.admin.markup import one


@pytest.mark.parametrize(
    ("locale", "shown"),
    [("en", "21 Mar 2026"), ("fr", "21 mars 2026"), ("fa", "۱ فروردین ۱۴۰۵")],
)
def test_a_day_is_written_in_the_readers_calendar(bare: Flask, locale: str, shown: str) -> None:
    """Persian readers count by the solar Hijri calendar; machines read the same ISO day."""
    with bare.test_request_context(), force_locale(locale):
        element = one(day(date(2026, 3, 21)), "time")
    assert element.text == shown
    assert element.attributes["datetime"] == "2026-03-21"


def test_a_moment_is_shown_to_the_minute_and_kept_exactly(bare: Flask) -> None:
    with bare.test_request_context(), force_locale("en"):
        element = one(moment(datetime(2026, 3, 21, 7, 5, 59, tzinfo=UTC)), "time")
    assert element.text == "21 Mar 2026, 07:05"
    assert element.attributes["title"] == "2026-03-21 07:05:59 UTC"


def test_a_moment_late_in_the_evening_falls_on_the_readers_day() -> None:
    """Half past nine in the evening in London is the next day in Tehran."""
    from dxp.admin.locales import install_locales
    from dxp.settings.model import LocaleSettings

    app = Flask("tehran")
    install_locales(app, Settings(locale=LocaleSettings(timezone="Asia/Tehran")), catalogues={})
    with app.test_request_context(), force_locale("fa"):
        element = one(moment(datetime(2026, 3, 20, 21, 30, tzinfo=UTC)), "time")
    assert element.text == "۱ فروردین ۱۴۰۵، ۰۱:۰۰"


@pytest.mark.parametrize(
    ("locale", "shown"),
    [("en", "1,234.5"), ("fr", "1\u202f234,5"), ("fa", "۱٬۲۳۴٫۵"), ("ar", "1,234.5")],
)
def test_a_number_is_grouped_as_the_reader_groups(bare: Flask, locale: str, shown: str) -> None:
    with bare.test_request_context(), force_locale(locale):
        assert number(1234.5) == shown


@pytest.mark.parametrize(
    ("locale", "gained", "lost"),
    [
        ("en", "+25", "-25"),
        ("fa", "\u2066+۲۵\u2069", "\u2066-۲۵\u2069"),
        ("ar", "\u2066+25\u2069", "\u2066-25\u2069"),
    ],
)
def test_a_sign_stays_before_its_number_in_every_direction(
    bare: Flask, locale: str, gained: str, lost: str
) -> None:
    """Not isolated, a line from right to left would show `25+`."""
    with bare.test_request_context(), force_locale(locale):
        assert (number(25, signed=True), number(-25, signed=True)) == (gained, lost)
        assert number(0, signed=True) == number(0)


@pytest.mark.parametrize(
    ("locale", "some", "whole"),
    [
        ("en", "$25.74", "$1,200"),
        ("fr", "25,74\xa0$US", "1\u202f200\xa0$US"),
        ("fa", "\u2066$\xa0۲۵٫۷۴\u2069", "\u2066$\xa0۱٬۲۰۰\u2069"),
        ("ar", "\u206625.74\xa0US$\u2069", "\u20661,200\xa0US$\u2069"),
    ],
)
def test_a_sum_is_written_as_the_reader_writes_it(
    bare: Flask, locale: str, some: str, whole: str
) -> None:
    """Cents are left out of a sum that has none."""
    with bare.test_request_context(), force_locale(locale):
        assert format_money(Decimal("25.7400"), "USD") == some
        assert format_money(Decimal("1200.00"), "USD") == whole


@pytest.mark.parametrize(("locale", "shown"), [("fr", "nov. 2026"), ("fa", "نوامبر ۲۰۲۶")])
def test_a_month_is_named(bare: Flask, locale: str, shown: str) -> None:
    with bare.test_request_context(), force_locale(locale):
        assert month(date(2026, 11, 1)) == shown


def test_a_code_within_a_sentence_turns_no_words_around(bare: Flask) -> None:
    """Only where the sentence runs from right to left; outside of a request nothing is added."""
    assert isolated("A-17") == "A-17"
    with bare.test_request_context(), force_locale("ar"):
        assert isolated("A-17") == "\u2068A-17\u2069"
    with bare.test_request_context(), force_locale("fr"):
        assert isolated("A-17") == "A-17"


def test_nothing_is_shown_as_nothing(bare: Flask) -> None:
    with bare.test_request_context():
        assert [day(None), moment(None), number(None)] == ["", "", ""]


def test_languages_are_named_in_themselves_with_their_direction() -> None:
    named = {choice.code: (choice.name, choice.dir) for choice in choices(Settings())}
    assert named["fr"] == ("Français", "ltr")
    assert named["fa"] == ("فارسی", "rtl")
    assert direction("ar-EG") == "rtl"
    assert direction("not a language") == "ltr"
