"""Regular expressions that cannot run away, and the plain ones that SQL can answer.

Python's matcher backtracks, so a pattern such as `(a+)+$` takes longer than anybody lives. Only
patterns whose worst case is small over `MAX_TEXT` characters are accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

MAX_PATTERN = 200
MAX_TEXT = 300
"""Only so many characters of a fact are looked at."""

_MAX_OPEN = 2
_MAX_CHOICES = 8
_LITERAL = re.compile(r"(?P<start>\^?)(?P<text>(?:[^\\.^$*+?{}\[\]|()]|\\[^\w\s])*)(?P<end>\$?)")
_ESCAPE = re.compile(r"\\(.)")
_parser: Any = import_module("re._parser")


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A pattern that is a piece of text, perhaps bound to the start or the end."""

    text: str
    start: bool
    end: bool


def compiled(pattern: object, *, folded: bool = False) -> re.Pattern[str]:
    """A pattern that is safe to run.

    Raises:
        ValueError: it is no pattern, too long, or its worst case takes too long.
    """
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        raise ValueError(f"takes a pattern of at most {MAX_PATTERN} characters")
    try:
        made = re.compile(pattern, re.IGNORECASE if folded else 0)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the pattern is not a regular expression: {error}") from error
    cost = _Cost()
    cost.sequence(tree, repeated=False)
    if cost.unbounded > _MAX_OPEN or cost.choices > _MAX_CHOICES:
        raise ValueError(
            "the pattern has so many repeats and choices that it could take very long; "
            f"use at most {_MAX_OPEN} of * and + and {_MAX_CHOICES} of ? and |"
        )
    return made


def plain(pattern: re.Pattern[str]) -> Plain | None:
    """The pattern as a piece of text, or None when it is more than that."""
    found = _LITERAL.fullmatch(pattern.pattern)
    if found is None or pattern.flags & re.IGNORECASE:
        return None
    text = _ESCAPE.sub(r"\1", found["text"])
    return Plain(text=text, start=bool(found["start"]), end=bool(found["end"]))


class _Cost:
    """Counts what makes the matcher try again; refuses what multiplies it."""

    def __init__(self) -> None:
        self.unbounded = 0
        self.choices = 0

    def sequence(self, items: Iterable[tuple[Any, Any]], *, repeated: bool) -> None:
        for operator, argument in items:
            self._item(str(operator), argument, repeated=repeated)

    def _item(self, name: str, argument: Any, *, repeated: bool) -> None:
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            self._repeat(argument, repeated=repeated)
        elif name == "SUBPATTERN":
            self.sequence(argument[-1], repeated=repeated)
        elif name == "BRANCH":
            if repeated:
                raise ValueError("a choice inside a repeat can take very long; write [ab] for a|b")
            self.choices += len(argument[1]) - 1
            for branch in argument[1]:
                self.sequence(branch, repeated=repeated)
        elif name not in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "RANGE", "CATEGORY"):
            raise ValueError("the pattern looks around or back, which can take very long")

    def _repeat(self, argument: Any, *, repeated: bool) -> None:
        least, most, body = argument
        if repeated:
            raise ValueError("a repeat inside a repeat can take very long")
        if least != most:
            if most == 1:
                self.choices += 1
            else:
                self.unbounded += 1
        self.sequence(body, repeated=most != 1)
