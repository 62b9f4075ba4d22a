"""The measurements run, and compare what they say they compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from bench import events
from bench.events import Shop
from bench.filling import MEMBERSHIPS, SEGMENTS, number_id, rows_of
from bench.reads import Crowd
from bench.rounds import Contender, in_turns, share_of
from dxp.api import EventRow, Platform, Plugin
from dxp.plugins.discovery import installed
from dxp.testing import MakeApp


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return [found.plugin for found in installed()]


def test_contenders_take_turns_and_warm_up_rounds_do_not_count() -> None:
    runs: list[str] = []

    def contender(name: str) -> Contender:
        def prepare(number: int) -> Callable[[], None]:
            return lambda: runs.append(f"{name}{number}")

        return Contender(name=name, prepare=prepare)

    a, b = contender("a"), contender("b")
    assert list(in_turns((a, b), rounds=2, warm_up=1)) == [0, 1, 2]
    assert runs == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert (len(a.seconds), len(b.seconds)) == (2, 2)


def test_the_share_compares_each_round_with_itself() -> None:
    def of(*seconds: float) -> Contender:
        return Contender(name="x", prepare=lambda _number: lambda: None, seconds=list(seconds))

    # The machine was ten times slower in the second round, for both.
    assert share_of(of(1, 10, 1), of(2, 20, 4)) == 0.5
    assert of(4, 2, 1, 3).median == 2.5
    assert of(1, 1, 1, 1).spread == 0


def test_all_write_the_same_events(
    app: Any, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH", 5)
    shop = Shop(app, customers=3, segments=2)
    for contender in shop.contenders():
        contender.prepare(0)()
    with platform.db.read() as session:
        views = select(EventRow).where(EventRow.source == "bench").order_by(EventRow.external_id)
        rows = session.scalars(views).all()
    followed, plain, posted = rows[:5], rows[5:10], rows[10:]
    for written in (followed, posted):
        assert [row.subject_id for row in plain] == [row.subject_id for row in written]
        assert [row.data for row in plain] == [row.data for row in written]
    assert {row.type for row in rows} == {"page.viewed"}


def test_reads_find_the_same_of_the_watched_among_few_and_among_many(make_app: MakeApp) -> None:
    found = []
    for customers in (1000, 2500):
        app = make_app()
        rows: list[int] = []
        crowd = Crowd(app, customers=customers, advance=rows.append)
        assert sum(rows) == rows_of(customers)
        for contender in crowd.contenders().values():
            contender.prepare(0)()
        client = app.test_client().as_key("crm.customers.read")
        address = f"/api/v1/customers/{number_id('subject', 7)}"
        events = client.get(f"{address}/timeline?filter[type]=order.placed").get_json()
        segments = client.get(f"{address}/segments").get_json()
        members = client.get("/api/v1/segments/crowd-3/members?count=true").get_json()
        assert members["meta"]["count"] == customers * MEMBERSHIPS // SEGMENTS
        found.append((len(events["data"]), [one["key"] for one in segments]))
    assert found[0] == found[1]


def test_a_read_is_shown_with_the_plans_of_its_statements(make_app: MakeApp) -> None:
    crowd = Crowd(make_app(), customers=1000, advance=lambda _rows: None)
    plans = list(crowd.plans(crowd.contenders()["segments of a customer"]))
    [plan] = [plan for plan in plans if "crm_segment_member" in plan]
    statement, _, steps = plan.partition("\n    ")
    assert statement.startswith("SELECT")
    assert "crm_segment_member" in steps
