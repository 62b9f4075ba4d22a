"""The chain of hashes, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp.audit import Anchor, AuditEntry
from dxp.audit.chain import GENESIS, link, verify

KEY = b"k" * 32
START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
TAMPERED: dict[str, Any] = {
    "at": START + timedelta(days=99),
    "actor_key": "staff:other",
    "actor_label": "Somebody else",
    "action": "crm.customer.deleted",
    "object_type": "crm.other",
    "object_id": "999",
    "request_id": "another",
    "before": {"name": "Mallory"},
    "after": {"name": "Mallory"},
    "salt": b"0123456789abcdef",
    "details_digest": "f" * 64,
    "prev_hash": "e" * 64,
    "hash": "d" * 64,
}


def make_chain(length: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    previous = GENESIS
    for seq in range(1, length + 1):
        entry = AuditEntry(
            at=START + timedelta(minutes=seq),
            actor_key="staff:1",
            actor_label="Ada",
            action="crm.customer.updated",
            object_type="crm.customer",
            object_id=str(seq),
            subject_id=None,
            request_id=None,
            before={"name": f"old {seq}"},
            after={"name": f"new {seq}"},
        )
        link(KEY, entry, seq=seq, prev_hash=previous)
        previous = entry.hash
        entries.append(entry)
    return entries


def test_an_untouched_chain_verifies_and_tells_its_head() -> None:
    chain = make_chain(5)
    found = verify(KEY, chain)
    assert (found.ok, found.checked, found.blanked) == (True, 5, 0)
    assert found.head == Anchor(seq=5, hash=chain[-1].hash)


def test_an_empty_log_verifies() -> None:
    found = verify(KEY, [])
    assert found.ok
    assert found.head is None


@given(
    position=st.integers(min_value=0, max_value=5),
    column=st.sampled_from(sorted(TAMPERED)),
)
def test_a_change_of_any_column_is_found_at_its_entry(position: int, column: str) -> None:
    chain = make_chain(6)
    setattr(chain[position], column, TAMPERED[column])
    found = verify(KEY, chain)
    assert found.broken_seq == position + 1
    assert found.reason


@given(position=st.integers(min_value=0, max_value=4))
def test_an_entry_taken_out_of_the_middle_is_missed(position: int) -> None:
    chain = make_chain(6)
    del chain[position]
    assert verify(KEY, chain).broken_seq == position + 1


@given(position=st.integers(min_value=0, max_value=5))
def test_an_entry_put_in_without_the_key_is_found(position: int) -> None:
    chain = make_chain(6)
    forged = make_chain(6)[position]
    forged.after = {"name": "Mallory"}
    link(b"x" * 32, forged, seq=position + 1, prev_hash=chain[position].prev_hash)
    chain[position] = forged
    assert verify(KEY, chain).broken_seq == position + 1


def test_erased_details_do_not_break_the_chain() -> None:
    chain = make_chain(4)
    chain[1].before = chain[1].after = chain[1].salt = None
    found = verify(KEY, chain)
    assert found.ok
    assert found.blanked == 1


def test_details_put_in_after_they_were_erased_are_found() -> None:
    chain = make_chain(4)
    chain[1].before = chain[1].salt = None
    chain[1].after = {"name": "Mallory"}
    assert verify(KEY, chain).broken_seq == 2


def test_the_digest_of_equal_details_differs_from_entry_to_entry() -> None:
    """Otherwise an erased value could be guessed back by trying likely ones."""
    one, two = make_chain(2)
    two.before, two.after = one.before, one.after
    link(KEY, two, seq=2, prev_hash=one.hash)
    assert one.details_digest != two.details_digest


def test_only_an_anchor_tells_that_the_end_was_cut_off() -> None:
    chain = make_chain(5)
    anchor = Anchor(seq=5, hash=chain[-1].hash)
    assert verify(KEY, chain[:3]).ok
    cut = verify(KEY, chain[:3], anchor=anchor)
    assert cut.broken_seq == 4
    assert "ends before entry 5" in str(cut.reason)


def test_an_anchor_tells_that_the_chain_was_made_anew() -> None:
    chain, anew = make_chain(3), make_chain(3)
    found = verify(KEY, anew, anchor=Anchor(seq=2, hash=chain[1].hash))
    assert found.broken_seq == 2


@pytest.mark.parametrize("length", [0, 1, 1200])
def test_progress_ends_with_the_number_of_entries(length: int) -> None:
    told: list[int] = []
    verify(KEY, make_chain(length), progress=told.append)
    assert told[-1] == length
    assert told == sorted(told)
