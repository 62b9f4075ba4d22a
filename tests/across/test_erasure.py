"""Erasing a person: everywhere, at once, or not at all."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from sqlalchemy import JSON, LargeBinary, MetaData, String, func, inspect, select

from dxp.auth.models import MailCode
from dxp.db import Base
from dxp.errors import NotFound
from dxp.events import EventRow
from dxp.jobs import JobRow
from dxp.platform import Platform
from dxp.plugins.contexts import ErasureContext
from dxp.plugins.discovery import installed
from dxp.plugins.spec import Plugin
from dxp.privacy import Export, ExportPart
from dxp.privacy.exports import BUILD
from dxp.subjects import SubjectKey
from dxp.testing import staff_actor
from dxp.testing.apps import platform_of
from dxp.testing.client import DxpClient, client_of
from dxp.testing.plugin import MakeApp
from dxp_crm.services import Crm
from dxp_loyalty.models import AdjustmentRequest, Order, OrderReturn
from dxp_loyalty.services.invariants import verify
from dxp_personalization.models import Decision
from tests.across.scopes import all_scopes

MARK = "zqmark"
PLUGINS = ("cms", "crm", "loyalty", "personalization")
DEFINED = "what staff define, for everybody"
WRITTEN = "what editors write, for everybody"
NUMBERS = "numbers, kinds and opaque ids"
STAFF_ONLY = "of the shop's own staff and keys"
EXCUSED = {
    "cms_dependency": WRITTEN,
    "cms_entry": WRITTEN,
    "cms_entry_locale": WRITTEN,
    "cms_published": WRITTEN,
    "cms_published_value": WRITTEN,
    "cms_redirect": WRITTEN,
    "cms_reference": WRITTEN,
    "cms_revision": WRITTEN,
    "crm_duplicate": NUMBERS,
    "crm_duplicate_scan": NUMBERS,
    "crm_export": "a wish for a file that goes within a day; the file itself is searched",
    "crm_field": DEFINED,
    "crm_field_rule": DEFINED,
    "crm_forgotten": "digests that go once the files are searched",
    "crm_import": "headings and numbers of a file; its rows are in the folder, and go with it",
    "crm_organisation": "companies are no persons; those who belong to them are rows of their own",
    "crm_segment": DEFINED,
    "crm_tag_change": "names of tags, until they are changed everywhere",
    "crm_tag_link": NUMBERS,
    "crm_view": DEFINED,
    "crm_view_default": STAFF_ONLY,
    "dxp_api_key": STAFF_ONLY,
    "dxp_lease": "names of processes",
    "dxp_mail_code": "digests; the rows go, see rows_that_lead_to",
    "dxp_not_duplicate": NUMBERS,
    "dxp_plugin_failure": "the kind of an error and its line, never its words",
    "dxp_privacy_export": NUMBERS,
    "dxp_privacy_export_part": "packed, so no search finds it; the rows go, see rows_that_lead_to",
    "dxp_recovery_code": STAFF_ONLY,
    "dxp_refresh_family": NUMBERS,
    "dxp_refresh_token": "digests of random tokens",
    "dxp_role": STAFF_ONLY,
    "dxp_schedule_run": "names of jobs",
    "dxp_sign_in_count": "digests that are swept within the hour",
    "dxp_staff": STAFF_ONLY,
    "dxp_staff_session": STAFF_ONLY,
    "dxp_subject_key": "digests; the rows go, see rows_that_lead_to",
    "loyalty_account": NUMBERS,
    "loyalty_adjustment_reason": DEFINED,
    "loyalty_campaign": DEFINED,
    "loyalty_cap_counter": NUMBERS,
    "loyalty_coupon_batch": DEFINED,
    "loyalty_coupon_code": "digests of random codes",
    "loyalty_earning": "points by the numbers of an order's lines",
    "loyalty_earning_rule": DEFINED,
    "loyalty_earning_rule_version": DEFINED,
    "loyalty_entry": NUMBERS,
    "loyalty_expiry_policy": DEFINED,
    "loyalty_occasion_date": NUMBERS,
    "loyalty_occasion_day": DEFINED,
    "loyalty_occasion_grant": NUMBERS,
    "loyalty_occasion_rule": DEFINED,
    "loyalty_reward": DEFINED,
    "loyalty_reward_counter": NUMBERS,
    "loyalty_reward_version": DEFINED,
    "loyalty_simulation": "sums of a replay, which name no member",
    "loyalty_tier": DEFINED,
    "loyalty_tier_change": NUMBERS,
    "loyalty_tier_plan": DEFINED,
    "loyalty_tier_standing": NUMBERS,
    "loyalty_wallet": DEFINED,
    "personalization_candidate": DEFINED,
    "personalization_slot": DEFINED,
}
"""Tables with text in which nothing that a person says or is called ever stands, and why."""
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
        self.leave_traces(reward_id)
        question = {
            "subject": {"id": str(self.id)},
            "slots": [{"key": "home"}],
            "context": {"locale": "en", "channel": mark, "device": mark},
        }
        ok(key.post("/api/v1/decide", json=question))

    def leave_traces(self, reward_id: str) -> None:
        """What others write of a person: servers, staff, imports, jobs that failed."""
        platform, mark, key = self.client.platform, self.mark, self.key
        body = {"member": str(self.id), "reward_id": reward_id, "cart_ref": f"server-{mark}"}
        ok(key.post("/api/v1/redemptions", json=body, headers={"Idempotency-Key": f"s-{mark}"}))
        self.use_a_coupon()
        made = ok(key.post("/api/v1/organisations", json={"name": "Guild"}))
        ok(
            key.put(
                f"/api/v1/organisations/{made['id']}/members/{self.id}",
                json={"role": f"head of {mark}"},
            )
        )
        imports = platform.services.get(Crm).imports
        for text in (f"ref,name\n{mark},Imported {mark}\n", f"ref,email\n{mark},no address\n"):
            imports.import_at_once(
                STAFF, io.BytesIO(text.encode()), kind="customers", file_name="all.csv"
            )
        # A file that was uploaded and never written names nobody in the database.
        imports.take_in(
            STAFF, io.BytesIO(f"ref,name\n{mark},X\n".encode()), kind="customers", file_name="b.csv"
        )
        with platform.db.write() as session:
            mine = select(EventRow.id).where(EventRow.subject_id == self.id)
            events = {str(event_id) for event_id in session.scalars(mine)}
            for job in session.scalars(select(JobRow)):
                if job.payload.get("event_id") in events:
                    job.last_error = f"{mark} could not be told"
            now = platform.clock.now()
            session.add(
                AdjustmentRequest(
                    subject_id=self.id,
                    points=9000,
                    reason_code="goodwill",
                    note=f"For {mark}",
                    asked_by="staff:1",
                    asked_by_name="Ada",
                    asked_at=now,
                )
            )
            for order_id in session.scalars(select(Order.id).where(Order.subject_id == self.id)):
                session.add(
                    OrderReturn(
                        order_id=order_id,
                        return_id=f"back-{mark}",
                        lines={mark: 1},
                        taken={},
                        given={},
                        points_taken=0,
                        points_given=0,
                        created_at=now,
                        created_by="key:1",
                    )
                )
            platform.jobs.enqueue(session, BUILD, {"export_id": str(self.id), "why": mark})

    def use_a_coupon(self) -> None:
        """A reward gives a code, which a till takes for an order."""
        key, mark = self.key, self.mark
        reward = {
            "key": f"coupon-{self.id.hex[-8:]}",
            "texts": {"en": {"name": "Five off"}},
            "cost": 10,
            "kind": "discount_code",
            "details": {"discount_percent": 5},
        }
        made = ok(key.post("/api/v1/loyalty/rewards", json=reward))
        asked = {"reward_id": made["id"], "cart_ref": mark, "capture": True}
        headers = {"Idempotency-Key": f"code-{mark}"}
        code = ok(self.me.post("/api/v1/redemptions", json=asked, headers=headers))["code"]
        ok(
            key.post(
                f"/api/v1/coupons/{code}/redeem",
                json={"member": str(self.id), "ref": mark},
                headers={"Idempotency-Key": f"use-{mark}"},
            )
        )


def files_with_marks(platform: Platform) -> list[str]:
    """Files of the data folder, but the database's own, in which the mark stands."""
    folder = platform.settings.data_dir
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".db" not in path.name and MARK.encode() in path.read_bytes()
    ]


