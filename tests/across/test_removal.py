"""Each plugin can be taken away: the rest starts, migrates, and serves."""

from __future__ import annotations

from typing import Any

import pytest

from dxp.plugins.discovery import announced
from dxp.testing.client import DxpClient

PLUGINS = sorted(announced())
FIRST_PARTY = ("cms", "crm", "loyalty", "personalization")


def test_the_first_party_plugins_are_found_as_any_stranger_would_be() -> None:
    assert set(FIRST_PARTY) <= set(PLUGINS)


@pytest.mark.parametrize("name", FIRST_PARTY)
def test_without_one_plugin_the_rest_starts_and_documents_itself(make_app: Any, name: str) -> None:
    app = make_app(disabled_plugins=(name,))
    client: DxpClient = app.test_client()
    document = client.get("/api/openapi.json").get_json()
    assert name not in {tag["name"] for tag in document["tags"]}
    assert set(app.extensions["dxp"].plugins.loaded) == set(PLUGINS) - {name}
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("name", FIRST_PARTY)
def test_without_one_plugin_every_page_of_the_menu_opens(make_app: Any, name: str) -> None:
    app = make_app(disabled_plugins=(name,))
    staff = app.test_client().as_staff("*")
    assert staff.get("/admin/").status_code == 200
    for entry in _menu_paths(app):
        assert staff.get(entry).status_code == 200, entry


def test_selection_answers_without_content_customers_and_points(make_app: Any) -> None:
    app = make_app(disabled_plugins=("cms", "crm", "loyalty"))
    key = app.test_client().as_key("personalization.decide", "personalization.slots.write")
    key.post("/api/v1/slots", json={"key": "home.hero", "title": "Hero"})
    answer = key.post("/api/v1/decide", json={"slots": [{"key": "home.hero"}]})
    assert answer.status_code == 200
    assert answer.get_json()["decisions"][0]["source"] == "empty"


def test_an_order_is_taken_without_loyalty(make_app: Any) -> None:
    app = make_app(disabled_plugins=("loyalty",))
    key = app.test_client().as_key("crm.customers.write", "events.write")
    key.post("/api/v1/customers", json={"ref": "C-1"})
    event = {
        "id": "1",
        "type": "order.placed",
        "subject": {"ref": "C-1"},
        "data": {"order_id": "1", "total": "5.00", "currency": "EUR"},
    }
    answer = key.post("/api/v1/events", json={"events": [event]})
    assert answer.status_code == 200, answer.get_json()


def _menu_paths(app: Any) -> list[str]:
    from dxp.plugins.spec import Plugin

    platform = app.extensions["dxp"]
    with app.test_request_context():
        return [
            app.url_for(entry.endpoint)
            for answer in platform.plugins.call_start(Plugin.menu)
            for entry in answer.value
        ]
