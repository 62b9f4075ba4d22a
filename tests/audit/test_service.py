"""Recording, reading, checking and blanking the audit log."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dxp.audit import Anchor, AuditEntry, AuditFilter, request_id
from dxp.platform import Platform
from dxp.testing import SYSTEM, SettableClock, staff_actor

ADA = staff_actor("*", name="Ada Archer")


def record(platform: Platform, session: Session, **changes: Any) -> None:
    values: dict[str, Any] = {
        "action": "crm.customer.updated",
        "object_type": "crm.customer",
        "object_id": "1",
        "before": {"name": "old"},
        "after": {"name": "new"},
    }
    platform.audit.record(session, ADA, **(values | changes))


def entries(platform: Platform, wanted: AuditFilter | None = None) -> list[AuditEntry]:
    with platform.db.read() as session:
        return list(platform.audit.entries(session, wanted=wanted))


def is_whole(platform: Platform) -> bool:
    with platform.db.read() as session:
        return platform.audit.verify(session).ok


def test_an_entry_says_who_did_what_to_what(platform: Platform) -> None:
    with platform.db.write() as session:
        record(platform, session, object_id=uuid.UUID(int=7), request_id="req-12345678")
    (entry,) = entries(platform)
    assert entry.seq == 1
    assert (entry.actor_key, entry.actor_label) == (ADA.key, "Ada Archer")
    assert entry.action == "crm.customer.updated"
    assert entry.object_id == "00000000-0000-0000-0000-000000000007"
    assert (entry.before, entry.after) == ({"name": "old"}, {"name": "new"})
    assert entry.request_id == "req-12345678"


def test_the_id_of_the_request_being_served_is_kept(platform: Platform) -> None:
    token = request_id.set("served-request")
    try:
        with platform.db.write() as session:
            record(platform, session)
    finally:
        request_id.reset(token)
    assert entries(platform)[0].request_id == "served-request"


def test_a_transaction_that_fails_leaves_no_entry(platform: Platform) -> None:
    def fail() -> None:
        with platform.db.write() as session:
            record(platform, session)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert entries(platform) == []


def test_a_savepoint_that_is_undone_takes_its_entries_along(platform: Platform) -> None:
    with platform.db.write() as session:
        record(platform, session, object_id="before")
        undone = session.begin_nested()
        record(platform, session, object_id="inside")
        inner = session.begin_nested()
        record(platform, session, object_id="deeper")
        inner.commit()
        undone.rollback()
        with session.begin_nested():
            record(platform, session, object_id="kept")
        record(platform, session, object_id="after")
    assert [e.object_id for e in reversed(entries(platform))] == ["before", "kept", "after"]
    assert is_whole(platform)


def test_entries_of_one_transaction_keep_their_order(platform: Platform) -> None:
    with platform.db.write() as session:
        for number in range(5):
            record(platform, session, object_id=str(number))
    found = entries(platform)
    assert [e.object_id for e in found] == ["4", "3", "2", "1", "0"]
    assert [e.seq for e in found] == [5, 4, 3, 2, 1]


def test_transactions_at_the_same_time_make_one_chain_without_gaps(platform: Platform) -> None:
    ready = threading.Barrier(6)

    def work(worker: int) -> None:
        ready.wait(timeout=120)
        for number in range(5):
            with platform.db.write() as session:
                record(platform, session, object_id=f"{worker}-{number}")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert sorted(e.seq for e in entries(platform)) == list(range(1, 31))
    assert is_whole(platform)


def test_verifying_names_the_first_entry_that_was_tampered_with(platform: Platform) -> None:
    with platform.db.write() as session:
        for number in range(6):
            record(platform, session, object_id=str(number))
    with platform.db.write() as session:
        session.execute(
            update(AuditEntry).where(AuditEntry.seq.in_([3, 5])).values(actor_label="Mallory")
        )
    with platform.db.read() as session:
        found = platform.audit.verify(session)
    assert (found.broken_seq, found.checked) == (3, 3)


def test_an_anchor_shows_that_the_newest_entries_were_deleted(platform: Platform) -> None:
    with platform.db.write() as session:
        for number in range(4):
            record(platform, session, object_id=str(number))
    with platform.db.read() as session:
        head = platform.audit.head(session)
    with platform.db.write() as session:
        session.execute(delete(AuditEntry).where(AuditEntry.seq > 2))
    with platform.db.read() as session:
        assert platform.audit.verify(session).ok
        assert platform.audit.verify(session, anchor=head).broken_seq == 3
        assert not platform.audit.verify(session, anchor=Anchor(seq=1, hash="0" * 64)).ok


def test_blanking_erases_the_values_and_keeps_the_chain_whole(platform: Platform) -> None:
    with platform.db.write() as session:
        record(platform, session, object_id="person", after={"name": "Grace"})
        record(platform, session, object_id="other", after={"name": "Hedy"})
    with platform.db.write() as session:
        assert platform.audit.blank(session, "crm.customer", "person") == 1
    person, other = reversed(entries(platform))
    assert (person.before, person.after, person.salt) == (None, None, None)
    assert other.after == {"name": "Hedy"}
    with platform.db.read() as session:
        found = platform.audit.verify(session)
    assert (found.ok, found.blanked) == (True, 1)


def test_blanking_reaches_what_the_same_transaction_has_just_recorded(platform: Platform) -> None:
    """Erasing a person is itself recorded, with values that must not stay either."""
    with platform.db.write() as session:
        record(platform, session, object_id="person", after={"name": "Grace"})
        platform.audit.blank(session, "crm.customer", "person")
    assert entries(platform)[0].after is None
    assert is_whole(platform)


def test_blanking_a_customer_reaches_every_kind_of_object(platform: Platform) -> None:
    subject = uuid.uuid4()
    with platform.db.write() as session:
        record(platform, session, subject_id=subject)
        record(platform, session, object_type="loyalty.entry", subject_id=subject)
        record(platform, session, object_type="loyalty.entry", subject_id=uuid.uuid4())
    with platform.db.write() as session:
        assert platform.audit.blank_subjects(session, {subject}) == 2
    assert [e.after for e in entries(platform)] == [{"name": "new"}, None, None]


def test_entries_are_found_by_who_what_object_and_time(
    platform: Platform, clock: SettableClock
) -> None:
    with platform.db.write() as session:
        record(platform, session, action="core.staff.created", object_type="core.staff")
    clock.advance_wall(hours=2)
    later = clock.wall()
    with platform.db.write() as session:
        platform.audit.record(
            session, SYSTEM, action="core.staffing.done", object_type="x", object_id="9"
        )

    def count(**wanted: Any) -> int:
        return len(entries(platform, AuditFilter(**wanted)))

    assert count(who="archer") == 1
    assert count(who=SYSTEM.key) == 1
    assert count(who="%") == 0
    assert count(action="core.staff") == 1
    assert count(action="core") == 2
    assert count(object_type="core.staff", object_id="1") == 1
    assert count(since=later - timedelta(hours=1)) == 1
    assert count(until=later - timedelta(hours=1)) == 1
    assert count() == 2


def test_older_pages_begin_below_the_last_entry_seen(platform: Platform) -> None:
    with platform.db.write() as session:
        for number in range(5):
            record(platform, session, object_id=str(number))
    with platform.db.read() as session:
        page = platform.audit.entries(session, before_seq=4, limit=2)
    assert [e.seq for e in page] == [3, 2]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=4,
        ),
        max_size=4,
    )
)
def test_whatever_is_recorded_verifies_after_a_round_trip(
    platform: Platform, values: dict[str, Any]
) -> None:
    with platform.db.write() as session:
        record(platform, session, before=None, after=values)
    assert is_whole(platform)


def test_no_entry_holds_a_null_where_it_was_blanked(platform: Platform) -> None:
    """Blanked means gone from the database, not stored as JSON's null."""
    with platform.db.write() as session:
        record(platform, session)
    with platform.db.write() as session:
        platform.audit.blank(session, "crm.customer", "1")
    with platform.db.read() as session:
        gone = session.scalars(select(AuditEntry.seq).where(AuditEntry.after.is_(None))).all()
    assert gone == [1]
