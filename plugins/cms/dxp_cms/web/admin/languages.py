"""Content's languages as pages show them: names and directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from babel import Locale, UnknownLocaleError
from sqlalchemy.orm import Session

from dxp.api import Platform
from dxp_cms.services.document import Place


class Viewer(Protocol):
    """Who looks at content, and with what: a page's call, or the context of a panel."""

    @property
    def session(self) -> Session: ...

    @property
    def platform(self) -> Platform: ...

    @property
    def locale(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Language:
    """A language of content. `name` is in the reader's language; `dir` is `ltr` or `rtl`."""

    code: str
    name: str
    dir: str


def language(code: str, *, reader: str) -> Language:
    """A content language, named for a reader of another one."""
    try:
        locale = Locale.parse(code, sep="-")
    except (UnknownLocaleError, ValueError):
        return Language(code=code, name=code, dir="ltr")
    name = locale.get_display_name(reader) or code
    return Language(code=code, name=name[:1].upper() + name[1:], dir=locale.text_direction)


def language_of(place: Place, *, reader: str) -> Language | None:
    """The language of a value; None when all share it."""
    return None if place.locale is None else language(place.locale, reader=reader)


def languages(call: Viewer) -> list[Language]:
    """All that content may be written in."""
    available = call.platform.settings.locale.available
    return [language(code, reader=call.locale) for code in available]


def chosen_language(call: Viewer, code: str | None) -> str:
    """The content language that the address asks for, else the reader's own."""
    settings = call.platform.settings.locale
    for candidate in (code, call.locale, settings.default):
        if candidate in settings.available:
            return str(candidate)
    return str(settings.available[0])
