"""What customers and storefronts ask: a browser's owner, a copy of one's data, an erasure."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from sqlalchemy import select

from dxp.platform import Platform
from dxp.privacy import PrivacyRequest
from dxp.testing.actors import SYSTEM
from dxp.testing.client import DxpClient
from dxp_personalization.models import Decision
from dxp_personalization.services import Personalization
from tests.across.scopes import all_scopes


@pytest.fixture
def key(client: DxpClient) -> DxpClient:
    return client.as_key("crm.customers.read", "crm.customers.write", "events.write", "events.read")


@pytest.fixture
def register(key: DxpClient) -> Any:
    def made(ref: str, **values: Any) -> uuid.UUID:
        answer = key.post("/api/v1/customers", json={"ref": ref, "name": f"Name {ref}", **values})
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return uuid.UUID(answer.get_json()["id"])

    return made


def order(key: DxpClient, subject: dict[str, str]) -> dict[str, Any]:
    data = {"order_id": str(uuid.uuid4()), "total": "5.00", "currency": "USD", "lines": []}
    event = {"id": data["order_id"], "type": "order.placed", "subject": subject, "data": data}
    answer = key.post("/api/v1/events", json={"events": [event]})
    result: dict[str, Any] = answer.get_json()["data"][0]
    assert result["status"] == "accepted", result
    return result


def orders_of(key: DxpClient, subject_id: uuid.UUID) -> int:
    url = f"/api/v1/events?filter[subject]={subject_id}&filter[type]=order.placed"
    return len(key.get(url).get_json()["data"])


def test_what_a_browser_did_becomes_its_owners_at_log_in(key: DxpClient, register: Any) -> None:
    grace = register("G")
    order(key, {"anonymous_id": "browser"})
    url = f"/api/v1/customers/{grace}/identify"
    for _time in range(2):
        answer = key.post(url, json={"anonymous_id": "browser"})
        assert (answer.status_code, answer.get_json()) == (200, {"id": str(grace)})
    order(key, {"anonymous_id": "browser"})
    assert orders_of(key, grace) == 2


def test_what_a_browser_was_shown_becomes_its_owners_at_log_in_and_is_erased_with_them(
    client: DxpClient, platform: Platform, key: DxpClient, register: Any
) -> None:
    shop = client.as_key("personalization.slots.write", "personalization.decide")
    assert shop.post("/api/v1/slots", json={"key": "home", "title": "Home"}).status_code == 201

    def whose() -> set[str | None]:
        question = {"subject": {"anonymous_id": "browser"}, "slots": [{"key": "home"}]}
        assert shop.post("/api/v1/decide", json=question).status_code == 200
        with platform.db.read() as session:
            return set(session.scalars(select(Decision.pseudonym)))

    decisions = platform.services.get(Personalization).decisions
    grace = register("G")
    assert whose().isdisjoint({None, decisions.pseudonym(str(grace))})
    body = {"anonymous_id": "browser"}
    assert key.post(f"/api/v1/customers/{grace}/identify", json=body).status_code == 200
    assert whose() == {decisions.pseudonym(str(grace))}
    with platform.db.write() as session:
        platform.privacy.erasure.erase(session, SYSTEM, subject_id=grace)
    with platform.db.read() as session:
        assert set(session.scalars(select(Decision.pseudonym))) == {None}


def test_a_shared_browser_makes_no_two_strangers_one(
    key: DxpClient, client: DxpClient, register: Any
) -> None:
    """The second customer is refused with a code, and a new id for the browser goes through."""
    grace, ada = register("G"), register("A")
    body = {"anonymous_id": "shared"}
    assert client.as_customer(grace).post("/api/v1/me/identify", json=body).status_code == 200
    order(key, {"anonymous_id": "shared"})
    me = client.as_customer(ada)
    answer = me.post("/api/v1/me/identify", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "anonymous_id_taken")
    assert me.post("/api/v1/me/identify", json={"anonymous_id": "fresh"}).status_code == 200
    order(key, {"anonymous_id": "fresh"})
    assert (orders_of(key, grace), orders_of(key, ada)) == (1, 1)


def fetch(me: DxpClient, export_id: str) -> Any:
    return me.post(f"/api/v1/me/exports/{export_id}/file")


def test_a_copy_holds_all_and_can_be_fetched_once(
    key: DxpClient, client: DxpClient, register: Any
) -> None:
    """JSON for each part, and a page in the customer's own language and direction."""
    grace = register("G", locale="ar", email="grace@example.com")
    order(key, {"ref": "G"})
    me = client.as_customer(grace)
    made = me.post("/api/v1/me/exports").get_json()
    assert made["state"] == "ready"
    assert fetch(client.as_customer(register("A")), made["id"]).status_code == 404
    answer = fetch(me, made["id"])
    assert answer.status_code == 200
    archive = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    assert {"core.json", "crm.json", "events.json", "index.html"} <= set(archive.namelist())
    profile = json.loads(archive.read("crm.json"))["customer"]
    assert profile["email"] == "grace@example.com"
    types = {event["type"] for event in json.loads(archive.read("events.json"))}
    assert {"customer.registered", "order.placed"} <= types
    page = archive.read("index.html").decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "grace@example.com" in page
    assert "<script" not in page
    assert (fetch(me, made["id"]).status_code, fetch(me, made["id"]).get_json()["code"]) == (
        409,
        "export_gone",
    )


