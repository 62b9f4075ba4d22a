"""Sessions of staff."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import select

from dxp.auth import SignedIn, StaffActor
from dxp.auth.models import Staff, StaffSession
from dxp.errors import NotFound
from dxp.platform import Platform
from dxp.testing import SYSTEM, Queries, SettableClock, staff_actor
from tests.auth.conftest import Hire

SignInWith = Callable[..., SignedIn]
SessionOf = Callable[[str], StaffActor | None]


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    return {"accounts": {"session_hours": 12, "session_idle_minutes": 60}}


def test_the_token_is_not_in_the_database(
    platform: Platform, hire: Hire, sign_in: SignInWith
) -> None:
    hire("ada@example.com")
    signed = sign_in("ada@example.com")
    with platform.db.read() as session:
        row = session.scalars(select(StaffSession)).one()
    assert signed.token not in repr(vars(row))
    assert (row.ip, row.user_agent) == ("127.0.0.1", "Test/1.0")


def test_each_sign_in_makes_a_token_of_its_own(hire: Hire, sign_in: SignInWith) -> None:
    hire("ada@example.com")
    assert len({sign_in("ada@example.com").token for _ in range(3)}) == 3


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "\x00", "é" * 20])
def test_a_made_up_token_is_nobody_s(session_of: SessionOf, token: str) -> None:
    assert session_of(token) is None


def test_a_session_ends_when_it_is_not_used(
    hire: Hire, sign_in: SignInWith, session_of: SessionOf, clock: SettableClock
) -> None:
    hire("ada@example.com")
    token = sign_in("ada@example.com").token
    clock.advance_wall(minutes=59)
    assert session_of(token) is not None
    clock.advance_wall(minutes=3)
    assert session_of(token) is None


def test_a_session_that_is_used_lasts_until_its_end_and_no_longer(
    platform: Platform,
    hire: Hire,
    sign_in: SignInWith,
    session_of: SessionOf,
    clock: SettableClock,
) -> None:
    hire("ada@example.com")
    token = sign_in("ada@example.com").token
    for _half_hour in range(23):
        clock.advance_wall(minutes=30)
        assert session_of(token) is not None
        platform.accounts.flush_last_seen()
    clock.advance_wall(minutes=31)
    assert session_of(token) is None


def test_shifting_the_demo_s_day_does_not_touch_sessions(
    hire: Hire, sign_in: SignInWith, session_of: SessionOf, clock: SettableClock
) -> None:
    hire("ada@example.com")
    token = sign_in("ada@example.com").token
    clock.advance(days=400)
    assert session_of(token) is not None


def test_recognising_somebody_takes_one_query_and_writes_nothing(
    hire: Hire,
    sign_in: SignInWith,
    session_of: SessionOf,
    count_queries: Callable[[], AbstractContextManager[Queries]],
) -> None:
    hire("ada@example.com", "events.read")
    token = sign_in("ada@example.com").token
    with count_queries() as queries:
        assert session_of(token) is not None
    assert queries.count == 1


def test_the_time_of_last_use_is_written_at_most_once_a_minute(
    platform: Platform,
    hire: Hire,
    sign_in: SignInWith,
    session_of: SessionOf,
    clock: SettableClock,
    count_queries: Callable[[], AbstractContextManager[Queries]],
) -> None:
    hire("ada@example.com")
    token = sign_in("ada@example.com").token

    def use() -> int:
        session_of(token)
        with count_queries() as queries:
            platform.accounts.flush_last_seen()
        return int(queries.count)

    assert use() == 0
    clock.advance_wall(seconds=61)
    assert use() == 1
    assert use() == 0
    with platform.db.read() as session:
        row = session.scalars(select(StaffSession)).one()
    assert row.last_seen_at > row.created_at


def test_live_sessions_are_listed_latest_used_first(
    platform: Platform, hire: Hire, sign_in: SignInWith, clock: SettableClock
) -> None:
    ada = hire("ada@example.com")
    sign_in("ada@example.com")
    clock.advance_wall(minutes=50)
    second = sign_in("ada@example.com")
    clock.advance_wall(minutes=5)
    third = sign_in("ada@example.com")
    clock.advance_wall(minutes=20)
    with platform.db.read() as session:
        found = [row.id for row in platform.accounts.sessions.live(session, ada.id)]
    assert found == [third.session_id, second.session_id]


def test_one_session_can_be_ended_by_its_owner(
    platform: Platform, hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    hire("ada@example.com")
    here, there = sign_in("ada@example.com"), sign_in("ada@example.com")
    actor = session_of(here.token)
    assert actor is not None
    with platform.db.write() as session:
        platform.accounts.sessions.end(session, actor, there.session_id)
    assert session_of(there.token) is None
    assert session_of(here.token) is not None


def test_another_s_session_is_not_even_found(
    platform: Platform, hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    hire("ada@example.com")
    signed = sign_in("ada@example.com")
    for session_id in (signed.session_id, uuid.uuid4()):
        with pytest.raises(NotFound) as caught, platform.db.write() as session:
            platform.accounts.sessions.end(session, staff_actor("events.read"), session_id)
        assert caught.value.code == "unknown_session"
    assert session_of(signed.token) is not None


def test_all_other_sessions_can_be_ended_at_once(
    platform: Platform, hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    hire("ada@example.com")
    hire("bo@example.com")
    others = [sign_in("ada@example.com").token for _ in range(3)]
    here, stranger = sign_in("ada@example.com").token, sign_in("bo@example.com").token
    actor = session_of(here)
    assert actor is not None
    with platform.db.write() as session:
        assert platform.accounts.sessions.end_others(session, actor) == 3
    assert [session_of(token) for token in others] == [None, None, None]
    assert session_of(here) is not None
    assert session_of(stranger) is not None


def test_signing_out_ends_the_session_on_the_server(
    platform: Platform, hire: Hire, sign_in: SignInWith, session_of: SessionOf
) -> None:
    hire("ada@example.com")
    token = sign_in("ada@example.com").token
    actor = session_of(token)
    assert actor is not None
    with platform.db.write() as session:
        platform.accounts.sign_in.sign_out(session, actor)
    assert session_of(token) is None


def test_somebody_who_must_change_their_password_may_do_nothing_else(
    platform: Platform, session_of: SessionOf
) -> None:
    with platform.db.write() as session:
        platform.accounts.roles.seed(session)
        staff: Staff = platform.accounts.staff.create(
            session,
            SYSTEM,
            email="new@example.com",
            name="New",
            password="first pass phrase",
            roles=["administrator"],
        )
        _row, token = platform.accounts.sessions.open(session, staff)
    actor = session_of(token)
    assert actor is not None
    assert (actor.pending, actor.permissions) == ("password", frozenset())
    platform.accounts.sign_in.change_password(
        actor, present="first pass phrase", new="second pass phrase"
    )
    actor = session_of(token)
    assert actor is not None
    assert actor.pending is None
    assert actor.may("core.staff.manage")


def test_rows_of_expired_sessions_are_deleted(
    platform: Platform, hire: Hire, sign_in: SignInWith, clock: SettableClock
) -> None:
    hire("ada@example.com")
    sign_in("ada@example.com")
    clock.advance_wall(minutes=62)
    alive = sign_in("ada@example.com")
    with platform.db.write() as session:
        assert platform.accounts.sessions.forget_old(session) == 1
    with platform.db.read() as session:
        assert session.scalars(select(StaffSession.id)).all() == [alive.session_id]
