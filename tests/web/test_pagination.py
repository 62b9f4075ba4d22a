"""Pages of a list are the list: nothing skipped, nothing told twice, nothing made up."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from sqlalchemy.orm import InstrumentedAttribute

from dxp.api import Actor, BadRequest, Call, ConfigurationError, Platform, paginate
from dxp.testing.client import DxpClient
from dxp.web.call import PageRequest
from dxp.web.cursors import read_cursor, write_cursor

Check = Callable[..., Any]
BOOKS = "/api/v1/books"
SECRET = b"s" * 32


@pytest.fixture
def book(book_model: Any, add_book: Callable[..., uuid.UUID]) -> Any:
    """The model, with one book in its table."""
    add_book()
    return book_model


def call_of(platform: Platform, session: Any) -> Call:
    return Call(
        session=session,
        actor=Actor(),
        platform=platform,
        locale="en",
        now=datetime.now(UTC),
        request_id="test",
    )


rows = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["a", "B", "é", "ه", ""]), st.uuids()),
    max_size=25,
    unique_by=lambda row: row[2],
)
directions = st.tuples(*[st.sampled_from(["asc", "desc"])] * 3)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=rows, order=directions, limit=st.integers(1, 7))
def test_walking_the_pages_gives_the_whole_list_in_order(
    rows: list[tuple[int, str, uuid.UUID]],
    order: tuple[str, str, str],
    limit: int,
    book: Any,
    platform: Platform,
) -> None:
    columns: list[InstrumentedAttribute[Any]] = [book.shelf, book.title, book.id]
    keys = list(zip(columns, order, strict=True))
    with platform.db.write() as session:
        session.execute(delete(book))
        session.add_all([book(shelf=s, title=t, id=i) for s, t, i in rows])
    with platform.db.read() as session:
        whole = session.scalars(
            select(book).order_by(*(getattr(column, way)() for column, way in keys))
        ).all()
        walked: list[Any] = []
        cursor = None
        while True:
            asked = PageRequest(limit=limit, cursor=cursor, count=True, binding="b")
            page = paginate(call_of(platform, session), select(book), keys=keys, page=asked)
            assert len(page.items) <= limit
            assert page.count == len(rows)
            walked += page.items
            cursor = page.next
            if cursor is None:
                break
            assert page.items
    assert [item.id for item in walked] == [item.id for item in whole]


def test_the_api_pages_with_its_envelope(
    keyed: DxpClient, add_book: Callable[..., uuid.UUID]
) -> None:
    ids = {str(add_book(shelf=n % 2)) for n in range(5)}
    first = keyed.get(f"{BOOKS}?limit=3&count=true").get_json()
    assert first["meta"] == {"count": 5}
    rest = keyed.get(f"{BOOKS}?limit=3&cursor={first['page']['next']}").get_json()
    assert rest["page"] == {"next": None}
    assert rest["meta"] == {}
    assert {item["id"] for item in first["data"] + rest["data"]} == ids


def test_rows_added_meanwhile_shift_nothing(
    keyed: DxpClient, add_book: Callable[..., uuid.UUID]
) -> None:
    for _ in range(4):
        add_book(shelf=5)
    first = keyed.get(f"{BOOKS}?limit=2").get_json()
    add_book(shelf=0)
    rest = keyed.get(f"{BOOKS}?limit=10&cursor={first['page']['next']}").get_json()
    assert len(rest["data"]) == 2


def test_a_cursor_serves_only_the_query_it_came_from(
    keyed: DxpClient, add_book: Callable[..., uuid.UUID], check_problem: Check
) -> None:
    for _ in range(3):
        add_book(shelf=1)
    cursor = keyed.get(f"{BOOKS}?limit=1&filter[shelf]=1").get_json()["page"]["next"]
    assert keyed.get(f"{BOOKS}?limit=2&filter[shelf]=1&cursor={cursor}").status_code == 200
    check_problem(keyed.get(f"{BOOKS}?cursor={cursor}"), 400, "invalid_cursor")
    other = keyed.get(f"{BOOKS}?filter[shelf]=2&cursor={cursor}")
    check_problem(other, 400, "invalid_cursor")


def test_a_page_costs_one_query(
    keyed: DxpClient, add_book: Callable[..., uuid.UUID], count_queries: Callable[[], Any]
) -> None:
    for _ in range(3):
        add_book()
    keyed.get(BOOKS)
    with count_queries() as queries:
        keyed.get(f"{BOOKS}?limit=2")
    assert sum("books_book" in text for text in queries.statements) == 1


values = st.lists(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
        st.uuids(),
        st.datetimes(timezones=st.just(UTC)),
        st.dates(),
        st.decimals(allow_nan=False, allow_infinity=False),
    ),
    max_size=4,
)


@given(values=values)
def test_a_cursor_gives_back_what_it_was_made_of(values: list[Any]) -> None:
    cursor = write_cursor(values, binding="b", secret=SECRET)
    found = read_cursor(cursor, binding="b", secret=SECRET, length=len(values))
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@given(data=st.data())
def test_a_cursor_that_was_touched_is_refused(data: st.DataObject) -> None:
    cursor = write_cursor([1, "a"], binding="b", secret=SECRET)
    place = data.draw(st.integers(0, len(cursor) - 2))
    letter = data.draw(st.sampled_from("ABab01-_é=").filter(lambda x: x != cursor[place]))
    touched = cursor[:place] + letter + cursor[place + 1 :]
    with pytest.raises(BadRequest):
        read_cursor(touched, binding="b", secret=SECRET, length=2)


@pytest.mark.parametrize(
    ("binding", "secret", "length"),
    [("other", SECRET, 2), ("b", b"t" * 32, 2), ("b", SECRET, 1)],
)
def test_a_cursor_is_bound_to_query_secret_and_sort(
    binding: str, secret: bytes, length: int
) -> None:
    cursor = write_cursor([1, "a"], binding="b", secret=SECRET)
    with pytest.raises(BadRequest):
        read_cursor(cursor, binding=binding, secret=secret, length=length)


@pytest.mark.parametrize("value", [None, object(), b"bytes"])
def test_what_has_no_order_makes_no_cursor(value: object) -> None:
    with pytest.raises(TypeError):
        write_cursor([value], binding="b", secret=SECRET)


def test_sorting_by_a_column_that_may_be_null_is_refused(book: Any, platform: Platform) -> None:
    asked = PageRequest(limit=1, cursor=None, count=False, binding="b")
    with platform.db.read() as session, pytest.raises(ConfigurationError, match="may be NULL"):
        paginate(
            call_of(platform, session),
            select(book),
            keys=[(book.note, "asc"), (book.id, "asc")],
            page=asked,
        )


def test_a_sort_must_end_in_something_unique(book: Any, platform: Platform) -> None:
    asked = PageRequest(limit=1, cursor=None, count=False, binding="b")
    with platform.db.read() as session, pytest.raises(ConfigurationError, match="not unique"):
        paginate(call_of(platform, session), select(book), keys=[(book.shelf, "asc")], page=asked)


def test_expressions_and_several_columns_can_be_paged(
    book: Any, platform: Platform, add_book: Callable[..., uuid.UUID]
) -> None:
    add_book(title="B")
    add_book(title="a")
    stmt = select(book.title, book.shelf).where(book.title != "A book")
    keys = [(func.lower(book.title), "asc"), (book.id, "asc")]
    with platform.db.read() as session:
        call = call_of(platform, session)
        asked = PageRequest(limit=1, cursor=None, count=False, binding="b")
        first = paginate(call, stmt, keys=keys, page=asked)
        asked = PageRequest(limit=1, cursor=first.next, count=False, binding="b")
        second = paginate(call, stmt, keys=keys, page=asked)
    assert [tuple(row) for row in [*first.items, *second.items]] == [("a", 1), ("B", 1)]
    assert second.next is None


def test_a_page_can_be_made_of_other_items(book: Any, platform: Platform) -> None:
    with platform.db.read() as session:
        asked = PageRequest(limit=1, cursor=None, count=False, binding="b")
        page = paginate(
            call_of(platform, session), select(book), keys=[(book.id, "asc")], page=asked
        )
    assert page.map(lambda item: item.title).items == ["A book"]


def test_paging_a_route_that_is_not_paged_is_refused(
    app: Flask, book: Any, platform: Platform
) -> None:
    with platform.db.read() as session, pytest.raises(ConfigurationError, match="paged=True"):
        paginate(call_of(platform, session), select(book), keys=[(book.id, "asc")])


def test_kinds_of_dates_and_numbers_keep_their_kind() -> None:
    given = [date(2026, 2, 28), datetime(2026, 2, 28, tzinfo=UTC), Decimal("1.10"), True, 1]
    cursor = write_cursor(given, binding="b", secret=SECRET)
    assert read_cursor(cursor, binding="b", secret=SECRET, length=5) == given
