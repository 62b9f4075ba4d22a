"""Texts that staff keep by locale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dxp.api import Platform


def in_locale(
    platform: Platform, texts: Mapping[str, Mapping[str, Any]], locale: str, key: str
) -> str:
    """The text `key` in `locale`, else in the locale that it falls back to, else in any."""
    settings = platform.settings.locale
    for candidate in [*settings.chain(locale), settings.default, *texts]:
        value = texts.get(candidate, {}).get(key)
        if value:
            return str(value)
    return ""
