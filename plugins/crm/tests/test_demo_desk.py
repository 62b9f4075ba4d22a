"""The demo's organisations, tickets and tasks."""

from __future__ import annotations

from dxp.api import DemoContext, Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.demo import _people
from dxp_crm.demo_desk import define_fields, load_desk
from dxp_crm.services import Crm


def test_a_second_load_changes_nothing(client: DxpClient, platform: Platform) -> None:
    client.as_staff("crm.customers.read")
    ctx = DemoContext(
        platform=platform,
        actor=SystemActor(),
        stage="load",
        progress=lambda _label, _total: lambda _done: None,
    )
    with platform.db.write() as session:
        people = list(_people(platform.clock.now()))
        platform.services.get(Crm).customers.register_many(session, ctx.actor, people)
    for _again in range(2):
        define_fields(ctx)
        load_desk(ctx)
    key = client.as_key("crm.customers.read", "crm.tickets.read")
    counts = {
        path: len(key.get(f"/api/v1/{path}").get_json()["data"])
        for path in ("organisations", "tickets", "tasks")
    }
    assert counts == {"organisations": 2, "tickets": 2, "tasks": 2}
    grace = key.get("/api/v1/customers?filter[ref]=C-1001").get_json()["data"][0]
    assert grace["fields"] == {"favourite_roast": "dark", "cups_a_day": 4}
