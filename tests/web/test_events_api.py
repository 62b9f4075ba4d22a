"""Shops report events: each is accepted once, known already, or refused with a code."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from dxp.api import (
    BatchContext,
    BatchSubscription,
    EventContext,
    Platform,
    Subscription,
    Unprocessable,
)
from dxp.contracts import OrderPlaced
from dxp.subjects import Subject
from dxp.testing.actors import make_subject
from dxp.testing.client import DxpClient
from dxp.testing.clock import SettableClock

Check = Callable[..., Any]
EVENTS = "/api/v1/events"


@pytest.fixture
def shop(app: Flask, client: DxpClient) -> DxpClient:
    return client.as_key("events.write", "events.read")


def order(number: int | str = 1, **values: Any) -> dict[str, Any]:
    data = {"order_id": str(number), "total": "12.50", "currency": "EUR"}
    return {"id": f"order-{number}", "type": "order.placed", "data": data} | values


def send(client: DxpClient, *events: Mapping[str, Any]) -> Any:
    response = client.post(EVENTS, json={"events": events})
    assert response.status_code == 200, response.get_json()
    return response.get_json()


def test_an_event_is_accepted_and_written(shop: DxpClient, events: Any) -> None:
    answer = send(shop, order(1))
    assert answer["meta"] == {"accepted": 1, "duplicate": 0, "error": 0}
    result = answer["data"][0]
    assert (result["id"], result["status"]) == ("order-1", "accepted")
    written = events.all(OrderPlaced)[0]
    assert str(written.id) == result["event_id"]
    assert (written.source, written.external_id) == ("api", "order-1")
    assert written.payload(OrderPlaced).order_id == "1"


def test_a_replay_is_known_and_writes_nothing(
    shop: DxpClient, nothing_written: Callable[[], Any]
) -> None:
    send(shop, order(1))
    with nothing_written():
        answer = send(shop, order(1))
    assert answer["data"][0]["status"] == "duplicate"
    assert answer["data"][0]["event_id"] is None


def test_one_id_twice_in_one_batch_counts_once(shop: DxpClient, events: Any) -> None:
    answer = send(shop, order(1), order(1))
    assert [item["status"] for item in answer["data"]] == ["accepted", "duplicate"]
    assert len(events.all()) == 1


def test_two_systems_may_use_the_same_ids(shop: DxpClient) -> None:
    answer = send(shop, order(1, source="web"), order(1, source="tills"))
    assert answer["meta"]["accepted"] == 2


def test_a_customer_is_named_by_id_ref_or_anonymous_id(
    shop: DxpClient, platform: Platform, events: Any
) -> None:
    subject = make_subject(platform, ref="C-1")
    with platform.db.write() as session:
        platform.subjects.link(session, subject, scheme="anonymous", value="browser-1")
    send(
        shop,
        order(1, subject={"id": str(subject)}),
        order(2, subject={"ref": "C-1"}),
        order(3, subject={"anonymous_id": "browser-1"}),
    )
    assert [event.subject_id for event in events.all()] == [subject] * 3


def test_subjects_of_a_batch_cost_a_constant_number_of_queries(
    shop: DxpClient, platform: Platform, count_queries: Callable[[], Any]
) -> None:
    for n in range(20):
        make_subject(platform, ref=f"C-{n}")
    send(shop, order("first", subject={"ref": "C-0"}))
    counts = []
    for size in (2, 18):
        batch = [order(f"{size}-{n}", subject={"ref": f"C-{n}"}) for n in range(size)]
        with count_queries() as queries:
            send(shop, *batch)
        counts.append(queries.count)
    assert counts[0] == counts[1]


def test_merged_customers_are_followed(shop: DxpClient, platform: Platform, events: Any) -> None:
    winner, loser = make_subject(platform, ref="W"), make_subject(platform, ref="L")
    with platform.db.write() as session:
        session.get_one(Subject, loser).merged_into_id = winner
    send(shop, order(1, subject={"ref": "L"}), order(2, subject={"id": str(loser)}))
    assert [event.subject_id for event in events.all()] == [winner, winner]


def test_a_visitor_becomes_known_with_the_first_event(
    shop: DxpClient, platform: Platform, events: Any
) -> None:
    ada, bob = {"anonymous_id": "ada"}, {"anonymous_id": "bob"}
    send(shop, order(1, subject=ada), order(2, subject=bob), order(3, subject=ada))
    send(shop, order(4, subject=bob))
    first, second, third, fourth = [event.subject_id for event in events.all()]
    assert first == third != second == fourth
    with platform.db.read() as session:
        assert session.get_one(Subject, first).anonymous
        assert platform.subjects.find(session, "anonymous", "ada") == first


def test_a_refused_event_makes_nobody_known(
    shop: DxpClient, nothing_written: Callable[[], Any]
) -> None:
    with nothing_written():
        answer = send(shop, order(1, subject={"anonymous_id": "ada"}, data={}))
    assert answer["data"][0]["status"] == "error"


def test_the_browser_of_an_erased_visitor_is_met_anew(
    shop: DxpClient, platform: Platform, events: Any
) -> None:
    send(shop, order(1, subject={"anonymous_id": "ada"}))
    erased = events.all()[0].subject_id
    with platform.db.write() as session:
        platform.subjects.forget(session, [erased])
    send(shop, order(2, subject={"anonymous_id": "ada"}))
    assert events.all()[1].subject_id not in (None, erased)


def test_new_visitors_cost_a_constant_number_of_queries(
    shop: DxpClient, count_queries: Callable[[], Any]
) -> None:
    send(shop, order("first"))
    counts = []
    for size in (2, 40):
        batch = [order(f"{size}-{n}", subject={"anonymous_id": f"{size}-{n}"}) for n in range(size)]
        with count_queries() as queries:
            send(shop, *batch)
        counts.append(queries.count)
    assert counts[0] == counts[1]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown ref": ({"subject": {"ref": "nobody"}}, "unknown_subject"),
    "an unknown id": ({"subject": {"id": str(uuid.UUID(int=5))}}, "unknown_subject"),
    "an unknown type": ({"type": "order.plaecd"}, "unknown_event_type"),
    "a type closed to senders": ({"type": "customer.registered"}, "unknown_event_type"),
    "data that does not fit": ({"data": {"order_id": "9"}}, "invalid_event"),
    "a reserved source": ({"source": "dxp"}, "reserved_source"),
    "no type": ({"type": None}, "invalid_event"),
    "an unknown member": ({"colour": "red"}, "invalid_event"),
    "a subject of two names": ({"subject": {"ref": "a", "anonymous_id": "b"}}, "invalid_event"),
    "a subject without a name": ({"subject": {}}, "invalid_event"),
    "a moment without an offset": ({"occurred_at": "2026-01-01T00:00:00"}, "invalid_event"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_event_is_refused_and_the_others_are_not_held_up(
    name: str, shop: DxpClient, events: Any, client: DxpClient
) -> None:
    values, code = REFUSED[name]
    answer = send(shop, order(1), order(2, **values), order(3))
    assert [item["status"] for item in answer["data"]] == ["accepted", "error", "accepted"]
    refused = answer["data"][1]
    assert refused["code"] == code
    assert "; " in refused["detail"]
    assert client.get(f"/api/problems/{code}").status_code == 200
    assert len(events.all()) == 2


def test_data_that_does_not_fit_is_pointed_at(shop: DxpClient) -> None:
    data = {"order_id": "9", "total": "much", "currency": "EUR"}
    refused = send(shop, order(9, data=data))["data"][0]
    assert [error["pointer"] for error in refused["errors"]] == ["/data/total"]


@pytest.mark.parametrize("odd", [{"type": "order.placed"}, {"id": 7}, "order-2", None, []])
def test_what_is_no_event_is_answered_in_its_place(
    odd: object, shop: DxpClient, events: Any
) -> None:
    answer = send(shop, order(1), odd, order(3))
    assert [item["id"] for item in answer["data"]] == ["order-1", None, "order-3"]
    refused = answer["data"][1]
    assert (refused["status"], refused["code"]) == ("error", "invalid_event")
    assert refused["errors"]
    assert answer["meta"] == {"accepted": 2, "duplicate": 0, "error": 1}
    assert len(events.all()) == 2


def test_a_moment_of_its_own_is_kept_and_the_future_refused(
    shop: DxpClient, events: Any, clock: SettableClock
) -> None:
    past = clock.now() - timedelta(days=400)
    ahead = clock.now() + timedelta(minutes=6)
    answer = send(
        shop, order(1, occurred_at=past.isoformat()), order(2, occurred_at=ahead.isoformat())
    )
    assert [item["code"] for item in answer["data"]] == [None, "occurred_in_future"]
    assert events.all()[0].occurred_at == past


def test_what_would_be_forgotten_at_once_is_refused(
    shop: DxpClient, events: Any, clock: SettableClock
) -> None:
    view = {"type": "page.viewed", "data": {"path": "/"}}
    old, young = (clock.now() - timedelta(days=days) for days in (401, 399))
    answer = send(
        shop,
        {"id": "1", "occurred_at": old.isoformat()} | view,
        {"id": "2", "occurred_at": young.isoformat()} | view,
        order(1, occurred_at=old.isoformat()),
    )
    assert [item["code"] for item in answer["data"]] == ["event_past_retention", None, None]


BATCHES: dict[str, tuple[Any, int, str]] = {
    "no events": ({"events": []}, 422, "invalid_body"),
    "too many": ({"events": [order(n) for n in range(1001)]}, 422, "invalid_body"),
    "a bare event": (order(1), 422, "invalid_body"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_of_the_wrong_form_is_refused_whole(
    name: str, shop: DxpClient, check_problem: Check, nothing_written: Callable[[], Any]
) -> None:
    sent, status, code = BATCHES[name]
    with nothing_written():
        response = shop.post(EVENTS, json=sent)
    check_problem(response, status, code)


def test_a_subscriber_may_refuse_one_event_of_many(
    shop: DxpClient, platform: Platform, events: Any
) -> None:
    def refuse(ctx: EventContext) -> None:
        if ctx.record.external_id == "order-2":
            raise Unprocessable("Refused, because it is the second; skip it", code="invalid_event")

    platform.events.subscribe(
        Subscription(event="order.placed", handler=refuse, name="books.refuse", when="inside")
    )
    answer = send(shop, order(1), order(2), order(3))
    assert [item["status"] for item in answer["data"]] == ["accepted", "error", "accepted"]
    assert [event.external_id for event in events.all()] == ["order-1", "order-3"]


def test_a_batch_subscriber_may_refuse_one_event_of_many(
    shop: DxpClient, platform: Platform, events: Any
) -> None:
    told: list[str | None] = []

    def refuse(ctx: BatchContext) -> None:
        names = [record.external_id for record in ctx.records]
        if {"order-2", "order-5"} & set(names):
            raise Unprocessable("Refused, because of its number; skip it", code="invalid_event")
        told.extend(names)

    platform.events.subscribe(
        BatchSubscription(events=("order.placed",), handler=refuse, name="books.refuse_many")
    )
    answer = send(shop, *[order(n) for n in range(1, 8)])
    refused = [item["id"] for item in answer["data"] if item["status"] == "error"]
    assert refused == ["order-2", "order-5"]
    assert answer["meta"] == {"accepted": 5, "duplicate": 0, "error": 2}
    assert told == ["order-1", "order-3", "order-4", "order-6", "order-7"]
    assert [event.external_id for event in events.all()] == told


def test_a_fault_of_a_subscriber_undoes_the_batch(
    shop: DxpClient,
    platform: Platform,
    check_problem: Check,
    nothing_written: Callable[[], Any],
) -> None:
    def crash(ctx: EventContext) -> None:
        raise LookupError(ctx.record.external_id)

    platform.events.subscribe(
        Subscription(event="order.placed", handler=crash, name="books.crash", when="inside")
    )
    with nothing_written():
        response = shop.post(EVENTS, json={"events": [order(1), order(2)]})
    check_problem(response, 500, "internal_error")


@pytest.mark.parametrize("scope", ["events.read", "books.read"])
def test_sending_takes_its_scope(
    scope: str, app: Flask, client: DxpClient, check_problem: Check
) -> None:
    response = client.as_key(scope).post(EVENTS, json={"events": [order(1)]})
    check_problem(response, 403, "missing_scope")


def test_the_log_is_filtered_and_paged_latest_first(shop: DxpClient, platform: Platform) -> None:
    subject = make_subject(platform, ref="C-1")
    send(shop, *[order(n, subject={"ref": "C-1"}) for n in range(3)], order("other"))
    path = f"{EVENTS}?filter[subject]={subject}&filter[type]=order.placed&limit=2"
    first = shop.get(path).get_json()
    rest = shop.get(f"{path}&cursor={first['page']['next']}").get_json()
    found = [event["external_id"] for event in first["data"] + rest["data"]]
    assert found == ["order-2", "order-1", "order-0"]
    assert first["data"][0]["data"]["order_id"] == "2"
    whole = shop.get(f"{EVENTS}?count=true").get_json()
    assert whole["meta"] == {"count": 4}
    assert whole["data"][0]["external_id"] == "order-other"


def test_reading_the_log_takes_its_scope(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    check_problem(client.as_key("events.write").get(EVENTS), 403, "missing_scope")


def test_a_customer_sees_a_summary_that_plugins_fill(app: Flask, client: DxpClient) -> None:
    ada = client.as_customer()
    response = ada.get("/api/v1/me")
    assert response.get_json() == {"id": str(ada.subject_id), "books": {"lent": 2}}
    assert response.headers["Cache-Control"] == "private, no-store"
    etag = {"If-None-Match": response.headers["ETag"]}
    assert ada.get("/api/v1/me", headers=etag).status_code == 304
