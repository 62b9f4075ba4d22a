"""The menu: what the core and the plugins offer, as far as a member of staff may use it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, request, url_for

from dxp.auth.actors import Actor
from dxp.errors import ConfigurationError
from dxp.i18n import lazy_gettext as _l
from dxp.plugins.contexts import MenuEntry

SECTIONS: dict[str, Any] = {
    "content": _l("Content"),
    "customers": _l("Customers"),
    "loyalty": _l("Loyalty"),
    "selection": _l("Selection"),
    "system": _l("System"),
}
HOME = "admin.dashboard"


@dataclass(frozen=True, kw_only=True)
class MenuItem:
    """A line as the template draws it."""

    label: str
    url: str
    icon: str
    active: bool = False
    badge: str | None = None


@dataclass(frozen=True, kw_only=True)
class MenuGroup:
    """Lines under one heading; the first group has none."""

    label: str | None
    items: Sequence[MenuItem] = field(default_factory=tuple)


class Menu:
    """All lines there are, in the order in which they are drawn."""

    def __init__(self, entries: Iterable[tuple[str, MenuEntry]], app: Flask) -> None:
        """Check and sort the lines.

        Args:
            entries: lines with the name of the plugin that brings each.

        Raises:
            ConfigurationError: a line leads to an endpoint that does not exist, or that needs
                path parameters.
        """
        found = list(entries)
        for plugin, entry in found:
            _check(plugin, entry, app)
        known = list(SECTIONS)
        own = dict.fromkeys(e.section for _, e in found if e.section not in SECTIONS)
        # The system's own lines stay last, whatever sections plugins add.
        self._sections = [*known[:-1], *own, known[-1]]
        self._entries = sorted(
            (entry for _, entry in found),
            key=lambda e: (self._sections.index(e.section), e.order, e.endpoint),
        )

    def allowed(self, actor: Actor) -> list[MenuEntry]:
        """The lines that `actor` may use."""
        return [entry for entry in self._entries if actor.may(entry.permission)]

    def groups(self, actor: Actor) -> list[MenuGroup]:
        """What to draw for `actor` on the page that is being served."""
        home = MenuItem(
            label=str(_l("Dashboard")),
            url=url_for(HOME),
            icon="grid-1x2",
            active=request.endpoint == HOME,
        )
        groups = [MenuGroup(label=None, items=(home,))]
        allowed = self.allowed(actor)
        current = self._current(allowed)
        for section in self._sections:
            items = [
                MenuItem(
                    label=str(entry.label),
                    url=url_for(entry.endpoint),
                    icon=entry.icon,
                    active=entry is current,
                )
                for entry in allowed
                if entry.section == section
            ]
            if items:
                label = str(SECTIONS.get(section, section.replace("_", " ").capitalize()))
                groups.append(MenuGroup(label=label, items=items))
        return groups

    def _current(self, entries: Sequence[MenuEntry]) -> MenuEntry | None:
        """The line whose address is the longest beginning of this page's."""
        best: tuple[int, MenuEntry] | None = None
        for entry in entries:
            path = url_for(entry.endpoint).rstrip("/")
            inside = request.path == path or request.path.startswith(f"{path}/")
            if inside and (best is None or len(path) > best[0]):
                best = (len(path), entry)
        return None if best is None else best[1]


def _check(plugin: str, entry: MenuEntry, app: Flask) -> None:
    if entry.endpoint not in app.view_functions:
        near = difflib.get_close_matches(entry.endpoint, app.view_functions, n=1)
        raise ConfigurationError(
            f"plugin {plugin!r} has a menu line that leads to {entry.endpoint!r}, which is no page"
            + (f"; did you mean {near[0]!r}?" if near else "; register the page, or drop the line")
        )
    # What a rule needs is told by the rule; writing out its address would cost a compilation.
    rules = app.url_map.iter_rules(entry.endpoint)
    if not any(rule.arguments <= set(rule.defaults or ()) for rule in rules):
        raise ConfigurationError(
            f"plugin {plugin!r} has a menu line that leads to {entry.endpoint!r}, which needs "
            "path parameters that a menu cannot give; lead to a list instead"
        )
