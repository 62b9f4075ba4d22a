"""Addresses that are matched at once and written out late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.routing import BaseConverter, Rule
from werkzeug.routing.rules import RulePart


@dataclass(frozen=True, kw_only=True)
class _Parsed:
    """What the text of an address comes to; nothing in it belongs to one application.

    Attributes:
        asked: arguments of `get_converter`, for each variable.
    """

    parts: tuple[RulePart, ...]
    trace: tuple[tuple[bool, str], ...]
    asked: tuple[tuple[str, str, tuple[Any, ...], dict[str, Any]], ...]


# By the text, and the converters that the application knows. A program has some hundred.
_parsed: dict[tuple[str, tuple[tuple[str, type[BaseConverter]], ...]], _Parsed] = {}


class LateRule(Rule):
    """A rule whose `url_for` is compiled when it is first wanted, and that is parsed once.

    Compiling two functions for each of some hundred rules is a third of the time that an
    application takes to start, and most processes build the addresses of only a few. Parsing is
    a fifth; a process that makes several applications does it for the first of them.
    """

    _asked: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] | None = None

    def _parse_rule(self, rule: str) -> Iterable[RulePart]:
        key = (rule, tuple(self.map.converters.items()))
        known = _parsed.get(key)
        if known is None:
            begun = len(self._trace)
            self._asked = []
            parts = tuple(super()._parse_rule(rule))
            _parsed[key] = _Parsed(
                parts=parts, trace=tuple(self._trace[begun:]), asked=tuple(self._asked)
            )
            self._asked = None
            return parts
        for name, converter, arguments, options in known.asked:
            self._converters[name] = self.get_converter(name, converter, arguments, options)
            self.arguments.add(name)
        self._trace.extend(known.trace)
        return known.parts

    def get_converter(
        self,
        variable_name: str,
        converter_name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> BaseConverter:
        if self._asked is not None:
            self._asked.append((variable_name, converter_name, args, dict(kwargs)))
        return super().get_converter(variable_name, converter_name, args, kwargs)

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: Callable[..., tuple[str, str]] | None = None

        def build(rule: LateRule, **values: Any) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = super()._compile_builder(append_unknown)
            return compiled(rule, **values)

        return build