def test_a_long_history_is_copied_by_a_job(
    client: DxpClient, register: Any, run_jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dxp.privacy.exports.SMALL", 0)
    me = client.as_customer(register("G"))
    made = me.post("/api/v1/me/exports").get_json()
    assert made["state"] == "queued"
    assert fetch(me, made["id"]).get_json()["code"] == "export_not_ready"
    run_jobs()
    assert me.get(f"/api/v1/me/exports/{made['id']}").get_json()["state"] == "ready"
    assert fetch(me, made["id"]).status_code == 200


def test_an_erasure_that_was_asked_for_keeps_no_words_of_it(
    client: DxpClient, register: Any, platform: Platform, clock: Any
) -> None:
    """Due in 30 days, done by staff, and then a record without personal data."""
    grace = register("G")
    me = client.as_customer(grace)
    body = {"kind": "erasure", "details": "I moved to Ghent"}
    asked = me.post("/api/v1/me/privacy-requests", json=body).get_json()
    assert asked["state"] == "open"
    assert me.get("/api/v1/me/privacy-requests").get_json()["data"] == [asked]
    staff = client.as_staff("core.privacy.read", "core.privacy.manage")
    clock.advance(days=31)
    assert "Overdue" in staff.get("/admin/privacy/").get_data(as_text=True)
    url = f"/admin/privacy/requests/{asked['id']}"
    assert "I moved to Ghent" in staff.get(url).get_data(as_text=True)
    answer = staff.submit(f"{url}/close", {"outcome": "done", "answer": "For Grace"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    with platform.db.read() as session:
        row = platform.privacy.requests.get(session, uuid.UUID(asked["id"]))
    assert (row.state, row.details, row.answer, row.verified_by) == ("done", "", "", "signed_in")
    assert me.get("/api/v1/me").status_code == 401
    page = staff.get(url).get_data(as_text=True)
    assert "Ghent" not in page


def test_an_erasure_by_staff_is_on_record_and_closes_what_is_open(
    client: DxpClient, register: Any, platform: Platform
) -> None:
    """Who did it and when, without a word of the person."""
    grace = register("G")
    client.as_customer(grace).post(
        "/api/v1/me/privacy-requests", json={"kind": "access", "details": "All of Ghent"}
    )
    staff = client.as_staff("core.privacy.read", "core.privacy.manage")
    assert staff.submit(f"/admin/privacy/people/{grace}/erase").status_code == 303
    with platform.db.read() as session:
        rows = session.scalars(select(PrivacyRequest).order_by(PrivacyRequest.id)).all()
    found = [(row.kind, row.state, row.details, row.closed_by) for row in rows]
    by = f"staff:{staff.staff_id}"
    assert found == [("access", "refused", "", by), ("erasure", "done", "", by)]
    assert all(row.closed_at is not None and row.subject_id == grace for row in rows)
    page = staff.get("/admin/privacy/").get_data(as_text=True)
    assert "Ghent" not in page
    assert "Overdue" not in page


def test_staff_undo_a_merge_and_make_a_copy(
    client: DxpClient, register: Any, platform: Platform
) -> None:
    """On the customer's privacy page; who may only read sees no button."""
    grace, ada = register("G"), register("A")
    with platform.db.write() as session:
        platform.privacy.merges.merge(session, SYSTEM, winner_id=grace, loser_id=ada)
        [merge] = platform.privacy.merges.of_subject(session, grace)
    staff = client.as_staff("core.privacy.read", "core.privacy.manage")
    url = f"/admin/privacy/people/{grace}"
    reader = client.as_staff("core.privacy.read")
    for page, shown in ((staff, True), (reader, False)):
        assert (f"/merges/{merge.id}/undo" in page.get(url).get_data(as_text=True)) is shown
    assert reader.submit(f"{url}/erase").status_code == 403
    assert staff.submit(f"/admin/privacy/merges/{merge.id}/undo").status_code == 303
    assert "Undone" in staff.get(url).get_data(as_text=True)
    answer = staff.submit(f"{url}/export")
    place = answer.headers["Location"]
    assert "Download" in staff.get(place).get_data(as_text=True)
    answer = staff.submit(f"{place}/file")
    assert answer.content_type == "application/zip"
    assert "fetched or has expired" in staff.get(place).get_data(as_text=True)


def test_a_request_that_came_by_letter_is_noted_and_needs_proof(
    client: DxpClient, register: Any
) -> None:
    """What was typed stays in the form that is refused."""
    staff = client.as_staff("core.privacy.read", "core.privacy.manage")
    url = f"/admin/privacy/people/{register('G')}"
    answer = staff.submit(f"{url}/requests", {"kind": "rectification", "details": "Ghent"})
    place = answer.headers["Location"]
    refused = staff.submit(f"{place}/close", {"outcome": "done", "answer": "Mended it"})
    assert refused.status_code == 422
    assert "Mended it" in refused.get_data(as_text=True)
    proof = {"outcome": "done", "answer": "Mended it", "verified_by": "document"}
    assert staff.submit(f"{place}/close", proof).status_code == 303
    assert "Showed a document" in staff.get(place).get_data(as_text=True)
    assert staff.submit(f"{place}/close", proof).status_code == 422


def test_a_customers_token_decides_for_its_owner_only(
    key: DxpClient, client: DxpClient, register: Any
) -> None:
    """A subject that leads to the owner is taken, anybody else's is refused and not passed over."""
    all_scopes(client).post("/api/v1/slots", json={"key": "home", "title": "Home"})
    grace, ada = register("G"), register("A")
    for browser, owner in (("graces", grace), ("adas", ada)):
        body = {"anonymous_id": browser}
        assert key.post(f"/api/v1/customers/{owner}/identify", json=body).status_code == 200
    me = client.as_customer(grace)

    def status(subject: dict[str, str]) -> int:
        body = {"subject": subject, "slots": [{"key": "home"}]}
        answer = me.post("/api/v1/decide", json=body)
        if answer.status_code == 403:
            assert answer.get_json()["code"] == "subject_not_trusted"
        return int(answer.status_code)

    own = [{}, {"id": str(grace)}, {"ref": "G"}, {"anonymous_id": "graces"}]
    assert [status(subject) for subject in [*own, {"anonymous_id": "new"}]] == [200] * 5
    foreign = [{"id": str(ada)}, {"ref": "A"}, {"anonymous_id": "adas"}, {"ref": "nobody"}]
    assert [status(subject) for subject in [*foreign, {"id": str(uuid.uuid4())}]] == [403] * 5
