"""Texts that staff keep by locale."""

from __future__ import annotations

from collections.abc import Mapping

from dxp.api import Platform


def in_locale(platform: Platform, texts: Mapping[str, str], locale: str) -> str:
    """The text in `locale`, else in the locale that it falls back to, else in any."""
    settings = platform.settings.locale
    for candidate in [*settings.chain(locale), settings.default, *texts]:
        if texts.get(candidate):
            return texts[candidate]
    return ""
