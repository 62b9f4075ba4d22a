"""Languages of the admin: who reads what, in which direction, with which catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import flask_babel
from babel import Locale, UnknownLocaleError
from flask import Flask, request

from dxp.auth.actors import Actor, StaffActor
from dxp.clock import timezones
from dxp.settings import Settings
from dxp.web.state import find_state, request_state

LOCALE_COOKIE = "dxp_locale"
CORE_CATALOGUES = Path(__file__).resolve().parent.parent / "translations"


@dataclass(frozen=True, kw_only=True)
class LocaleChoice:
    """A language in the menu, named in itself."""

    code: str
    name: str
    dir: str


def direction(code: str) -> str:
    """`rtl` for languages that are written from right to left, else `ltr`."""
    try:
        return Locale.parse(code, sep="-" if "-" in code else "_").text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


def choices(settings: Settings) -> list[LocaleChoice]:
    """The languages that the settings offer."""
    return [
        LocaleChoice(
            code=code,
            name=(Locale.parse(code).get_language_name(code) or code).capitalize(),
            dir=direction(code),
        )
        for code in settings.locale.available
    ]


def install_locales(app: Flask, settings: Settings, *, catalogues: Mapping[str, Path]) -> None:
    """Translate what is shown.

    Args:
        catalogues: folders of compiled catalogues by plugin name; the core's come first, so that
            a plugin's words for the same text win only in what the core does not say.
    """
    folders = [*catalogues.values(), CORE_CATALOGUES]
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = ";".join(str(folder) for folder in folders)
    app.config["BABEL_DEFAULT_LOCALE"] = settings.locale.default
    app.config["BABEL_DEFAULT_TIMEZONE"] = settings.locale.timezone

    def select() -> str:
        state = find_state()
        return settings.locale.default if state is None else state.locale

    def select_timezone() -> str:
        state = find_state()
        chosen = None if state is None else state.timezone
        return chosen or settings.locale.timezone

    flask_babel.Babel(app, locale_selector=select, timezone_selector=select_timezone)


def zone_name(settings: Settings, actor: Actor) -> str:
    """The time zone in which somebody reads and writes moments."""
    own = actor.timezone if isinstance(actor, StaffActor) else None
    return own if own in timezones() else settings.locale.timezone


def settle_locale(settings: Settings, actor: Actor) -> str:
    """The language of this request to the admin: chosen in this browser, kept with the account,
    or what the browser asks for. Sets it on the request's state, and with it the time zone.
    """
    state = request_state()
    state.timezone = zone_name(settings, actor)
    for wanted in (request.cookies.get(LOCALE_COOKIE), actor.locale):
        if wanted in settings.locale.available:
            state.locale = wanted
            break
    flask_babel.refresh()
    return state.locale
