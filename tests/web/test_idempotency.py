"""A request that is sent twice acts once and is answered the same."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from dxp.api import Platform
from dxp.testing.client import DxpClient
from dxp.testing.clock import SettableClock
from dxp.web.idempotency import _lock
from dxp.web.models import IdempotencyKey

Check = Callable[..., Any]
AddBook = Callable[..., uuid.UUID]
Stock = Callable[[uuid.UUID], int]
SALES = "/api/v1/books/sales"


def sell(client: DxpClient, book_id: uuid.UUID, *, count: int = 1, key: str = "k-1") -> Any:
    return client.post(
        SALES,
        json={"book_id": str(book_id), "count": count},
        headers={"Idempotency-Key": key},
    )


def stored(platform: Platform) -> int:
    with platform.db.read() as session:
        return session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0


def test_a_retry_gets_the_same_bytes_and_changes_nothing(
    keyed: DxpClient, add_book: AddBook, stock_of: Stock
) -> None:
    book = add_book(stock=5)
    first, again = sell(keyed, book), sell(keyed, book)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    for name in ("Content-Type", "Content-Language", "Cache-Control"):
        assert again.headers[name] == first.headers[name]
    assert stock_of(book) == 4


def test_a_refusal_is_replayed_even_when_it_would_no_longer_be_one(
    keyed: DxpClient,
    add_book: AddBook,
    stock_of: Stock,
    platform: Platform,
    book_model: Any,
    check_problem: Check,
) -> None:
    book = add_book(stock=1)
    first = sell(keyed, book, count=2)
    document = check_problem(first, 422, "sold_out")
    assert stock_of(book) == 1
    with platform.db.write() as session:
        session.get_one(book_model, book).stock = 10
    again = sell(keyed, book, count=2)
    assert (again.status_code, again.data) == (422, first.data)
    assert again.content_type == "application/problem+json"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json()["request_id"] == document["request_id"]
    assert stock_of(book) == 10


def test_a_fault_is_not_stored_and_a_retry_runs_again(
    keyed: DxpClient, add_book: AddBook, stock_of: Stock, platform: Platform, check_problem: Check
) -> None:
    book = add_book(stock=50)
    check_problem(sell(keyed, book, count=13), 500, "internal_error")
    assert stored(platform) == 0
    assert stock_of(book) == 50


def test_the_key_with_another_body_is_refused(
    keyed: DxpClient, add_book: AddBook, stock_of: Stock, check_problem: Check
) -> None:
    book = add_book(stock=5)
    sell(keyed, book)
    check_problem(sell(keyed, book, count=2), 422, "idempotency_key_reused")
    assert stock_of(book) == 4


def test_the_order_of_members_and_the_spacing_make_no_other_body(
    keyed: DxpClient, add_book: AddBook, stock_of: Stock
) -> None:
    book = add_book(stock=5)
    sell(keyed, book)
    again = keyed.post(
        SALES,
        data=f'{{ "count":1, "book_id": "{book}" }}',
        content_type="application/json",
        headers={"Idempotency-Key": "k-1"},
    )
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stock_of(book) == 4


def test_an_empty_object_and_no_body_are_the_same_request(
    keyed: DxpClient, add_book: AddBook, stock_of: Stock
) -> None:
    book = add_book(stock=5)
    for data in (b"", b"{ }", b"{}"):
        answer = keyed.post(
            f"/api/v1/books/{book}/lend", data=data, headers={"Idempotency-Key": "k-1"}
        )
        assert answer.status_code == 200
    assert stock_of(book) == 4


def test_the_same_key_of_another_actor_is_another_key(
    keyed: DxpClient, client: DxpClient, add_book: AddBook, stock_of: Stock
) -> None:
    book = add_book(stock=5)
    sell(keyed, book)
    other = sell(client.as_customer(), book)
    assert other.status_code == 201
    assert "Idempotent-Replayed" not in other.headers
    assert stock_of(book) == 3


def test_without_a_key_nothing_runs(
    keyed: DxpClient, add_book: AddBook, stock_of: Stock, check_problem: Check
) -> None:
    book = add_book(stock=5)
    response = keyed.post(SALES, json={"book_id": str(book), "count": 1})
    check_problem(response, 400, "idempotency_key_missing")
    assert stock_of(book) == 5


@pytest.mark.parametrize("key", ["k" * 256, "two words", "é"])
def test_a_malformed_key_is_refused(
    key: str, keyed: DxpClient, add_book: AddBook, check_problem: Check
) -> None:
    check_problem(sell(keyed, add_book(stock=5), key=key), 400, "idempotency_key_invalid")


def test_a_body_that_does_not_fit_does_not_use_the_key_up(
    keyed: DxpClient, add_book: AddBook, check_problem: Check
) -> None:
    book = add_book(stock=5)
    check_problem(sell(keyed, book, count=0), 422, "invalid_body")
    assert sell(keyed, book).status_code == 201


def test_a_key_is_forgotten_after_its_time_and_tidied_away(
    keyed: DxpClient,
    add_book: AddBook,
    stock_of: Stock,
    platform: Platform,
    run_jobs: Callable[[], int],
) -> None:
    assert isinstance(platform.clock, SettableClock)
    book = add_book(stock=5)
    sell(keyed, book)
    platform.clock.advance_wall(hours=platform.settings.api.idempotency_hours + 1)
    again = sell(keyed, book)
    assert "Idempotent-Replayed" not in again.headers
    assert stock_of(book) == 3
    assert stored(platform) == 1
    platform.clock.advance_wall(hours=platform.settings.api.idempotency_hours + 1)
    with platform.db.write() as session:
        platform.jobs.enqueue(session, "core.forget_idempotency_keys")
    run_jobs()
    assert stored(platform) == 0


def test_shifting_the_demos_day_forgets_no_key(
    keyed: DxpClient, add_book: AddBook, stock_of: Stock, clock: SettableClock
) -> None:
    book = add_book(stock=5)
    sell(keyed, book)
    clock.set(clock.now() + timedelta(days=365))
    sell(keyed, book)
    assert stock_of(book) == 4


def test_what_a_refused_view_put_off_until_the_commit_is_dropped(
    app: Flask, platform: Platform
) -> None:
    told: list[str] = []

    def refused(session: Any) -> None:
        with platform.db.savepoint(session):
            platform.db.after_commit(session, lambda: told.append("dropped"))
            raise LookupError

    with platform.db.write() as session:
        platform.db.after_commit(session, lambda: told.append("kept"))
        with pytest.raises(LookupError):
            refused(session)
    assert told == ["kept"]


def test_many_at_once_act_once(
    app: Flask, keyed: DxpClient, add_book: AddBook, stock_of: Stock
) -> None:
    book = add_book(stock=5)
    statuses: list[int] = []
    start = threading.Barrier(6)

    def send() -> None:
        client = keyed.as_anyone()
        client.environ_base.update(keyed.environ_base)
        start.wait()
        statuses.append(sell(client, book).status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert stock_of(book) == 4


def test_while_the_first_still_runs_the_second_is_told_to_wait(
    keyed: DxpClient, client: DxpClient, add_book: AddBook, platform: Platform, check_problem: Check
) -> None:
    if platform.db.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time, so the second waits by itself")
    book = add_book(stock=5)
    ada = client.as_customer()
    with platform.db.write() as session:
        _lock(session, f"customer:{ada.subject_id}", "k-1")
        response = sell(ada, book)
    check_problem(response, 409, "request_in_progress")
    assert response.headers["Retry-After"] == "1"
    assert sell(ada, book).status_code == 201
