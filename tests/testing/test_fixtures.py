"""The fixtures that tests stand on keep tests apart, and do what their names say."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from dxp.contracts import CustomerRegistered, OrderPlaced
from dxp.db import uuid7
from dxp.errors import ConfigurationError
from dxp.platform import Platform
from dxp.subjects import Subject
from dxp.testing import (
    START,
    DxpClient,
    Mailbox,
    MakeApp,
    PublishedEvents,
    Queries,
    SettableClock,
    make_subject,
    platform_of,
)
from dxp.testing.guards import NotLoopback


def subjects(platform: Platform) -> int:
    with platform.db.read() as session:
        return len(session.scalars(select(Subject)).all())


@pytest.mark.parametrize("run", [1, 2, 3])
def test_each_test_begins_with_an_empty_database(platform: Platform, run: int) -> None:
    assert subjects(platform) == 0
    make_subject(platform)
    assert subjects(platform) == 1


@pytest.mark.parametrize("run", [1, 2])
def test_nothing_is_left_of_what_a_test_made_large_or_analysed(
    platform: Platform, run: int
) -> None:
    """Nor of what the database server has noted about it, by which it would plan."""
    with platform.db.read() as session:
        on_postgres = session.get_bind().dialect.name == "postgresql"
    if not on_postgres:
        pytest.skip("is about PostgreSQL; the run is on SQLite")
    known = text("SELECT reltuples FROM pg_class WHERE relname = 'dxp_subject'")
    with platform.db.write() as session:
        assert session.scalar(known) == -1
        assert session.scalars(select(Subject)).all() == []
        session.execute(
            insert(Subject), [{"id": uuid7(), "created_at": START} for _ in range(9000)]
        )
        session.execute(text("ANALYZE dxp_subject"))
        assert session.scalar(known) == 9000


def test_two_applications_of_a_test_do_not_meet(platform: Platform, make_app: MakeApp) -> None:
    make_subject(platform)
    assert subjects(platform_of(make_app())) == 0


def test_a_second_process_can_share_the_database(platform: Platform, make_app: MakeApp) -> None:
    beside = make_app(database=platform.settings.database.url)
    subject_id = make_subject(platform)
    with platform_of(beside).db.read() as session:
        assert platform_of(beside).subjects.get(session, subject_id) == subject_id


def test_settings_of_an_application_can_be_given_and_are_checked(make_app: MakeApp) -> None:
    app = make_app(api={"max_page_size": 7, "default_page_size": 5})
    assert platform_of(app).settings.api.max_page_size == 7
    assert platform_of(app).settings.environment == "test"
    with pytest.raises(ConfigurationError, match="max_page_sise"):
        make_app(api={"max_page_sise": 7})


def test_nothing_of_the_developers_own_settings_is_read(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DXP_SERVER__PORT", "nonsense")
    assert platform_of(make_app()).settings.server.port == 8000


def test_domain_time_stands_until_it_is_moved_and_wall_time_goes_on(
    platform: Platform, clock: SettableClock
) -> None:
    assert platform.clock.now() == START == platform.clock.now()
    clock.advance(days=2, hours=1)
    assert platform.clock.now() == START + timedelta(days=2, hours=1)
    before = clock.wall()
    clock.advance_wall(hours=3)
    assert clock.wall() - before >= timedelta(hours=3)
    assert platform.clock.now() == START + timedelta(days=2, hours=1)
    clock.reset()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_moment_without_a_zone_is_refused(clock: SettableClock) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        clock.set(datetime(2026, 1, 1))


def test_events_are_seen_once_they_are_committed(
    platform: Platform, events: PublishedEvents
) -> None:
    with platform.db.write() as session:
        platform.events.publish(session, CustomerRegistered(ref="C-1"))
        assert events.types == []
    platform_events = events.payloads(CustomerRegistered)
    assert platform_events == [CustomerRegistered(ref="C-1")]
    assert events.all(OrderPlaced) == []


def test_mails_are_caught_when_the_jobs_have_run(
    platform: Platform, run_jobs: Callable[[], int], captured_mail: Mailbox
) -> None:
    from dxp.mail import Message

    with platform.db.write() as session:
        platform.mail.send(session, Message(to="a@example.com", subject="Hello", text="Salut"))
    assert captured_mail.all() == []
    assert run_jobs() == 1
    assert [str(mail["Subject"]) for mail in captured_mail.to("a@example.com")] == ["Hello"]
    assert captured_mail.text().strip() == "Salut"


def test_queries_are_counted_without_transaction_control(
    platform: Platform, count_queries: Callable[[], AbstractContextManager[Queries]]
) -> None:
    with count_queries() as queries:
        subjects(platform)
        subjects(platform)
    assert queries.count == 2
    assert "dxp_subject" in str(queries)
    with count_queries() as none:
        pass
    assert none.count == 0


def test_a_client_can_be_several_people_at_once(client: DxpClient) -> None:
    customer, stranger = client.as_customer(), client
    assert customer.get("/api/v1/me").status_code == 200
    assert stranger.get("/api/v1/me").status_code == 401
    assert customer.subject_id is not None
    assert customer.as_anyone().get("/api/v1/me").status_code == 401


def test_a_key_has_the_scopes_it_was_given_and_no_others(client: DxpClient) -> None:
    body = {"type": "order.placed", "data": {}}
    without = client.as_key("customers.token").post("/api/v1/events", json=body)
    assert (without.status_code, without.get_json()["code"]) == (403, "missing_scope")
    assert client.as_key("events.write").post("/api/v1/events", json=body).status_code != 403


def test_staff_are_signed_in_with_the_permissions_they_were_given(client: DxpClient) -> None:
    assert client.as_staff("core.audit.read").get("/admin/").status_code == 200
    assert client.get("/admin/").status_code in (302, 303)


def test_other_machines_cannot_be_reached() -> None:
    with socket.socket() as reaching, pytest.raises(NotLoopback, match=r"192\.0\.2\.1:80"):
        reaching.connect(("192.0.2.1", 80))
    with socket.socket() as reaching, pytest.raises(NotLoopback):
        reaching.connect_ex(("192.0.2.1", 80))


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
