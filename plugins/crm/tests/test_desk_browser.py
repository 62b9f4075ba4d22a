"""The desk's pages in a real browser: readable, and not wider than the screen."""

from __future__ import annotations

from typing import Any

import pytest

from dxp.testing.client import DxpClient

pytestmark = pytest.mark.browser
LOOKS = [("en", "light", 1280), ("ar", "dark", 390)]


@pytest.mark.parametrize("look", LOOKS, ids=["english", "arabic, narrow"])
def test_the_pages_of_the_desk_can_be_used(
    client: DxpClient, grace: dict[str, Any], make_reader: Any, look: tuple[str, str, int]
) -> None:
    staff = client.as_staff("*")
    url = f"/admin/crm/customers/{grace['id']}"
    label = {f"label.{locale}": "Roast" for locale in ("en", "ar")}
    staff.submit(
        "/admin/crm/fields/new",
        {"key": "roast", "type": "choice", "choices": "light\ndark", **label},
    )
    staff.submit(f"{url}/edit", {"name": "Grace", "tags": "vip", "fields.roast": "dark"})
    task = {"title": "Call back", "due_at": "2026-03-09T15:00", "owner_id": str(staff.staff_id)}
    staff.submit("/admin/crm/tasks/new", task | {"subject_id": grace["id"]})
    ticket = staff.submit(
        "/admin/crm/tickets/new",
        {"subject_id": grace["id"], "subject": "Broken cup", "priority": "urgent"},
    ).headers["Location"]
    staff.submit(f"{ticket}/comments", {"text": "On its way", "public": "true"})
    north = staff.submit("/admin/crm/organisations/new", {"name": "North Roasters"}).headers[
        "Location"
    ]
    staff.submit(f"{north}/people", {"who": "C-1", "role": "buyer"})
    [tag] = client.as_key("crm.customers.read").get("/api/v1/tags").get_json()
    reader = make_reader(staff, look=look)
    for path in (
        url,
        f"{url}/edit",
        f"{url}/tasks",
        f"{url}/tickets",
        f"{url}/messages",
        f"{url}/organisations",
        ticket,
        north,
        f"{north}/edit",
        "/admin/crm/tasks",
        "/admin/crm/tasks/new",
        "/admin/crm/tickets",
        "/admin/crm/organisations",
        "/admin/crm/fields",
        "/admin/crm/fields/new",
        "/admin/crm/fields/access/person/email",
        "/admin/crm/tags",
        f"/admin/crm/tags/{tag['id']}",
    ):
        reader.open(path)
        assert reader.faults() == [], path
        assert not reader.too_wide(), path
