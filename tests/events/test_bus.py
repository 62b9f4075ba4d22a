"""Publishing: one row an event, subscribers inside, deliveries after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from sqlalchemy import func, select

from dxp.api import (
    ALL_EVENTS,
    BatchContext,
    BatchSubscription,
    ConfigurationError,
    EventContext,
    EventRow,
    EventType,
    NewEvent,
    Plugin,
    StartContext,
    Subscription,
    Unprocessable,
)
from dxp.contracts import EventPayload, OrderPlaced


@dataclass(frozen=True, kw_only=True)
class CakeBaked(EventPayload):
    """A cake left the oven."""

    type: ClassVar[str] = "bakery.cake_baked"
    kind: str
    weight: int = 1


@dataclass(frozen=True, kw_only=True)
class CakeSold(EventPayload):
    """A cake left the shop."""

    type: ClassVar[str] = "bakery.cake_sold"
    kind: str


class Bakery(Plugin):
    name = "bakery"

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.after: list[str] = []
        self.batches: list[list[str]] = []
        self.all: list[list[str]] = []
        self.refuses = False
        self.refuses_batches = False

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        return (EventType(payload=CakeBaked), EventType(payload=CakeSold))

    def subscriptions(self, ctx: StartContext) -> Sequence[Subscription | BatchSubscription]:
        return (
            BatchSubscription(events=(CakeBaked.type,), handler=self._batch, name="bakery.batch"),
            BatchSubscription(events=(ALL_EVENTS,), handler=self._all, name="bakery.all"),
            Subscription(
                event=CakeBaked.type, handler=self._inside, name="bakery.inside", when="inside"
            ),
            Subscription(event=CakeBaked.type, handler=self._after, name="bakery.after"),
        )

    def _inside(self, ctx: EventContext) -> None:
        if self.refuses:
            raise RuntimeError("no more cake")
        self.inside.append(ctx.record.payload(CakeBaked).kind)

    def _batch(self, ctx: BatchContext) -> None:
        if self.refuses_batches:
            raise RuntimeError("the shelf is full")
        self.batches.append([record.payload(CakeBaked).kind for record in ctx.records])

    def _all(self, ctx: BatchContext) -> None:
        self.all.append([record.type.partition("_")[2] for record in ctx.records])

    def _after(self, ctx: EventContext) -> None:
        self.after.append(ctx.record.payload(CakeBaked).kind)


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return (Bakery,)


@pytest.fixture
def bakery(platform: Any) -> Bakery:
    plugin = platform.plugins.loaded["bakery"].plugin
    assert isinstance(plugin, Bakery)
    return plugin


def count(platform: Any) -> int:
    with platform.db.read() as session:
        return int(session.scalar(select(func.count()).select_from(EventRow)))


def test_subscribers_inside_run_at_once_and_those_after_when_jobs_run(
    platform: Any, bakery: Bakery, run_jobs: Any
) -> None:
    with platform.db.write() as session:
        platform.events.publish(session, CakeBaked(kind="plum"))
        assert bakery.inside == ["plum"]
        assert bakery.after == []
    run_jobs()
    assert bakery.after == ["plum"]
    run_jobs()
    assert bakery.after == ["plum"]


def test_an_error_inside_undoes_the_publishers_transaction(
    platform: Any, bakery: Bakery, run_jobs: Any
) -> None:
    bakery.refuses = True
    with pytest.raises(RuntimeError, match="no more cake"), platform.db.write() as session:
        platform.events.publish(session, CakeBaked(kind="plum"))
    assert count(platform) == 0
    run_jobs()
    assert bakery.after == []


def test_a_replayed_event_is_written_and_told_once(
    platform: Any, bakery: Bakery, run_jobs: Any
) -> None:
    for _time in range(2):
        with platform.db.write() as session:
            events = [
                NewEvent(type=CakeBaked.type, data={"kind": kind}, source="shop", external_id=kind)
                for kind in ("plum", "apple", "plum")
            ]
            platform.events.publish_many(session, events)
    run_jobs()
    assert bakery.inside == ["plum", "apple"]
    assert sorted(bakery.after) == ["apple", "plum"]
    assert count(platform) == 2


def test_a_batch_says_which_of_its_events_were_new(platform: Any) -> None:
    event = NewEvent(type=CakeBaked.type, data={"kind": "a"}, source="s", external_id="1")
    with platform.db.write() as session:
        first, second = platform.events.publish_many(session, [event, event])
    assert first is not None
    assert second is None


def cakes(*kinds: str) -> list[NewEvent]:
    return [
        NewEvent(type=CakeBaked.type, data={"kind": kind}, source="shop", external_id=kind)
        for kind in kinds
    ]


def test_a_batch_subscriber_is_told_once_of_what_is_new_in_order(
    platform: Any, bakery: Bakery
) -> None:
    sold = NewEvent(type=CakeSold.type, data={"kind": "plum"})
    with platform.db.write() as session:
        platform.events.publish_many(session, cakes("plum"))
        platform.events.publish_many(session, [*cakes("pear", "plum"), sold, *cakes("apple")])
        assert bakery.batches == [["plum"], ["pear", "apple"]]
        assert bakery.all == [["baked"], ["baked", "sold", "baked"]]


def test_a_batch_subscriber_is_not_told_of_nothing(platform: Any, bakery: Bakery) -> None:
    with platform.db.write() as session:
        platform.events.publish(session, CakeSold(kind="plum"))
        for _time in range(2):
            platform.events.publish_many(session, cakes("plum"))
    assert bakery.batches == [["plum"]]
    assert bakery.all == [["sold"], ["baked"]]


def test_an_error_of_a_batch_subscriber_undoes_the_publishers_transaction(
    platform: Any, bakery: Bakery
) -> None:
    bakery.refuses_batches = True
    with pytest.raises(RuntimeError, match="shelf is full"), platform.db.write() as session:
        platform.events.publish_many(session, cakes("plum"))
    assert count(platform) == 0


def test_a_batch_subscriber_of_an_unknown_type_is_a_slip_of_the_pen(make_app: Any) -> None:
    class Careless(Plugin):
        name = "careless"

        def subscriptions(self, ctx: StartContext) -> Sequence[BatchSubscription]:
            names = (ALL_EVENTS, "bakery.cake_sodl")
            return (BatchSubscription(events=names, handler=print, name="careless.all"),)

    with pytest.raises(ConfigurationError, match=r"did you mean 'bakery\.cake_sold'"):
        make_app(plugins=[Bakery, Careless])


def test_two_subscriptions_of_one_name_are_refused(platform: Any) -> None:
    twin = BatchSubscription(events=(ALL_EVENTS,), handler=print, name="bakery.inside")
    with pytest.raises(ConfigurationError, match="two subscriptions"):
        platform.events.subscribe(twin)


def test_the_same_id_from_another_source_is_another_event(platform: Any) -> None:
    with platform.db.write() as session:
        for source in ("a", "b"):
            made = platform.events.publish(
                session, CakeBaked(kind="x"), source=source, external_id="1"
            )
            assert made is not None


def test_publishing_what_was_never_declared_is_refused(platform: Any) -> None:
    with platform.db.write() as session, pytest.raises(ConfigurationError, match="cake_baked"):
        platform.events.publish_many(session, [NewEvent(type="bakery.cake_bakd", data={})])


def test_senders_may_send_only_types_with_a_schema(platform: Any) -> None:
    with pytest.raises(Unprocessable) as caught:
        platform.events.parse(CakeBaked.type, {"kind": "plum"})
    assert caught.value.code == "unknown_event_type"
    with pytest.raises(Unprocessable) as caught:
        platform.events.parse("order.place", {})
    assert "order.placed" in caught.value.detail


def test_data_that_does_not_fit_is_refused_at_its_place(platform: Any) -> None:
    with pytest.raises(Unprocessable) as caught:
        platform.events.parse(OrderPlaced.type, {"order_id": "1", "total": "x", "currency": "eur"})
    assert {error.pointer for error in caught.value.errors} == {"/data/total", "/data/currency"}


def test_a_payload_drops_fields_it_no_longer_has(platform: Any) -> None:
    with platform.db.write() as session:
        [record] = platform.events.publish_many(
            session, [NewEvent(type=CakeBaked.type, data={"kind": "plum", "old": 1})]
        )
        loaded = platform.events.load(session, [record.id])[record.id]
    assert loaded.payload(CakeBaked) == CakeBaked(kind="plum")
