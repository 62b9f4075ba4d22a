"""`POST /api/v1/decide`: who sees what, and why."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dxp.testing.actors import make_subject
from dxp.testing.client import DxpClient

# The ids that the fixture content has.
DEFAULT, GOLD, GIFT = (uuid.UUID(int=number) for number in (1, 2, 3))


def ask(client: DxpClient, subject: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    answer = client.post(
        "/api/v1/decide",
        json={"slots": [{"key": "home.hero"}], "subject": subject or {}, "explain": True, **more},
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    decision: dict[str, Any] = answer.get_json()["decisions"][0]
    return decision


@pytest.fixture
def member(platform: Any, neighbours: Any) -> uuid.UUID:
    """A customer with many points who consents to profiling."""
    subject_id = make_subject(platform)
    neighbours.consenting.add(subject_id)
    neighbours.known[subject_id] = {"loyalty.points_available": 700}
    return subject_id


def test_a_stranger_gets_the_fallback_with_its_content(key: DxpClient, hero: str) -> None:
    decision = ask(key)
    assert decision["source"] == "fallback"
    assert decision["items"][0]["content"] == {"id": str(DEFAULT), "title": "Welcome"}
    assert decision["personalised"] is False


def test_a_member_gets_what_their_points_unlock_and_the_answer_says_why(
    key: DxpClient, hero: str, member: uuid.UUID
) -> None:
    decision = ask(key, {"id": str(member)})
    assert decision["items"][0]["content_id"] == str(GOLD)
    assert decision["source"] == "rule"
    failed = [step for step in decision["why"] if not step["result"]]
    assert failed == [
        {
            "stage": "condition",
            "candidate": "gift",
            "result": False,
            "failed": "loyalty.has_birthday_gift $eq True",
            "actual": None,
        }
    ]


def test_a_plugins_proposal_comes_before_priorities(
    key: DxpClient, hero: str, member: uuid.UUID, neighbours: Any
) -> None:
    neighbours.known[member]["loyalty.has_birthday_gift"] = True
    decision = ask(key, {"id": str(member)})
    assert decision["items"][0]["content_id"] == str(GIFT)
    assert decision["source"] == "plugin:neighbours"


def test_without_consent_nothing_stored_changes_the_answer(
    key: DxpClient, hero: str, member: uuid.UUID, neighbours: Any
) -> None:
    neighbours.consenting.clear()
    stranger, known = ask(key), ask(key, {"id": str(member)})
    for decision in (stranger, known):
        decision.pop("decision_id")
    assert stranger == known


def test_a_customers_token_speaks_for_that_customer_only(
    client: DxpClient, hero: str, member: uuid.UUID
) -> None:
    me = client.as_customer(member)
    assert ask(me)["items"][0]["content_id"] == str(GOLD)
    body = {"slots": [{"key": "home.hero"}], "subject": {"id": str(member)}}
    refused = client.as_customer().post("/api/v1/decide", json=body)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "subject_not_trusted")


def test_a_slot_answers_when_its_content_is_gone(
    key: DxpClient, hero: str, neighbours: Any
) -> None:
    neighbours.live.clear()
    decision = ask(key)
    assert decision["items"] == []
    assert decision["source"] == "empty"


def test_a_slot_answers_when_facts_fail(
    key: DxpClient, hero: str, member: uuid.UUID, neighbours: Any, platform: Any
) -> None:
    platform.plugins.strict = False
    neighbours.broken = True
    assert ask(key, {"id": str(member)})["source"] == "fallback"


def test_dates_of_a_candidate_are_kept(
    key: DxpClient, hero: str, member: uuid.UUID, clock: Any
) -> None:
    body = {
        "content_id": str(GOLD),
        "starts_at": "2026-04-01T00:00:00+00:00",
        "ends_at": "2026-05-01T00:00:00+00:00",
    }
    key.put("/api/v1/slots/home.hero/candidates/gold", json=body)
    assert ask(key)["source"] == "fallback"
    from datetime import UTC, datetime

    clock.set(datetime(2026, 4, 1, tzinfo=UTC))
    assert ask(key)["items"][0]["candidate"] == "gold"
    clock.set(datetime(2026, 5, 1, tzinfo=UTC))
    assert ask(key)["source"] == "fallback"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"slots": [{"key": "nowhere"}]}, 422, "unknown_slot"),
        ({"slots": []}, 422, "invalid_body"),
        ({"slots": [{"key": "home.hero"}, {"key": "home.hero"}]}, 422, "invalid_body"),
        ({"slots": [{"key": "home.hero"}], "subject": {"ref": "none"}}, 404, "unknown_subject"),
        (
            {"slots": [{"key": "home.hero"}], "subject": {"ref": "a", "id": str(uuid.UUID(int=9))}},
            400,
            "ambiguous_subject",
        ),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    key: DxpClient, hero: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = key.post("/api/v1/decide", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_the_number_of_queries_does_not_grow_with_slots(
    key: DxpClient, hero: str, member: uuid.UUID, count_queries: Any
) -> None:
    for number in range(5):
        key.post("/api/v1/slots", json={"key": f"list.{number}", "title": "List"})
        for name in ("a", "b"):
            key.put(
                f"/api/v1/slots/list.{number}/candidates/{name}", json={"content_id": str(GOLD)}
            )

    def cost(slots: list[str]) -> int:
        with count_queries() as queries:
            answer = key.post(
                "/api/v1/decide",
                json={
                    "slots": [{"key": slot} for slot in slots],
                    "subject": {"id": str(member)},
                },
            )
        assert answer.status_code == 200
        return int(queries.count)

    cost([hero])
    assert cost([hero]) == cost([hero, *(f"list.{number}" for number in range(5))])


def test_a_condition_that_is_none_is_refused_at_its_place(key: DxpClient, hero: str) -> None:
    answer = key.put(
        "/api/v1/slots/home.hero/candidates/gold",
        json={"content_id": str(GOLD), "condition": {"points": {"$atleast": 5}}},
    )
    assert answer.status_code == 422
    problem = answer.get_json()
    assert problem["code"] == "invalid_condition"
    assert problem["errors"][0]["pointer"].endswith("/points/$atleast")


def test_a_page_asks_for_visitors_and_for_customers_whose_token_it_has(
    client: DxpClient, platform: Any, hero: str, member: uuid.UUID
) -> None:
    page = client.as_browser("personalization.decide")
    with platform.db.write() as session:
        token = platform.accounts.customer_tokens.issue(session, member).access_token
    stranger = ask(page, {"anonymous_id": "b-1"})
    assert stranger["source"] == "fallback"
    assert not stranger.get("why")
    for subject in ({}, {"id": str(member)}):
        answer = page.post(
            "/api/v1/decide",
            json={"slots": [{"key": "home.hero"}], "subject": subject},
            headers={"X-Customer-Token": token},
        )
        (decision,) = answer.get_json()["decisions"]
        assert decision["items"][0]["content_id"] == str(GOLD)


def test_a_page_asks_for_nobody_by_id_or_ref(
    client: DxpClient, hero: str, member: uuid.UUID
) -> None:
    page = client.as_browser("personalization.decide")
    for subject in ({"id": str(member)}, {"ref": "C-1"}):
        answer = page.post(
            "/api/v1/decide", json={"slots": [{"key": "home.hero"}], "subject": subject}
        )
        assert answer.status_code == 403
        assert answer.get_json()["code"] == "subject_not_trusted"
