"""Slots of pages that plugins fill: each gives a template and its values, the frame draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from flask import render_template
from markupsafe import Markup

from dxp.plugins.contexts import Fragment, FragmentContext
from dxp.plugins.hidden import hidden_profile_fields
from dxp.plugins.spec import Plugin

if TYPE_CHECKING:
    from dxp.admin.call import AdminCall

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A plugin's share of a page. `body` is None when its template failed."""

    key: str
    title: str
    body: Markup | None


def gather_panels(call: AdminCall, slot: str, **about: Any) -> list[Panel]:
    """Ask the plugins, keep what the actor may see, and render it in order."""
    context = FragmentContext(
        slot=slot,
        session=call.session,
        platform=call.platform,
        actor=call.actor,
        now=call.now,
        locale=call.locale,
        hidden=hidden_profile_fields(call.platform, call.session, call.actor)
        if "subject_id" in about
        else (),
        **about,
    )
    found = [
        (answer.plugin, fragment)
        for answer in call.platform.plugins.call(Plugin.fragments, context)
        for fragment in answer.value
        if fragment.template is not None
        and (fragment.permission is None or call.actor.may(fragment.permission))
    ]
    found.sort(key=lambda item: (item[1].order, item[0], item[1].key))
    return [_render(call, slot, plugin, fragment) for plugin, fragment in found]


def _render(call: AdminCall, slot: str, plugin: str, fragment: Fragment) -> Panel:
    assert fragment.template is not None
    title = "" if fragment.title is None else str(fragment.title)
    try:
        # The template is the plugin's own and escapes what it shows.
        body = Markup(render_template(fragment.template, call=call, **fragment.values))  # noqa: S704
    except Exception:
        if call.platform.plugins.strict:
            raise
        log.exception("panel_failed", plugin=plugin, slot=slot, key=fragment.key)
        return Panel(key=fragment.key, title=title or fragment.key, body=None)
    return Panel(key=fragment.key, title=title, body=body)
