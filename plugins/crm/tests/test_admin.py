"""The admin's pages of customers."""

from __future__ import annotations

from typing import Any

import pytest

from dxp.testing.client import DxpClient


@pytest.fixture
def editor(client: DxpClient) -> DxpClient:
    return client.as_staff("crm.customers.read", "crm.customers.write")


def test_customers_are_found_by_a_part_of_their_name(
    editor: DxpClient, grace: dict[str, Any]
) -> None:
    page = editor.get("/admin/crm/customers?q=mill").get_data(as_text=True)
    assert "Grace Miller" in page
    page = editor.get("/admin/crm/customers?q=smith").get_data(as_text=True)
    assert "Grace Miller" not in page


def test_persian_and_arabic_spellings_find_each_other(editor: DxpClient, key: DxpClient) -> None:
    key.post("/api/v1/customers", json={"name": "علي كريمي"})
    page = editor.get("/admin/crm/customers?q=علی کریمی").get_data(as_text=True)
    assert "علي كريمي" in page


def test_the_page_of_a_customer_shows_profile_consents_and_timeline(
    editor: DxpClient, grace: dict[str, Any]
) -> None:
    page = editor.get(f"/admin/crm/customers/{grace['id']}").get_data(as_text=True)
    for text in ("Grace Miller", "grace@example.com", "1906-12-09", "Birthday gifts", "Timeline"):
        assert text in page


def test_the_timeline_tells_what_happened_in_words(
    editor: DxpClient, key: DxpClient, grace: dict[str, Any]
) -> None:
    """No names of event types or of fields: people read it."""
    order = {"order_id": "A-17", "total": "25.7400", "currency": "USD"}
    event = {"id": "1", "type": "order.placed", "subject": {"ref": "C-1"}, "data": order}
    answer = key.post("/api/v1/events", json={"events": [event]})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    page = editor.get(f"/admin/crm/customers/{grace['id']}").get_data(as_text=True)
    timeline = page.partition('id="timeline"')[2]
    for text in ("Order A-17 of $25.74", "Number in the shop: C-1", "Granted: Birthday gifts"):
        assert text in timeline
    assert "order_id" not in timeline


def test_a_customer_is_registered_by_hand(editor: DxpClient) -> None:
    answer = editor.submit(
        "/admin/crm/customers/new", {"name": "Ada", "ref": "A-1", "tags": "vip, early"}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
    page = editor.get(answer.headers["Location"]).get_data(as_text=True)
    assert "Ada" in page
    assert "early" in page


def test_a_faulty_form_comes_back_with_what_was_typed(editor: DxpClient) -> None:
    answer = editor.submit("/admin/crm/customers/new", {"name": "Ada", "email": "nonsense"})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'value="Ada"' in page
    assert "Not a valid email address." in page


def test_a_stale_form_is_refused(editor: DxpClient, grace: dict[str, Any]) -> None:
    url = f"/admin/crm/customers/{grace['id']}/edit"
    assert editor.submit(url, {"name": "One", "version": "1"}).status_code == 303
    stale = editor.submit(url, {"name": "Two", "version": "1"})
    assert stale.status_code == 422
    assert "changed by somebody else" in stale.get_data(as_text=True)


def test_a_reader_sees_no_way_to_change_and_cannot(
    client: DxpClient, grace: dict[str, Any]
) -> None:
    reader = client.as_staff("crm.customers.read")
    url = f"/admin/crm/customers/{grace['id']}"
    assert "/edit" not in reader.get(url).get_data(as_text=True)
    for path in ("edit", "birthday", "consents", "notes"):
        assert reader.submit(f"{url}/{path}", {"name": "X"}).status_code == 403


def test_a_note_is_shown_and_audited(
    editor: DxpClient, grace: dict[str, Any], platform: Any
) -> None:
    url = f"/admin/crm/customers/{grace['id']}"
    editor.submit(f"{url}/notes", {"text": "Prefers letters."})
    assert "Prefers letters." in editor.get(url).get_data(as_text=True)
    with platform.db.read() as session:
        actions = [entry.action for entry in platform.audit.entries(session)]
    assert "crm.note.added" in actions
