"""Plugins keep values in the audit log from those who may not see them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dxp.plugins.contexts import AuditViewContext
from dxp.plugins.spec import Plugin
from dxp.testing.actors import SYSTEM
from dxp.testing.apps import platform_of


class Keeper(Plugin):
    """Keeps salaries to itself."""

    name = "keeper"

    def hidden_audit_values(self, ctx: AuditViewContext) -> Collection[str]:
        return [name for name in ctx.names if (ctx.object_type, name) == ("person", "salary")]


def test_a_value_that_a_plugin_keeps_back_is_not_shown(make_app: Any) -> None:
    app = make_app(plugins=[Keeper])
    platform = platform_of(app)
    with platform.db.write() as session:
        platform.audit.record(
            session,
            SYSTEM,
            action="keeper.person.hired",
            object_type="person",
            object_id=1,
            after={"salary": "4711", "room": "B12"},
        )
    with platform.db.read() as session:
        [seq] = [
            entry.seq
            for entry in platform.audit.entries(session)
            if entry.action == "keeper.person.hired"
        ]
    page = app.test_client().as_staff("core.audit.read").get(f"/admin/audit/{seq}")
    text = page.get_data(as_text=True)
    assert ("salary" in text, "B12" in text, "4711" in text) == (True, True, False)
