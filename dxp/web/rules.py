"""Addresses that are matched at once and written out late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class LateRule(Rule):
    """A rule whose `url_for` is compiled when it is first wanted.

    Compiling two functions for each of some hundred rules is a third of the time that an
    application takes to start, and most processes build the addresses of only a few.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: Callable[..., tuple[str, str]] | None = None

        def build(rule: LateRule, **values: Any) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = super()._compile_builder(append_unknown)
            return compiled(rule, **values)

        return build
