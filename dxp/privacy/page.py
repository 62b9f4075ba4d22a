"""The readable page of an export: one file, without scripts, good offline and in any direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from babel import Locale
from flask import has_app_context
from flask_babel import force_locale
from markupsafe import Markup, escape

from dxp.i18n import gettext

_STYLE = Markup("""
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin-block:.5rem 1.5rem;display:block;overflow-x:auto}
th,td{border:1px solid #ccc;padding:.3rem .6rem;text-align:start;vertical-align:top}
th{background:#f4f4f4}dt{font-weight:600}dd{margin-inline-start:1rem}
""")


def write_page(
    shares: Mapping[str, Mapping[str, Any]], titles: Mapping[str, Any], locale: str
) -> str:
    """The page as HTML, in the person's language as far as the words are translated.

    Args:
        shares: what each plugin holds, as in the JSON files beside it.
        titles: of the plugins, lazily translated.
    """
    if not has_app_context():
        return _page(shares, titles, locale)
    with force_locale(locale):
        return _page(shares, titles, locale)


def _page(shares: Mapping[str, Mapping[str, Any]], titles: Mapping[str, Any], locale: str) -> str:
    words = {
        "core": gettext("Identity and requests"),
        "events": gettext("What happened, latest first"),
    }
    direction = Locale.parse(locale.replace("-", "_")).text_direction
    title = gettext("What we know of you")
    parts = [
        Markup("<h2>{}</h2>{}").format(words.get(name, titles.get(name, name)), _value(share))
        for name, share in shares.items()
    ]
    lead = gettext("The files beside this page hold the same for machines, and all that happened.")
    return Markup(
        '<!doctype html><html lang="{}" dir="{}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>{}</title>'
        "<style>{}</style></head><body><h1>{}</h1><p>{}</p>{}</body></html>"
    ).format(locale, direction, title, _STYLE, title, lead, Markup("").join(parts))


def _value(value: Any) -> Markup:
    if isinstance(value, Mapping):
        return _members(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list(value)
    if value is None or value == "":
        return Markup("–")
    if isinstance(value, bool):
        return escape(gettext("Yes") if value else gettext("No"))
    return Markup("<bdi>{}</bdi>").format(value)


def _members(value: Mapping[str, Any]) -> Markup:
    items = [
        Markup("<dt>{}</dt><dd>{}</dd>").format(_label(name), _value(item))
        for name, item in value.items()
    ]
    return Markup("<dl>{}</dl>").format(Markup("").join(items)) if items else Markup("–")


def _list(value: Sequence[Any]) -> Markup:
    if not value:
        return Markup("–")
    if not all(isinstance(item, Mapping) for item in value):
        return Markup("").join(Markup("<p>{}</p>").format(_value(item)) for item in value)
    names = list(dict.fromkeys(name for item in value for name in item))
    head = Markup("").join(Markup("<th>{}</th>").format(_label(name)) for name in names)
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(_value(item.get(name))) for name in names)
        )
        for item in value
    )
    return Markup("<table><tr>{}</tr>{}</table>").format(head, rows)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
