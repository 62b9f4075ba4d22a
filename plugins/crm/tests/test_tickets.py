"""Tasks, tickets and messages."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dxp.testing.client import DxpClient


@pytest.fixture
def desk(client: DxpClient) -> DxpClient:
    """A member of staff who serves customers."""
    return client.as_staff(
        "crm.customers.read",
        "crm.customers.write",
        "crm.tasks.write",
        "crm.tickets.read",
        "crm.tickets.write",
        "crm.messages.send",
    )


@pytest.fixture
def worker(client: DxpClient) -> DxpClient:
    """The same by an API key."""
    return client.as_key(
        "crm.customers.read",
        "crm.customers.write",
        "crm.tasks.write",
        "crm.tickets.read",
        "crm.tickets.write",
        "crm.messages.send",
    )


@pytest.fixture
def ticket(worker: DxpClient, grace: dict[str, Any]) -> dict[str, Any]:
    answer = worker.post(
        "/api/v1/tickets",
        json={"customer_id": grace["id"], "subject": "Broken cup", "channel": "phone"},
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def task(desk: DxpClient, **more: Any) -> dict[str, Any]:
    return {
        "title": "Call back",
        "due_at": "2026-03-12T15:00:00+01:00",
        "owner_id": str(desk.staff_id),
        **more,
    }


def types_of(key: DxpClient, customer: dict[str, Any]) -> list[str]:
    data = key.get(f"/api/v1/customers/{customer['id']}/timeline").get_json()["data"]
    return [item["type"] for item in data]


def test_a_task_is_given_finished_and_reopened(
    worker: DxpClient, desk: DxpClient, grace: dict[str, Any]
) -> None:
    made = worker.post("/api/v1/tasks", json=task(desk, customer_id=grace["id"])).get_json()
    assert made["due_at"].startswith("2026-03-12T14:00:00")
    url = f"/api/v1/tasks/{made['id']}"
    done = worker.patch(url, json={"state": "done"}).get_json()
    assert done["done_at"] is not None
    again = worker.patch(url, json={"state": "open"}).get_json()
    assert again["done_at"] is None
    told = [kind for kind in types_of(worker, grace) if kind.startswith("crm.task")]
    assert sorted(told) == ["crm.task_added", "crm.task_done", "crm.task_reopened"]


def test_tasks_are_listed_by_owner_state_and_due_moment(worker: DxpClient, desk: DxpClient) -> None:
    for title, due in (("late", "2026-03-01T00:00:00Z"), ("next", "2026-04-01T00:00:00Z")):
        worker.post("/api/v1/tasks", json=task(desk, title=title, due_at=due))

    def found(query: str) -> list[str]:
        data = worker.get(f"/api/v1/tasks?{query}").get_json()["data"]
        return [item["title"] for item in data]

    assert found(f"filter[owner]={desk.staff_id}") == ["late", "next"]
    assert found("filter[state]=done") == []
    assert found("filter[due_before]=2026-03-10T00:00:00Z") == ["late"]
    assert found(f"filter[owner]={uuid.uuid4()}") == []


def test_a_task_is_for_somebody_and_about_one_thing(
    worker: DxpClient, desk: DxpClient, grace: dict[str, Any], ticket: dict[str, Any]
) -> None:
    nobody = worker.post("/api/v1/tasks", json=task(desk, owner_id=str(uuid.uuid4())))
    assert nobody.get_json()["code"] == "unknown_assignee"
    unnamed = worker.post("/api/v1/tasks", json=task(desk, owner_id=None))
    assert unnamed.get_json()["code"] == "unknown_assignee"
    both = task(desk, customer_id=grace["id"], ticket_id=ticket["id"])
    assert worker.post("/api/v1/tasks", json=both).get_json()["code"] == "task_about_several"
    about = worker.post("/api/v1/tasks", json=task(desk, ticket_id=ticket["id"])).get_json()
    assert about["customer_id"] == grace["id"]


def test_a_ticket_goes_on_and_its_history_tells(
    worker: DxpClient, desk: DxpClient, grace: dict[str, Any], ticket: dict[str, Any]
) -> None:
    assert (ticket["status"], ticket["priority"]) == ("open", "normal")
    url = f"/api/v1/tickets/{ticket['id']}"
    changes = {"status": "solved", "assignee_id": str(desk.staff_id)}
    changed = worker.patch(url, json=changes, headers={"If-Match": '"v1"'})
    assert changed.get_json()["version"] == 2
    assert worker.patch(url, json={}, headers={"If-Match": '"v1"'}).status_code == 412
    timeline = worker.get(f"/api/v1/customers/{grace['id']}/timeline").get_json()["data"]
    assert timeline[0]["type"] == "crm.ticket_changed"
    assert timeline[0]["summary"] == "Broken cup: Solved, Normal"
    assert timeline[0]["data"]["changed"] == ["status", "assignee"]


def test_a_description_alone_raises_no_event(
    worker: DxpClient, grace: dict[str, Any], ticket: dict[str, Any]
) -> None:
    url = f"/api/v1/tickets/{ticket['id']}"
    worker.patch(url, json={"description": "Both handles"}, headers={"If-Match": '"v1"'})
    assert "crm.ticket_changed" not in types_of(worker, grace)


def test_tickets_are_filtered(worker: DxpClient, ticket: dict[str, Any]) -> None:
    for query, count in (
        ("filter[status]=open", 1),
        ("filter[status]=closed", 0),
        ("filter[priority]=normal", 1),
        (f"filter[customer]={ticket['customer_id']}", 1),
        (f"filter[assignee]={uuid.uuid4()}", 0),
    ):
        answer = worker.get(f"/api/v1/tickets?{query}")
        assert len(answer.get_json()["data"]) == count, query


def test_a_public_comment_is_mailed_and_logged_an_internal_one_is_not(
    worker: DxpClient,
    grace: dict[str, Any],
    ticket: dict[str, Any],
    run_jobs: Any,
    captured_mail: Any,
) -> None:
    url = f"/api/v1/tickets/{ticket['id']}/comments"
    worker.post(url, json={"text": "Is it under warranty?"})
    worker.post(url, json={"text": "A new one is on its way.", "public": True})
    run_jobs()
    [mail] = captured_mail.to("grace@example.com")
    assert mail["Subject"] == "Broken cup"
    comments = worker.get(url).get_json()
    assert [item["public"] for item in comments] == [False, True]
    [entry] = worker.get(f"/api/v1/customers/{grace['id']}/messages").get_json()["data"]
    assert (entry["status"], entry["consent"], entry["purpose"]) == (
        "sent",
        "not_needed",
        "service",
    )


def test_without_consent_a_message_is_held_back_and_logged(
    worker: DxpClient, grace: dict[str, Any], run_jobs: Any, captured_mail: Any
) -> None:
    url = f"/api/v1/customers/{grace['id']}/messages"
    offer = {"purpose": "marketing", "title": "Offer", "text": "Two for one"}
    held = worker.post(url, json=offer).get_json()
    assert (held["status"], held["consent"]) == ("no_consent", "missing")
    worker.put(
        f"/api/v1/customers/{grace['id']}/consents/marketing",
        json={"granted": True, "channel": "web"},
    )
    sent = worker.post(url, json=offer).get_json()
    assert (sent["status"], sent["consent"]) == ("sent", "granted")
    run_jobs()
    assert len(captured_mail.to("grace@example.com")) == 1
    assert types_of(worker, grace).count("crm.message_sent") == 1


def test_a_message_of_another_system_is_logged_with_what_the_ledger_says(
    worker: DxpClient, grace: dict[str, Any], run_jobs: Any, captured_mail: Any
) -> None:
    url = f"/api/v1/customers/{grace['id']}/messages"
    sms = {"channel": "sms", "purpose": "marketing", "title": "Sale", "sent_at": None}
    logged = worker.post(url, json=sms).get_json()
    assert (logged["channel"], logged["status"], logged["consent"]) == ("sms", "sent", "missing")
    run_jobs()
    assert captured_mail.all() == []


def test_tickets_need_their_own_permission(client: DxpClient, ticket: dict[str, Any]) -> None:
    reader = client.as_key("crm.customers.read")
    assert reader.get("/api/v1/tickets").status_code == 403
    assert reader.get(f"/api/v1/tickets/{ticket['id']}").status_code == 403


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filter[type]=crm.ticket_opened", ["crm.ticket_opened"]),
        (
            "filter[type]=crm.ticket_opened,consent.changed",
            ["crm.ticket_opened", "consent.changed"],
        ),
        ("filter[source]=elsewhere", []),
        ("filter[since]=2026-03-11T00:00:00Z", []),
        ("filter[until]=2026-03-10T09:00:00Z", []),
    ],
)
def test_the_timeline_is_filtered_by_kind_source_and_period(
    worker: DxpClient,
    grace: dict[str, Any],
    ticket: dict[str, Any],
    query: str,
    found: list[str],
) -> None:
    answer = worker.get(f"/api/v1/customers/{grace['id']}/timeline?{query}")
    assert [item["type"] for item in answer.get_json()["data"]] == found


def test_customers_open_tickets_of_their_own_and_follow_them(
    client: DxpClient, desk: DxpClient, worker: DxpClient, grace: dict[str, Any]
) -> None:
    me = client.as_customer(uuid.UUID(grace["id"]))
    mine = me.post("/api/v1/me/tickets", json={"subject": "Broken cup"})
    assert mine.status_code == 201, mine.get_json()
    assert set(mine.get_json()) == {
        *("id", "subject", "description", "status", "created_at", "updated_at")
    }
    url = f"/api/v1/me/tickets/{mine.get_json()['id']}"
    staff_url = f"/api/v1/tickets/{mine.get_json()['id']}"
    worker.post(f"{staff_url}/comments", json={"text": "She is right"})
    worker.post(f"{staff_url}/comments", json={"text": "A new one is coming", "public": True})
    etag = worker.get(staff_url).headers["ETag"]
    worker.patch(staff_url, json={"status": "solved"}, headers={"If-Match": etag})
    assert me.get("/api/v1/me/tickets?filter[status]=solved").get_json()["data"][0]["id"] in url
    written = me.post(f"{url}/messages", json={"text": "It did not come"})
    assert written.status_code == 201
    assert [(row["from"], row["text"]) for row in me.get(f"{url}/messages").get_json()] == [
        ("shop", "A new one is coming"),
        ("customer", "It did not come"),
    ]
    assert me.get(url).get_json()["status"] == "open"
    page = desk.get(f"/admin/crm/tickets/{mine.get_json()['id']}").get_data(as_text=True)
    assert "From the customer" in page


def test_customers_see_no_ticket_of_others_and_write_on_no_closed_one(
    client: DxpClient, worker: DxpClient, ticket: dict[str, Any], grace: dict[str, Any]
) -> None:
    other, me = client.as_customer(), client.as_customer(uuid.UUID(grace["id"]))
    url = f"/api/v1/me/tickets/{ticket['id']}"
    assert other.get("/api/v1/me/tickets").get_json()["data"] == []
    for answer in (other.get(url), other.get(f"{url}/messages")):
        assert answer.status_code == 404
    assert other.post(f"{url}/messages", json={"text": "Hello"}).status_code == 404
    assert worker.get("/api/v1/me/tickets").status_code == 403
    etag = worker.get(f"/api/v1/tickets/{ticket['id']}").headers["ETag"]
    closing = {"status": "closed"}
    worker.patch(f"/api/v1/tickets/{ticket['id']}", json=closing, headers={"If-Match": etag})
    answer = me.post(f"{url}/messages", json={"text": "Hello"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "ticket_closed")


def test_customers_do_not_flood_the_desk(client: DxpClient, grace: dict[str, Any]) -> None:
    me = client.as_customer(uuid.UUID(grace["id"]))
    codes = [
        me.post("/api/v1/me/tickets", json={"subject": f"No {number}"}).status_code
        for number in range(21)
    ]
    assert codes == [201] * 20 + [409]
