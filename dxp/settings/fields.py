"""Kinds of setting: what a value may be, and how it is written in a variable."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate

from dxp.clock import timezones

_RATE = re.compile(r"\d+\s*(?:/|per)\s*(?:\d+\s*)?(?:second|minute|hour|day|month|year)s?")
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\d{3}))?")
_RATE_EXAMPLE = "600/minute"


def note(help_text: str, *, example: Any, secret: bool = False) -> dict[str, Any]:
    """Metadata of a setting, for the reference page, `dxp settings` and messages.

    Args:
        help_text: one sentence on what the setting does, with its unit.
        example: a value that somebody may really want.
        secret: the value, or the password in its URL, is never shown.
    """
    return {"help": help_text, "example": example, "secret": secret}


def text(help_text: str, *, example: str, secret: bool = False, check: Any = None) -> fields.String:
    """A line of text."""
    return fields.String(validate=check, metadata=note(help_text, example=example, secret=secret))


def choice(help_text: str, options: tuple[str, ...], *, example: str) -> fields.String:
    """One of a few words."""
    check = validate.OneOf(options, error="must be one of: {choices}")
    return fields.String(validate=check, metadata=note(help_text, example=example))


def whole(
    help_text: str, *, example: int, least: int = 1, most: int | None = None
) -> fields.Integer:
    """A whole number between `least` and `most`."""
    between = f"between {least:,} and {most:,}" if most is not None else f"{least:,} or more"
    check = validate.Range(min=least, max=most, error=f"must be {between}")
    return WholeNumber(validate=check, metadata=note(help_text, example=example))


def seconds(help_text: str, *, example: float, least: float) -> fields.Float:
    """A length of time in seconds, fractions allowed."""
    check = validate.Range(min=least, error=f"must be {least:g} seconds or more")
    return fields.Float(validate=check, metadata=note(help_text, example=example))


def switch(help_text: str, *, example: bool) -> fields.Boolean:
    """Yes or no."""
    return fields.Boolean(metadata=note(help_text, example=example))


def rate(help_text: str, *, example: str = _RATE_EXAMPLE) -> fields.String:
    """So many in a period: `600/minute`."""

    def check(value: str) -> None:
        if not _RATE.fullmatch(value):
            raise ValidationError("must be a number, a slash and a period, such as 600/minute")

    return fields.String(validate=check, metadata=note(help_text, example=example))


def url_of(
    schemes: tuple[str, ...], *, empty: bool = False, remedy: str = ""
) -> Callable[[str], None]:
    """A check that a value is a URL with one of `schemes`."""

    def check(value: str) -> None:
        if not value and empty:
            return
        scheme, colon, _rest = value.partition(":")
        if not colon or scheme not in schemes:
            allowed = ", ".join(f"{name}:" for name in schemes)
            raise ValidationError(f"must begin with one of: {allowed}{remedy}")
        try:
            _ = urlsplit(value).port
        except ValueError as error:
            raise ValidationError(f"is not a URL: {str(error).lower()}") from error

    return check


def timezone(help_text: str, *, example: str) -> fields.String:
    """An IANA time zone."""

    def check(value: str) -> None:
        if value not in timezones():
            raise ValidationError("is not the name of a time zone, such as Europe/Paris or UTC")

    return fields.String(validate=check, metadata=note(help_text, example=example))


def check_locale(value: str) -> None:
    """Refuse what is not a language tag such as `fr` or `pt-BR`."""
    if not _LOCALE.fullmatch(value):
        raise ValidationError(f"{value!r} is not a language tag, such as fr, pt-BR or zh-Hant")


class WholeNumber(fields.Integer):
    """An integer, or its digits; neither 8000.5 nor yes."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class PathField(fields.Field[Path]):
    """A folder. `load_settings` makes a relative one absolute."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Path:
        if isinstance(value, Path):
            return value
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise ValidationError("must be the path of a folder")
        return Path(value).expanduser()


class Words(fields.Field[tuple[str, ...]]):
    """A list of words; in a variable they are separated by commas."""

    def __init__(self, *, check: Callable[[str], None] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._check = check

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [word.strip() for word in value.split(",") if word.strip()]
        if not isinstance(value, (list, tuple)) or not all(isinstance(w, str) for w in value):
            raise ValidationError("must be a list of words")
        if len(set(value)) < len(value):
            raise ValidationError("names something twice")
        for word in value:
            if self._check is not None:
                self._check(word)
        return tuple(value)


class NumberMap(fields.Field[dict[str, int]]):
    """Words to whole numbers from 0 to `most`; in a variable written `a=90,b=0`."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, int]:
        if isinstance(value, str):
            pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
            value = {
                key.strip(): int(text)
                if text.strip().isascii() and text.strip().isdigit()
                else text
                for key, _equals, text in pairs
            }
        if not isinstance(value, Mapping):
            raise ValidationError("must map words to whole numbers")
        for key, number in value.items():
            whole = isinstance(number, int) and not isinstance(number, bool)
            if not whole or not 0 <= number <= self._most:
                raise ValidationError(f"{key} must be a whole number from 0 to {self._most:,}")
        return {str(key): number for key, number in value.items()}


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


class WordMap(fields.Field[dict[str, str]]):
    """Words to words; in a variable written `fr=en,ar=en`."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, str]:
        if isinstance(value, str):
            pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
            if not all(equals for _key, equals, _value in pairs):
                raise ValidationError("must be pairs such as fr=en,ar=en")
            value = {key.strip(): target.strip() for key, _equals, target in pairs}
        if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
            raise ValidationError("must map words to words")
        return {str(key): str(target) for key, target in value.items()}
