"""Events reach those who subscribed to them after the commit, exactly once."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from dxp.contracts.payload import EventPayload
from dxp.events import EventType, NewEvent, Subscription


@dataclass(frozen=True, kw_only=True)
class Rang(EventPayload):
    """A bell rang."""

    type: ClassVar[str] = "tally.rang"

    note: str


def subscribe(bench, name="tally.listen", handler=None):
    def mark(ctx):
        bench.leave(ctx.session, f"{name} {ctx.record.payload(Rang).note}")

    bench.platform.events.declare(EventType(payload=Rang))
    bench.platform.events.subscribe(
        Subscription(event="tally.rang", handler=handler or mark, name=name)
    )


def ring(bench, *notes):
    with bench.platform.db.write() as session:
        events = [NewEvent(type="tally.rang", data={"note": note}) for note in notes]
        bench.platform.events.publish_many(session, events)


def test_every_subscriber_is_told_in_a_job_of_its_own(bench):
    subscribe(bench, "tally.one")
    subscribe(bench, "tally.two")
    ring(bench, "a", "b")
    assert bench.marks == []
    assert bench.run() == 4
    assert sorted(bench.marks) == ["tally.one a", "tally.one b", "tally.two a", "tally.two b"]
    assert bench.run() == 0


def test_nobody_is_told_of_an_event_that_was_rolled_back(bench):
    subscribe(bench)

    def publish_and_fail():
        with bench.platform.db.write() as session:
            bench.platform.events.publish(session, Rang(note="a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_and_fail()
    assert bench.run() == 0


def test_a_duplicate_event_is_delivered_once(bench):
    subscribe(bench)
    for _ in range(2):
        with bench.platform.db.write() as session:
            bench.platform.events.publish(
                session, Rang(note="a"), source="shop", external_id="order-1"
            )
    bench.run()
    assert bench.marks == ["tally.listen a"]


def test_a_subscriber_that_fails_is_told_again_and_the_others_are_not(bench):
    calls = []

    def picky(ctx):
        calls.append(ctx.record.id)
        if len(calls) == 1:
            raise RuntimeError("not now")

    subscribe(bench, "tally.one")
    subscribe(bench, "tally.picky", picky)
    ring(bench, "a")
    assert bench.run() == 3
    assert bench.marks == ["tally.one a"]
    assert len(calls) == 2


def test_deliveries_to_a_subscriber_that_is_gone_wait_for_it(make_bench):
    bench = make_bench()
    subscribe(bench, "tally.kept")
    subscribe(bench, "tally.gone")
    ring(bench, "a", "b")
    without = make_bench(beside=bench)
    subscribe(without, "tally.kept")
    assert without.run() == 2
    with without.platform.db.read() as session:
        assert without.platform.jobs.stats(session).parked == 2
    assert bench.run() == 2
    assert sorted(bench.marks)[:2] == ["tally.gone a", "tally.gone b"]


def test_an_event_that_was_erased_meanwhile_is_not_delivered(bench):
    from sqlalchemy import delete

    from dxp.events import EventRow

    subscribe(bench)
    ring(bench, "a")
    with bench.platform.db.write() as session:
        session.execute(delete(EventRow))
    assert bench.run() == 1
    assert bench.marks == []
    with bench.platform.db.read() as session:
        assert bench.platform.jobs.stats(session).ready == 0
