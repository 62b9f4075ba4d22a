"""What the audit log keeps of a change."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp.audit.details import REDACTED, changed, plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_only_fields_that_differ_are_kept() -> None:
    before, after = changed({"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 5, "new": 4})
    assert before == {"b": 2, "gone": 3}
    assert after == {"b": 5, "new": 4}


def test_one_sided_changes_keep_all_fields() -> None:
    assert changed(None, {"a": 1}) == (None, {"a": 1})
    assert changed({"a": 1}, None) == ({"a": 1}, None)


@pytest.mark.parametrize(
    "name",
    ["password", "password_hash", "api_key", "refresh_token", "totp", "client-secret", "code"],
)
def test_a_changed_secret_shows_that_it_changed_and_nothing_more(name: str) -> None:
    before, after = changed({name: "old-value"}, {name: "new-value"})
    assert before == {name: REDACTED}
    assert after == {name: REDACTED}


def test_a_secret_inside_of_a_nested_value_is_left_out() -> None:
    _before, after = changed(None, {"settings": {"smtp": [{"password": "hunter2", "host": "h"}]}})
    assert after == {"settings": {"smtp": [{"password": REDACTED, "host": "h"}]}}


@pytest.mark.parametrize("name", ["hashtags", "tokenizer", "secretary", "keyboard", "encoded"])
def test_names_that_merely_contain_such_a_word_stay_readable(name: str) -> None:
    assert changed(None, {name: "x"})[1] == {name: "x"}


def test_the_absence_of_a_secret_is_no_secret() -> None:
    assert changed({"password": None}, {"password": "x"}) == (
        {"password": None},
        {"password": REDACTED},
    )


def test_values_of_the_domain_become_json() -> None:
    moment = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    given_values = {
        "at": moment,
        "on": date(2026, 3, 10),
        "id": uuid.UUID(int=5),
        "sum": Decimal("12.50"),
        "tags": {"b", "a"},
        "pair": (1, 2),
    }
    assert plain(given_values) == {
        "at": "2026-03-10T09:00:00+00:00",
        "on": "2026-03-10",
        "id": "00000000-0000-0000-0000-000000000005",
        "sum": "12.50",
        "tags": ["a", "b"],
        "pair": [1, 2],
    }


@given(VALUES)
def test_any_value_becomes_json_that_reads_back_the_same(value: object) -> None:
    once = plain(value)
    assert json.loads(json.dumps(once, allow_nan=False)) == once


def test_characters_that_a_database_cannot_hold_are_replaced() -> None:
    assert plain({"a\x00": "b\x00", "c": "\ud800"}) == {"a\ufffd": "b\ufffd", "c": "?"}


@given(VALUES)
def test_what_is_plain_already_stays_as_it_is(value: object) -> None:
    assert plain(plain(value)) == plain(value)
