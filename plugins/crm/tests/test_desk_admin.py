"""The admin's pages of organisations, tasks, tickets and messages."""

from __future__ import annotations

import io
from typing import Any

import pytest

from dxp.testing.client import DxpClient
from dxp.testing.queries import count_queries


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


def text_of(client: DxpClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def a_task(desk: DxpClient, **more: Any) -> dict[str, Any]:
    return {
        "title": "Call back",
        "due_at": "2026-03-09T15:00",
        "owner_id": str(desk.staff_id),
        **more,
    }


@pytest.mark.usefixtures("clock")
def test_my_overdue_task_is_marked_and_finished(desk: DxpClient, grace: dict[str, Any]) -> None:
    added = desk.submit("/admin/crm/tasks/new", a_task(desk, subject_id=grace["id"]))
    assert added.headers["Location"].endswith(f"/customers/{grace['id']}/tasks")
    mine = text_of(desk, "/admin/crm/tasks")
    for text in ("Call back", "Overdue", "Grace Miller"):
        assert text in mine
    [task] = desk.get("/api/v1/tasks").get_json()["data"]
    done = desk.submit(f"/admin/crm/tasks/{task['id']}/done", {"back": "/admin/crm/tasks"})
    assert done.headers["Location"] == "/admin/crm/tasks"
    assert "Call back" not in text_of(desk, "/admin/crm/tasks")
    assert "Call back" in text_of(desk, "/admin/crm/tasks?state=done")


def test_a_faulty_task_keeps_what_was_typed(desk: DxpClient, grace: dict[str, Any]) -> None:
    answer = desk.submit(
        "/admin/crm/tasks/new", a_task(desk, due_at="tomorrow", subject_id=grace["id"])
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="Call back"' in page
    assert grace["id"] in page


def test_the_due_moment_is_in_the_zone_of_the_admin(make_app: Any) -> None:
    app = make_app(locale={"timezone": "Asia/Tehran"})
    desk = app.test_client().as_staff("crm.customers.read", "crm.tasks.write")
    desk.submit("/admin/crm/tasks/new", a_task(desk))
    key = app.test_client().as_key("crm.customers.read")
    [task] = key.get("/api/v1/tasks").get_json()["data"]
    assert task["due_at"].startswith("2026-03-09T11:30:00")
    page = desk.get(f"/admin/crm/tasks/{task['id']}").get_data(as_text=True)
    assert 'value="2026-03-09T15:00"' in page


def test_a_ticket_is_opened_answered_and_solved(
    desk: DxpClient, grace: dict[str, Any], run_jobs: Any, captured_mail: Any
) -> None:
    opened = desk.submit(
        "/admin/crm/tickets/new",
        {"subject_id": grace["id"], "subject": "Broken cup", "priority": "urgent"},
    )
    url = opened.headers["Location"]
    assert desk.submit(f"{url}/comments", {"text": ""}).status_code == 422
    desk.submit(f"{url}/comments", {"text": "On its way", "public": "true"})
    run_jobs()
    assert len(captured_mail.to("grace@example.com")) == 1
    changes = {"status": "solved", "priority": "low", "assignee_id": str(desk.staff_id)}
    desk.submit(url, changes | {"version": "2"})
    stale = desk.submit(url, changes | {"version": "2", "status": "closed"})
    assert stale.status_code == 422
    assert "changed by somebody else" in stale.get_data(as_text=True)
    page = text_of(desk, url)
    for text in ("On its way", "To the customer", "Solved · Low"):
        assert text in page
    listed = text_of(desk, "/admin/crm/tickets?status=solved&assignee=me")
    assert "Broken cup" in listed
    assert "Broken cup" not in text_of(desk, "/admin/crm/tickets?status=open")
    assert "Broken cup" in text_of(desk, f"/admin/crm/customers/{grace['id']}/tickets")
    log = text_of(desk, f"/admin/crm/customers/{grace['id']}/messages")
    assert "No consent needed" in log


def test_a_ticket_without_a_customer_leads_to_the_customers(desk: DxpClient) -> None:
    assert desk.get("/admin/crm/tickets/new").headers["Location"] == "/admin/crm/customers"


def test_a_message_without_consent_is_held_back_in_words(
    desk: DxpClient, grace: dict[str, Any]
) -> None:
    url = f"/admin/crm/customers/{grace['id']}/messages"
    assert desk.submit(url, {"purpose": "marketing", "title": "", "text": "x"}).status_code == 422
    desk.submit(url, {"purpose": "marketing", "title": "Offer", "text": "Two for one"})
    page = text_of(desk, url)
    assert "Held back: no consent" in page


def test_an_organisation_is_made_and_joined(desk: DxpClient, grace: dict[str, Any]) -> None:
    made = desk.submit(
        "/admin/crm/organisations/new", {"name": "North Roasters", "tags": "b2b, cafe"}
    )
    url = made.headers["Location"]
    nobody = desk.submit(f"{url}/people", {"who": "C-99"})
    assert "No customer has this number" in nobody.get_data(as_text=True)
    desk.submit(f"{url}/people", {"who": "C-1", "role": "buyer"})
    page = text_of(desk, url)
    for text in ("Grace Miller", "buyer", "Joined an organisation", "cafe"):
        assert text in page
    assert "North Roasters" in text_of(desk, f"/admin/crm/customers/{grace['id']}/organisations")
    assert "North Roasters" in text_of(desk, "/admin/crm/organisations?q=roast&tag=b2b")
    desk.submit(f"{url}/people/{grace['id']}/remove")
    assert "Nobody belongs to it yet" in text_of(desk, url)
    stale = {"name": "Other", "version": "9"}
    assert desk.submit(f"{url}/edit", stale).status_code == 422
    assert desk.submit(f"{url}/delete").status_code == 303


def test_the_timeline_page_is_filtered_by_kind_and_day(
    desk: DxpClient, grace: dict[str, Any]
) -> None:
    url = f"/admin/crm/customers/{grace['id']}"
    desk.submit(f"{url}/notes", {"text": "Prefers letters."})
    shown = text_of(desk, f"{url}?type=crm.note_added").partition('id="timeline"')[2]
    timeline = shown.partition("<ol")[2].partition("</ol>")[0]
    assert "Note added" in timeline
    assert "Customer registered" not in timeline
    assert "Nothing found" in text_of(desk, f"{url}?until=2001-01-01")
    assert "Customer registered" in text_of(desk, f"{url}?since=nonsense")


def test_who_may_not_see_tickets_has_no_way_to_them(
    client: DxpClient, grace: dict[str, Any]
) -> None:
    reader = client.as_staff("crm.customers.read")
    page = text_of(reader, f"/admin/crm/customers/{grace['id']}")
    assert "/tickets" not in page
    assert reader.get(f"/admin/crm/customers/{grace['id']}/tickets").status_code == 403
    for path in ("tasks/new", "tickets/new", "organisations/new"):
        assert reader.submit(f"/admin/crm/{path}", {}).status_code == 403


def test_lists_take_a_constant_number_of_queries(desk: DxpClient, grace: dict[str, Any]) -> None:
    counts: dict[str, set[int]] = {}
    for number in range(2):
        for _again in range(number + 1):
            desk.submit("/admin/crm/tasks/new", a_task(desk, subject_id=grace["id"]))
            desk.submit("/admin/crm/tickets/new", {"subject_id": grace["id"], "subject": "x"})
            desk.submit("/admin/crm/organisations/new", {"name": "N", "tags": "a"})
        for path in ("tasks", "tickets", "organisations", "customers"):
            with count_queries(desk.platform) as queries:
                text_of(desk, f"/admin/crm/{path}")
            counts.setdefault(path, set()).add(queries.count)
    assert {path: len(found) for path, found in counts.items()} == dict.fromkeys(counts, 1)


def test_the_palette_finds_records_as_far_as_they_may_be_seen(
    client: DxpClient, desk: DxpClient, grace: dict[str, Any]
) -> None:
    desk.submit("/admin/crm/tasks/new", a_task(desk, title="Xylo task"))
    desk.submit("/admin/crm/organisations/new", {"name": "Xylo Ltd"})
    desk.submit("/admin/crm/tickets/new", {"subject_id": grace["id"], "subject": "Xylo ticket"})
    found = text_of(desk, "/admin/search?q=xylo")
    for text in ("Xylo task", "Xylo Ltd", "Xylo ticket"):
        assert text in found
    reader = text_of(client.as_staff("crm.customers.read"), "/admin/search?q=xylo")
    assert "Xylo Ltd" in reader
    assert "Xylo ticket" not in reader


def test_the_dashboard_shows_my_tasks_alone(client: DxpClient, desk: DxpClient) -> None:
    desk.submit("/admin/crm/tasks/new", a_task(desk))
    assert "Call back" in text_of(desk, "/admin/")
    assert "Call back" not in text_of(client.as_staff("crm.customers.read"), "/admin/")


def test_a_small_form_comes_back_with_what_was_typed_and_the_error_at_its_field(
    desk: DxpClient, client: DxpClient, grace: dict[str, Any]
) -> None:
    editor = client.as_staff("*")
    made = editor.submit("/admin/crm/organisations/new", {"name": "Acme"})
    customer = f"/admin/crm/customers/{grace['id']}"
    desk.submit("/admin/crm/tickets/new", {"subject_id": grace["id"], "subject": "Broken cup"})
    [ticket] = desk.get("/api/v1/tickets").get_json()["data"]
    list_url = "/admin/crm/segments"
    editor.submit(f"{list_url}/new", {"name": "VIP", "key": "vip", "kind": "static"})
    sent: list[tuple[str, dict[str, Any], str, str]] = [
        (f"{made.headers['Location']}/people", {"who": "nobody", "role": "Boss"}, "who", "Boss"),
        (f"{customer}/birthday", {"day": "31", "month": "13", "year": "1990"}, "month", "1990"),
        (f"{customer}/notes", {"text": "x" * 10_001}, "text", "x" * 10_001),
        (
            f"/admin/crm/tickets/{ticket['id']}",
            {"status": "solved", "priority": "none", "assignee_id": ""},
            "priority",
            'value="solved" selected',
        ),
        ("/admin/crm/tags/new", {"name": "y" * 51, "color": "danger"}, "name", "y" * 51),
        (
            f"{list_url}/vip/members",
            {"refs": "C-1", "file": (io.BytesIO(b"\xff"), "a.csv")},
            "file",
            "C-1",
        ),
    ]
    for url, form, field, typed in sent:
        answer = editor.submit(url, form)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422, url
        assert typed in page, url
        assert f'id="f-{field}-error"' in page, url


def test_a_due_moment_is_meant_and_shown_in_the_zone_of_who_writes_it(
    desk: DxpClient, grace: dict[str, Any]
) -> None:
    desk.submit("/admin/account/timezone", {"timezone": "Asia/Tehran"})
    desk.submit("/admin/crm/tasks/new", a_task(desk, subject_id=grace["id"]))
    [task] = desk.get("/api/v1/tasks").get_json()["data"]
    assert task["due_at"].startswith("2026-03-09T11:30")
    page = text_of(desk, f"/admin/crm/tasks/{task['id']}")
    assert 'value="2026-03-09T15:00"' in page
    assert "Asia/Tehran" in page
