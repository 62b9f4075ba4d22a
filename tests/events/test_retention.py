"""Events are kept as long as their type or the setting says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from dxp.api import (
    ConfigurationError,
    EventRow,
    EventType,
    NewEvent,
    Platform,
    Plugin,
    StartContext,
)
from dxp.cli.events import events_group
from dxp.contracts import EventPayload
from dxp.events import Forgotten, forget_events, retention
from dxp.testing import SettableClock, make_subject


@dataclass(frozen=True, kw_only=True)
class DoorOpened(EventPayload):
    """Somebody came in."""

    type: ClassVar[str] = "house.door_opened"


@dataclass(frozen=True, kw_only=True)
class RentPaid(EventPayload):
    """Somebody paid, and it stands in the books."""

    type: ClassVar[str] = "house.rent_paid"
    euros: int = 0


@dataclass(frozen=True, kw_only=True)
class WallPainted(EventPayload):
    """It is to be remembered."""

    type: ClassVar[str] = "house.wall_painted"


class House(Plugin):
    name = "house"

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        return (
            EventType(payload=DoorOpened, retention_days=30),
            EventType(payload=RentPaid, retention_days=300, ledger=True),
            EventType(payload=WallPainted),
        )


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return (House,)


def happen(platform: Platform, kind: type[EventPayload], *days_ago: int, **values: Any) -> None:
    now = platform.clock.now()
    events = [
        NewEvent(
            type=kind.type,
            data=values,
            subject_id=make_subject(platform),
            source="house",
            external_id=f"{kind.type}-{days}",
            occurred_at=now - timedelta(days=days),
        )
        for days in days_ago
    ]
    with platform.db.write() as session:
        platform.events.publish_many(session, events)


def kept(platform: Platform) -> list[str]:
    with platform.db.read() as session:
        return sorted(
            f"{row.type.partition('_')[0]} {row.external_id.rpartition('-')[2]}"
            for row in session.scalars(select(EventRow))
        )


def test_what_is_past_is_removed_and_the_rest_stays(platform: Platform) -> None:
    happen(platform, DoorOpened, 1, 29, 31, 400)
    happen(platform, WallPainted, 9000)
    done = forget_events(platform)
    assert Forgotten(type=DoorOpened.type, removed=2) in done
    assert kept(platform) == ["house.door 1", "house.door 29", "house.wall 9000"]


def test_what_a_ledger_needs_is_emptied_and_its_replay_still_known(platform: Platform) -> None:
    happen(platform, RentPaid, 299, 301, euros=5)
    assert Forgotten(type=RentPaid.type, emptied=1) in forget_events(platform)
    with platform.db.read() as session:
        old, new = session.scalars(select(EventRow).order_by(EventRow.occurred_at))
        assert (old.data, old.subject_id, old.external_id) == ({}, None, "house.rent_paid-301")
        assert new.data == {"euros": 5}
    with platform.db.write() as session:
        replay = platform.events.publish(
            session, RentPaid(), source="house", external_id="house.rent_paid-301"
        )
    assert replay is None
    assert Forgotten(type=RentPaid.type, emptied=0) in forget_events(platform)


def test_time_passes_and_batches_are_bounded(
    platform: Platform, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, run_jobs: Any
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    happen(platform, DoorOpened, *range(5))
    happen(platform, RentPaid, *range(3))
    told: list[int] = []
    clock.advance(days=300)
    done = forget_events(platform, told=lambda _name, rows: told.append(rows))
    assert [(item.removed, item.emptied) for item in done if item.type.startswith("house")] == [
        (5, 0),
        (0, 2),
    ]
    assert max(told) == 2
    assert kept(platform) == ["house.rent 0", "house.rent 1", "house.rent 2"]


def test_the_nightly_job_does_it(platform: Platform, run_jobs: Any) -> None:
    happen(platform, DoorOpened, 31)
    with platform.db.write() as session:
        platform.jobs.enqueue(session, "dxp.forget_events")
    run_jobs()
    assert kept(platform) == []


def test_the_setting_says_it_last(make_app: Callable[..., Any]) -> None:
    days = {DoorOpened.type: 0, WallPainted.type: 10}
    platform = make_app(events={"retention_days": days}).extensions["dxp"]
    happen(platform, DoorOpened, 9000)
    happen(platform, WallPainted, 9, 11)
    forget_events(platform)
    assert kept(platform) == ["house.door 9000", "house.wall 9"]


def test_a_misspelt_type_is_refused_at_start(make_app: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean 'house\.door_opened'"):
        make_app(events={"retention_days": {"house.door_opend": 9}})


@pytest.mark.parametrize("days", [-1, 36_501, True, "soon", 1.5])
def test_days_are_whole_numbers(make_app: Callable[..., Any], days: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number from 0 to 36,500"):
        make_app(events={"retention_days": {"house.door_opened": days}})


def test_it_is_told_on_the_command_line(app: Any, platform: Platform) -> None:
    happen(platform, DoorOpened, 31)

    def run(*arguments: str) -> str:
        with app.app_context():
            result = CliRunner().invoke(events_group, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    by_type = {row["type"]: row for row in json.loads(run("retention", "--json"))}
    assert by_type[DoorOpened.type]["days"] == 30
    assert by_type[RentPaid.type]["then"] == "emptied"
    assert by_type[WallPainted.type]["days"] is None
    assert "for ever" in run("retention")
    assert run("forget") == "1 events removed, 0 emptied.\n"
    assert kept(platform) == []
