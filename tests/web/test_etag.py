"""Readers who have the present version get 304; writers who are behind get 412."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from dxp.testing.client import DxpClient
from dxp.web.etag import etag_of

Check = Callable[..., Any]
AddBook = Callable[..., uuid.UUID]
BOOKS = "/api/v1/books"


def test_a_reader_gets_a_strong_etag_and_304_with_it(keyed: DxpClient, add_book: AddBook) -> None:
    path = f"{BOOKS}/{add_book()}"
    first = keyed.get(path)
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    again = keyed.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == etag
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert again.headers["Vary"] == first.headers["Vary"]


@pytest.mark.parametrize("sent", ['"x", {etag}', "W/{etag}", "*", '"x",{etag},"y"'])
def test_if_none_match_takes_lists_weak_tags_and_the_star(
    sent: str, keyed: DxpClient, add_book: AddBook
) -> None:
    path = f"{BOOKS}/{add_book()}"
    etag = keyed.get(path).headers["ETag"]
    sent = sent.format(etag=etag)
    assert keyed.get(path, headers={"If-None-Match": sent}).status_code == 304
    assert keyed.head(path, headers={"If-None-Match": sent}).status_code == 304


@pytest.mark.parametrize("sent", ['"x"', "", "nonsense", '"'])
def test_another_etag_gets_the_whole_answer(sent: str, keyed: DxpClient, add_book: AddBook) -> None:
    response = keyed.get(f"{BOOKS}/{add_book()}", headers={"If-None-Match": sent})
    assert response.status_code == 200
    assert response.get_json()["title"] == "A book"


def test_without_a_tag_of_the_view_the_bytes_make_one(app: Flask, client: DxpClient) -> None:
    path = f"{BOOKS}/hashed"
    english, persian = client.get(path), client.get(f"{path}?locale=fa")
    assert english.headers["ETag"] != persian.headers["ETag"]
    again = client.get(path, headers={"If-None-Match": english.headers["ETag"]})
    assert again.status_code == 304


def test_a_write_must_say_which_version_it_began_from(
    keyed: DxpClient, add_book: AddBook, check_problem: Check, book_model: Any, platform: Any
) -> None:
    book_id = add_book()
    response = keyed.put(f"{BOOKS}/{book_id}", json={"title": "New"})
    check_problem(response, 428, "precondition_required")
    with platform.db.read() as session:
        assert session.get_one(book_model, book_id).title == "A book"


def test_of_two_writers_from_one_version_the_second_is_refused(
    keyed: DxpClient, add_book: AddBook, check_problem: Check, book_model: Any, platform: Any
) -> None:
    book_id = add_book()
    path = f"{BOOKS}/{book_id}"
    etag = keyed.get(path).headers["ETag"]
    first = keyed.put(path, json={"title": "First"}, headers={"If-Match": etag})
    assert first.status_code == 200
    second = keyed.put(path, json={"title": "Second"}, headers={"If-Match": etag})
    check_problem(second, 412, "precondition_failed")
    with platform.db.read() as session:
        assert session.get_one(book_model, book_id).title == "First"
    third = keyed.put(path, json={"title": "Third"}, headers={"If-Match": first.headers["ETag"]})
    assert third.status_code == 200


def test_a_weak_tag_allows_no_write_and_the_star_allows_any(
    keyed: DxpClient, add_book: AddBook, check_problem: Check
) -> None:
    path = f"{BOOKS}/{add_book()}"
    etag = keyed.get(path).headers["ETag"]
    weak = keyed.put(path, json={"title": "A"}, headers={"If-Match": f"W/{etag}"})
    check_problem(weak, 412, "precondition_failed")
    assert keyed.put(path, json={"title": "A"}, headers={"If-Match": "*"}).status_code == 200


def test_shared_answers_may_be_kept_and_name_what_they_show(
    keyed: DxpClient, add_book: AddBook
) -> None:
    book_id = add_book()
    headers = keyed.get(f"{BOOKS}/{book_id}").headers
    assert headers["Cache-Control"] == "public, no-cache"
    assert headers["Cache-Tag"] == f"book:{book_id}"
    assert headers["Vary"] == "Accept-Language"


def test_what_is_a_customers_is_kept_by_nobody(app: Flask, client: DxpClient) -> None:
    headers = client.as_customer().get(f"{BOOKS}/mine").headers
    assert headers["Cache-Control"] == "private, no-store"
    assert "Authorization" in headers["Vary"]


def test_writes_are_kept_by_nobody(keyed: DxpClient) -> None:
    assert keyed.post(BOOKS, json={"title": "A"}).headers["Cache-Control"] == "no-store"


def test_a_tag_is_made_of_all_its_parts() -> None:
    assert etag_of("a", "bc") != etag_of("ab", "c")
    assert etag_of(1, "en") == etag_of("1", "en")