def with_text() -> set[str]:
    """Tables of the core and all plugins that can hold a text."""
    return {
        table.name
        for table in Base.metadata.tables.values()
        if any(isinstance(column.type, (String, JSON, LargeBinary)) for column in table.c)
        and table.name.partition("_")[0] in ("dxp", *PLUGINS)
    }


def failing_plugin(position: int, armed: list[int]) -> type[Plugin]:
    """Forgets before the plugin at `position` does, and cannot when it is armed."""

    class Failing(Plugin):
        # Of those that may start next the first by name does.
        name = f"a{position}_failing"
        after = PLUGINS[:position]

        def erase_subjects(self, ctx: ErasureContext) -> None:
            if position in armed:
                raise RuntimeError("no room")

    return Failing


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
    client: DxpClient,
    platform: Platform,
    reward_id: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Marked values went everywhere; ledger, log and decisions still reconcile."""
    person = Person(client, 1)
    person.live(reward_id)
    other = Person(client, 2)
    other.live(reward_id)
    with platform.db.write() as session:
        platform.privacy.merges.merge(session, STAFF, winner_id=person.id, loser_id=other.id)
    marked = found_marks(platform)
    assert {"crm_customer", "crm_note", "crm_consent", "dxp_event", "dxp_merge"} <= set(marked)
    assert files_with_marks(platform)
    caplog.clear()
    decided = count_decisions(platform)
    erase(platform, person.id)
    assert found_marks(platform) == {}
    assert files_with_marks(platform) == []
    assert rows_that_lead_to(platform, (person.id, other.id)) == {}
    assert MARK not in caplog.text.lower()
    assert count_decisions(platform) == decided
    check_books(platform)


def test_every_table_with_text_is_searched_for_a_person_or_excused(
    client: DxpClient, platform: Platform, reward_id: str
) -> None:
    """A new table is filled by `Person.live`, or named in `EXCUSED` with the reason."""
    person, other = Person(client, 1), Person(client, 2)
    person.live(reward_id)
    with platform.db.write() as session:
        platform.privacy.merges.merge(session, STAFF, winner_id=person.id, loser_id=other.id)
    marked = set(found_marks(platform))
    assert with_text() - marked - EXCUSED.keys() == set()
    assert EXCUSED.keys() - with_text() == set(), "these are gone, or hold no text"
    assert EXCUSED.keys() & marked == set(), "these do hold what persons say"


def count_decisions(platform: Platform) -> list[tuple[Any, ...]]:
    with platform.db.read() as session:
        query = select(Decision.slot, Decision.source, func.count())
        return [
            tuple(row) for row in session.execute(query.group_by(Decision.slot, Decision.source))
        ]


def rows_that_lead_to(platform: Platform, persons: tuple[uuid.UUID, ...]) -> dict[str, int]:
    """How many rows of tables that may not keep any are left of persons."""
    found: dict[str, int] = {}
    with platform.db.read() as session:
        for model in (SubjectKey, MailCode, Export):
            column = model.owner_id if model is MailCode else model.subject_id
            query = select(func.count()).select_from(model).where(column.in_(persons))
            if model is Export:
                query = query.where(Export.state.in_(["queued", "ready"]))
            found[model.__tablename__] = session.scalar(query) or 0
        parts = select(func.count()).select_from(ExportPart)
        found["dxp_privacy_export_part"] = session.scalar(parts) or 0
    return {name: number for name, number in found.items() if number}


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


def test_a_plugin_that_fails_undoes_the_whole_erasure(make_app: MakeApp) -> None:
    """Not a row is changed and not a file gone, whoever had done their part before."""
    armed: list[int] = []
    positions = range(len(PLUGINS) + 1)
    failing = [failing_plugin(position, armed) for position in positions]
    app = make_app(plugins=[*(found.plugin for found in installed()), *failing])
    client, platform = client_of(app), platform_of(app)
    order = [name for name in platform.plugins.loaded if name in PLUGINS or "_failing" in name]
    assert order[::2] == [plugin.name for plugin in failing]
    person = Person(client, 1)
    person.live(make_reward(client))
    before, files = everything(platform), files_with_marks(platform)
    assert files
    for position in positions:
        armed[:] = [position]
        with pytest.raises(RuntimeError, match="no room"):
            erase(platform, person.id)
        assert everything(platform) == before
        assert files_with_marks(platform) == files


def test_a_part_of_the_core_that_fails_undoes_the_whole_erasure(
    client: DxpClient, platform: Platform, reward_id: str
) -> None:
    """When all plugins have forgotten, the last part may still fail."""
    person = Person(client, 1)
    person.live(reward_id)

    def fail(_erasing: object) -> None:
        raise RuntimeError("no room")

    platform.privacy.erasure.add_part(fail)
    before = everything(platform)
    with pytest.raises(RuntimeError, match="no room"):
        erase(platform, person.id)
    assert everything(platform) == before
