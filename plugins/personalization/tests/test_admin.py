"""The admin's pages of slots."""

from __future__ import annotations

import uuid

import pytest

from dxp.testing.client import DxpClient

# The id that the fixture content has.
GOLD = uuid.UUID(int=2)


@pytest.fixture
def editor(client: DxpClient) -> DxpClient:
    return client.as_staff("personalization.slots.read", "personalization.slots.write")


def test_the_simulator_says_what_a_stranger_sees_and_writes_nothing(
    editor: DxpClient, hero: str, platform: object
) -> None:
    from sqlalchemy import select

    from dxp_personalization.models import Decision

    page = editor.get("/admin/personalization/slots/home.hero?simulate=1&day=2026-12-24")
    text = page.get_data(as_text=True)
    assert "A stranger" in text
    assert "fallback" in text
    with platform.db.read() as session:  # type: ignore[attr-defined]
        assert session.scalars(select(Decision)).all() == []


def test_a_slot_and_its_candidate_are_made_by_hand(editor: DxpClient) -> None:
    made = editor.submit("/admin/personalization/slots/new", {"key": "side.bar", "title": "Side"})
    assert made.status_code == 303
    saved = editor.submit(
        "/admin/personalization/slots/side.bar/candidates/new",
        {"key": "one", "content_id": str(GOLD), "condition": '{"a": 1}', "priority": "3"},
    )
    assert saved.status_code == 303, saved.get_data(as_text=True)
    page = editor.get("/admin/personalization/slots/side.bar").get_data(as_text=True)
    assert "For gold members" in page


def test_a_faulty_condition_comes_back_with_its_place(editor: DxpClient, hero: str) -> None:
    answer = editor.submit(
        "/admin/personalization/slots/home.hero/candidates/new",
        {"key": "x", "content_id": str(GOLD), "condition": '{"a": {"$near": 1}}'},
    )
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "/a/$near" in text
    assert "$near" in text


def test_a_reader_cannot_change_slots(client: DxpClient, hero: str) -> None:
    reader = client.as_staff("personalization.slots.read")
    base = "/admin/personalization/slots"
    assert reader.get(f"{base}/home.hero").status_code == 200
    assert reader.get(f"{base}/new").status_code == 403
    assert reader.submit(f"{base}/home.hero/candidates/gold/delete").status_code == 403
