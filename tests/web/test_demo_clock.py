"""The demo's day can be shifted, by who may, where the settings allow it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from dxp.api import AuditEntry, Job, Platform, Schedule
from dxp.testing.apps import platform_of
from dxp.testing.client import DxpClient, client_of
from dxp.web.clock import DemoOffset

Check = Callable[..., Any]
CLOCK = "/api/v1/demo/clock"


@pytest.fixture
def demo(make_app: Any) -> Flask:
    app: Flask = make_app(plugins=(), demo={"time_travel": True})
    return app


@pytest.fixture
def traveller(demo: Flask) -> DxpClient:
    return client_of(demo).as_key("demo.clock")


def days_shifted(platform: Platform) -> int:
    return round((platform.clock.now() - platform.clock.wall()) / timedelta(days=1))


def test_the_day_is_shifted_by_days_and_back(traveller: DxpClient, demo: Flask) -> None:
    shifted = traveller.put(CLOCK, json={"offset_days": 30}).get_json()
    assert shifted["offset_days"] == 30
    assert traveller.get(CLOCK).get_json()["date"] == shifted["date"]
    fresh = DemoOffset(platform_of(demo).db)
    assert fresh() == timedelta(days=30)
    assert traveller.put(CLOCK, json={"offset_days": 0}).get_json()["offset_days"] == 0


def test_the_day_is_set_by_date(traveller: DxpClient) -> None:
    wanted = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    assert traveller.put(CLOCK, json={"date": wanted}).get_json()["date"] == wanted
    assert traveller.get(CLOCK).get_json()["now"].startswith(wanted)


def test_what_falls_due_on_the_way_ahead_is_done(traveller: DxpClient, demo: Flask) -> None:
    platform = platform_of(demo)
    began = platform.clock.wall()
    seen: list[int] = []
    platform.jobs.declare(
        Job(name="diary.look", handler=lambda ctx: seen.append((platform.clock.now() - began).days))
    )
    platform.jobs.schedule(Schedule(name="diary.daily", cron="0 6 * * *", job="diary.look"))
    platform.jobs.tick()
    traveller.put(CLOCK, json={"offset_days": 24})
    assert sorted(set(seen)) == [7, 14, 21]
    traveller.put(CLOCK, json={"offset_days": 0})
    assert sorted(set(seen)) == [7, 14, 21]


def test_the_process_that_shifts_the_day_need_not_wait(traveller: DxpClient, demo: Flask) -> None:
    platform = platform_of(demo)
    offset = DemoOffset(platform.db)
    assert offset() == timedelta()
    traveller.put(CLOCK, json={"offset_days": 3})
    offset.forget()
    assert offset() == timedelta(days=3)


def test_another_process_follows_without_asking_each_time(
    traveller: DxpClient, demo: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dxp.web import clock as module

    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    offset = DemoOffset(platform_of(demo).db)
    assert offset() == timedelta()
    traveller.put(CLOCK, json={"offset_days": 3})
    now[0] += module.REFRESH_SECONDS / 2
    assert offset() == timedelta()
    now[0] += module.REFRESH_SECONDS
    assert offset() == timedelta(days=3)


def test_a_shift_is_in_the_audit_log(traveller: DxpClient, demo: Flask) -> None:
    traveller.put(CLOCK, json={"offset_days": 5})
    with platform_of(demo).db.read() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "core.clock.shifted")
        ).one()
    assert entry.after == {"offset_days": 5}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"date": "2026-01-01", "offset_days": 1},
        {"offset_days": 40_000},
        {"offset_days": 1.5},
        {"date": "0001-01-01"},
        {"date": "9999-12-31"},
        {"date": "tomorrow"},
    ],
)
def test_an_impossible_day_is_refused(
    sent: dict[str, Any], traveller: DxpClient, demo: Flask
) -> None:
    response = traveller.put(CLOCK, json=sent)
    assert response.status_code == 422
    assert response.get_json()["code"] == "invalid_body"
    assert days_shifted(platform_of(demo)) == 0


def test_shifting_takes_its_scope(demo: Flask) -> None:
    other = client_of(demo).as_key("events.write")
    assert other.put(CLOCK, json={"offset_days": 1}).get_json()["code"] == "missing_scope"


def test_outside_of_a_demo_there_is_no_such_address(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    check_problem(client.as_key("demo.clock").get(CLOCK), 404, "not_found")


def test_before_the_first_migration_time_is_not_shifted(blank_database: str) -> None:
    from sqlalchemy import create_engine

    from dxp.db import Database
    from dxp.db.engine import prepare_engine

    engine = create_engine(blank_database)
    prepare_engine(engine)
    database = Database(engine)
    assert DemoOffset(database)() == timedelta()
    database.dispose()
