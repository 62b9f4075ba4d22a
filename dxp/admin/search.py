"""The command palette: pages of the menu, and what plugins find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import url_for

from dxp.admin.call import AdminCall
from dxp.admin.menu import Menu
from dxp.i18n import gettext as _
from dxp.plugins.contexts import SearchContext
from dxp.plugins.spec import Plugin

MOST_OF_A_KIND = 8
LONGEST_TEXT = 200


@dataclass(frozen=True, kw_only=True)
class ResultGroup:
    """Hits of one kind. `items_count` is what the template sums up."""

    label: str
    items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def items_count(self) -> int:
        return len(self.items)


def find(call: AdminCall, menu: Menu, text: str) -> list[ResultGroup]:
    """Pages whose name contains `text`, then the plugins' hits by kind; all pages for no text."""
    text = text.strip()[:LONGEST_TEXT]
    folded = text.casefold()
    pages = [
        {"title": str(entry.label), "url": url_for(entry.endpoint), "icon": entry.icon}
        for entry in menu.allowed(call.actor)
        if folded in str(entry.label).casefold()
    ]
    groups = [ResultGroup(label=_("Pages"), items=pages)] if pages else []
    if not text:
        return groups
    context = SearchContext(
        session=call.session,
        platform=call.platform,
        actor=call.actor,
        text=text,
        locale=call.locale,
        limit=MOST_OF_A_KIND,
    )
    kinds: dict[str, ResultGroup] = {}
    for answer in call.platform.plugins.call(Plugin.search_documents, context):
        for hit in answer.value:
            group = kinds.setdefault(str(hit.kind), ResultGroup(label=str(hit.kind)))
            if len(group.items) < MOST_OF_A_KIND:
                group.items.append(
                    {"title": hit.title, "url": hit.url, "icon": hit.icon, "note": hit.subtitle}
                )
    return groups + list(kinds.values())
