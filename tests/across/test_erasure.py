"""Erasing a person: everywhere, at once, or not at all."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import MetaData, inspect, select

from dxp.auth.models import MailCode
from dxp.errors import NotFound
from dxp.platform import Platform
from dxp.plugins.contexts import ErasureContext
from dxp.plugins.discovery import installed
from dxp.plugins.spec import Plugin
from dxp.testing import staff_actor
from dxp.testing.apps import platform_of
from dxp.testing.client import DxpClient, client_of
from dxp.testing.plugin import MakeApp
from dxp_loyalty.services.invariants import verify

MARK = "zqmark"
STAFF = staff_actor("*")


def found_marks(platform: Platform) -> dict[str, list[str]]:
    """Tables in which the mark stands, whatever the column, with the rows."""
    tables = MetaData()
    with platform.db.read() as session:
        connection = session.connection()
        tables.reflect(connection, only=inspect(connection).get_table_names())
        rows = {
            name: [repr(tuple(row)) for row in connection.execute(select(table))]
            for name, table in tables.tables.items()
        }
    found = {name: [row for row in held if MARK in row.lower()] for name, held in rows.items()}
    return {name: held for name, held in found.items() if held}


def all_scopes(client: DxpClient) -> DxpClient:
    return client.as_key(*(scope.name for scope in client.platform.accounts.permissions.scopes()))


def ok(answer: Any) -> Any:
    assert answer.status_code < 300, answer.get_data(as_text=True)
    return answer.get_json()


class Person:
    """Somebody of whom every text that the API takes is marked."""

    def __init__(self, client: DxpClient, number: int) -> None:
        self.client, self.key = client, all_scopes(client)
        self.mark = f"{MARK}{number}"
        made = ok(
            self.key.post(
                "/api/v1/customers",
                json={
                    "ref": self.mark,
                    "name": f"Grace {self.mark}",
                    "email": f"{self.mark}@example.com",
                    "phone": f"+1 {self.mark}",
                    "timezone": "Europe/Paris",
                    "tags": [f"vip-{self.mark}"],
                    "birthday": {"month": 3, "day": 20, "year": 1980},
                    "consents": [
                        {
                            "purpose": "profiling",
                            "granted": True,
                            "channel": f"web-{self.mark}",
                            "text_version": f"v1-{self.mark}",
                            "proof": f"form {self.mark}",
                        }
                    ],
                },
            )
        )
        self.id = uuid.UUID(made["id"])
        self.me = client.as_customer(self.id)
        self.url = f"/api/v1/customers/{self.id}"

    def live(self, reward_id: str) -> None:
        """Do all that can be done, with marks in every text."""
        key, mark = self.key, self.mark
        ok(key.patch(self.url, json={"name": f"Ada {mark}"}, headers={"If-Match": '"v1"'}))
        ok(key.post(f"{self.url}/notes", json={"text": f"Likes {mark}"}))
        line = {"sku": mark, "name": mark, "category": mark, "quantity": 1, "total": "9.00"}
        order = {
            "order_id": mark,
            "total": "90.00",
            "currency": "USD",
            "channel": mark,
            "lines": [line],
        }
        event = {
            "id": str(self.id),
            "type": "order.placed",
            "subject": {"ref": mark},
            "data": order,
        }
        assert ok(key.post("/api/v1/events", json={"events": [event]}))["meta"]["accepted"] == 1
        ok(
            key.post(
                f"/api/v1/members/{self.id}/adjustments",
                json={"points": 500, "reason_code": "goodwill", "note": f"For {mark}"},
                headers={"Idempotency-Key": f"a-{mark}"},
            )
        )
        for number in range(2):
            held = ok(
                self.me.post(
                    "/api/v1/redemptions",
                    json={"reward_id": reward_id, "cart_ref": f"cart-{mark}-{number}"},
                    headers={"Idempotency-Key": f"r-{mark}-{number}"},
                )
            )
        ok(
            self.me.post(
                f"/api/v1/redemptions/{held['id']}/capture",
                headers={"Idempotency-Key": f"c-{mark}"},
            )
        )
        customer = {"customer_id": str(self.id)}
        ticket = ok(
            key.post(
                "/api/v1/tickets",
                json=customer | {"subject": mark, "description": mark, "channel": "api"},
            )
        )
        for public in (True, False):
            comment = {"text": mark, "public": public}
            ok(key.post(f"/api/v1/tickets/{ticket['id']}/comments", json=comment))
        task = {"title": mark, "text": mark, "due_at": "2026-12-01T09:00:00Z"}
        owner = self.client.as_staff("*").staff_id
        ok(key.post("/api/v1/tasks", json=customer | task | {"owner_id": str(owner)}))
        message = {"purpose": "marketing", "title": mark, "text": mark}
        ok(key.post(f"{self.url}/messages", json=message))
        self.me.post("/api/v1/me/privacy-requests", json={"kind": "access", "details": mark})
        self.me.post("/api/v1/me/exports")
        key.post("/api/v1/auth/codes", json={"email": f"{mark}@example.com"})
        question = {
            "subject": {"id": str(self.id)},
            "slots": [{"key": "home"}],
            "context": {"locale": "en", "channel": mark, "device": mark},
        }
        ok(key.post("/api/v1/decide", json=question))


class FailingPlugin(Plugin):
    """Starts last, and cannot forget."""

    name = "unforgiving"
    after = ("cms", "crm", "loyalty", "personalization")

    def erase_subjects(self, ctx: ErasureContext) -> None:
        raise RuntimeError("no room")


@pytest.fixture
def reward_id(client: DxpClient) -> str:
    return make_reward(client)


def make_reward(client: DxpClient) -> str:
    key = all_scopes(client)
    ok(key.post("/api/v1/slots", json={"key": "home", "title": "Home"}))
    rule = {
        "key": "one",
        "name": "One",
        "event_type": "order.placed",
        "award": {"type": "fixed", "points": "100"},
    }
    ok(key.post("/api/v1/loyalty/earning-rules", json=rule))
    reward = {
        "key": "mug",
        "kind": "product",
        "cost": 50,
        "per_member": 3,
        "texts": {"en": {"name": "Mug", "description": "A mug."}},
    }
    return str(ok(key.post("/api/v1/loyalty/rewards", json=reward))["id"])


def erase(platform: Platform, subject_id: uuid.UUID) -> None:
    with platform.db.write() as session:
        platform.privacy.erasure.erase(session, STAFF, subject_id=subject_id)


def check_books(platform: Platform) -> None:
    with platform.db.read() as session:
        report = verify(session, now=platform.clock.now())
        assert report.ok, report.violations
        assert platform.audit.verify(session).ok


def test_nothing_of_an_erased_person_stays_in_any_table(
    client: DxpClient, platform: Platform, reward_id: str
) -> None:
    """Marked values went into every text of the API; ledger and log still reconcile."""
    person = Person(client, 1)
    person.live(reward_id)
    other = Person(client, 2)
    other.live(reward_id)
    with platform.db.write() as session:
        platform.privacy.merges.merge(session, STAFF, winner_id=person.id, loser_id=other.id)
    marked = found_marks(platform)
    assert {"crm_customer", "crm_note", "crm_consent", "dxp_event", "dxp_merge"} <= set(marked)
    assert {"crm_ticket", "crm_ticket_comment", "crm_task"} <= set(marked)
    assert {"loyalty_hold", "loyalty_entry_note", "dxp_audit_entry"} <= set(marked)
    erase(platform, person.id)
    assert found_marks(platform) == {}
    check_books(platform)


def test_mails_and_codes_to_an_erased_person_are_gone(
    client: DxpClient, platform: Platform, captured_mail: Any, run_jobs: Any
) -> None:
    """Mails are stored sealed, so no search finds them: the address in them decides."""
    person, other = Person(client, 1), Person(client, 2)
    for one in (person, other):
        client.post("/api/v1/auth/codes", json={"email": f"{one.mark}@example.com"})
    erase(platform, person.id)
    run_jobs()
    assert [mail["To"] for mail in captured_mail.all()] == [f"{other.mark}@example.com"]
    with platform.db.read() as session:
        assert session.scalars(select(MailCode.owner_id)).all() == [other.id]


def test_what_was_waiting_for_an_erased_person_harms_nobody(
    client: DxpClient, platform: Platform, reward_id: str, run_jobs: Any
) -> None:
    """Deliveries of their events find nobody, and every door is shut."""
    person = Person(client, 1)
    person.live(reward_id)
    erase(platform, person.id)
    run_jobs()
    assert person.me.get("/api/v1/me").status_code == 401
    assert person.key.get(person.url).status_code == 404
    event = {"id": "late", "type": "order.placed", "subject": {"ref": person.mark}}
    event["data"] = {"order_id": "late", "total": "1.00", "currency": "USD", "lines": []}
    answer = ok(person.key.post("/api/v1/events", json={"events": [event]}))
    assert answer["data"][0]["code"] == "unknown_subject"
    with platform.db.write() as session, pytest.raises(NotFound):
        platform.privacy.erasure.erase(session, STAFF, subject_id=person.id)
    check_books(platform)


def everything(platform: Platform) -> dict[str, list[str]]:
    with platform.db.read() as session:
        connection = session.connection()
        tables = MetaData()
        tables.reflect(connection, only=inspect(connection).get_table_names())
        return {
            name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for name, table in tables.tables.items()
        }


def test_a_plugin_that_fails_undoes_the_whole_erasure(
    make_app: MakeApp,
) -> None:
    """Not a row is changed, although the others had done their part."""
    failing = make_app(plugins=[*(found.plugin for found in installed()), FailingPlugin])
    client, platform = client_of(failing), platform_of(failing)
    person = Person(client, 1)
    person.live(make_reward(client))
    before = everything(platform)
    with pytest.raises(RuntimeError, match="no room"):
        erase(platform, person.id)
    assert everything(platform) == before
    assert found_marks(platform) != {}
