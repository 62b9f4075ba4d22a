"""API keys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.auth import KeyActor, NewKey
from dxp.auth.models import ApiKey
from dxp.errors import Forbidden, Problem, Unauthenticated
from dxp.platform import Platform
from dxp.testing import SYSTEM, MakeApp, Queries, SettableClock, platform_of, staff_actor

Counting = Callable[[], AbstractContextManager[Queries]]


def make(platform: Platform, *scopes: str, **values: Any) -> NewKey:
    with platform.db.write() as session:
        return platform.accounts.keys.create(
            session, SYSTEM, name="shop", scopes=scopes or ("events.write",), **values
        )


def recognise(platform: Platform, presented: str) -> KeyActor:
    with platform.db.read() as session:
        return platform.accounts.actor_of_key(session, presented)


def refusal(platform: Platform, presented: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        recognise(platform, presented)
    return caught.value.code


def test_a_key_is_recognised_with_exactly_its_scopes(platform: Platform) -> None:
    made = make(platform, "events.write", "customers.token")
    actor = recognise(platform, made.presented)
    assert actor.key_id == made.key.id
    assert actor.permissions == {"events.write", "customers.token"}
    assert not actor.may("events.read")


def test_a_key_has_a_readable_prefix_and_a_secret_that_is_not_stored(platform: Platform) -> None:
    made = make(platform)
    mark, prefix, secret = made.presented.split("_")
    assert mark == "dxp"
    assert prefix == made.key.prefix
    assert len(secret) == 40
    with platform.db.read() as session:
        row = session.scalars(select(ApiKey)).one()
        told = repr([(e.before, e.after) for e in platform.audit.entries(session)])
    assert secret not in repr(vars(row))
    assert secret not in told
    assert prefix in told


def test_keys_differ(platform: Platform) -> None:
    assert len({make(platform).presented for _ in range(5)}) == 5


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_key_with_any_character_changed_is_unknown(
    platform: Platform, data: st.DataObject
) -> None:
    presented = made_once(platform)
    position = data.draw(st.integers(min_value=0, max_value=len(presented) - 1))
    other = data.draw(st.characters().filter(lambda c: c != presented[position]))
    assert refusal(platform, presented[:position] + other + presented[position + 1 :]) == (
        "key_unknown"
    )


def made_once(platform: Platform) -> str:
    """One key for all examples of a property."""
    known: str | None = getattr(platform, "key_of_this_test", None)
    if known is None:
        known = make(platform).presented
        platform.key_of_this_test = known  # type: ignore[attr-defined]
    return known


@pytest.mark.parametrize(
    "presented", ["", "dxp_", "dxp__", "dxp_abc", "dxp_" + "a" * 5000, "dxp_é_ü", "dxp_%_x"]
)
def test_what_is_no_key_is_unknown(platform: Platform, presented: str) -> None:
    assert refusal(platform, presented) == "key_unknown"


def test_a_key_expires(platform: Platform, clock: SettableClock) -> None:
    made = make(platform, expires_at=clock.wall() + timedelta(hours=1))
    assert recognise(platform, made.presented)
    clock.advance_wall(minutes=61)
    assert refusal(platform, made.presented) == "key_expired"
    platform.accounts.keys.forget()
    assert refusal(platform, made.presented) == "key_expired"


def test_revoking_shows_at_once(platform: Platform) -> None:
    made = make(platform)
    recognise(platform, made.presented)
    with platform.db.write() as session:
        platform.accounts.keys.revoke(session, SYSTEM, made.key.id)
        platform.accounts.keys.revoke(session, SYSTEM, made.key.id)
    assert refusal(platform, made.presented) == "key_revoked"
    with platform.db.read() as session:
        actions = [e.action for e in platform.audit.entries(session)]
    assert actions.count("core.api_key.revoked") == 1


def test_a_revocation_that_is_rolled_back_has_no_effect(platform: Platform) -> None:
    made = make(platform)

    def fail() -> None:
        with platform.db.write() as session:
            platform.accounts.keys.revoke(session, SYSTEM, made.key.id)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert recognise(platform, made.presented)


def test_another_process_notices_a_revocation_when_its_memory_ends(
    platform: Platform, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = platform_of(make_app(plugins=(), database=platform.settings.database.url))
    made = make(platform)
    assert recognise(other, made.presented)
    with platform.db.write() as session:
        platform.accounts.keys.revoke(session, SYSTEM, made.key.id)
    monkeypatch.setattr("dxp.auth.keys.time.monotonic", lambda: float("inf"))
    assert refusal(other, made.presented) == "key_revoked"


def test_a_known_key_takes_no_query(platform: Platform, count_queries: Counting) -> None:
    made = make(platform)
    recognise(platform, made.presented)
    with count_queries() as queries, platform.db.read() as session:
        platform.accounts.actor_of_key(session, made.presented)
    assert queries.count == 0


def test_recognising_a_key_writes_nothing_itself(platform: Platform) -> None:
    """The request may hold the write lock already, or be a read."""
    made = make(platform)
    recognise(platform, made.presented)
    with platform.db.read() as session:
        assert session.scalars(select(ApiKey.last_used_at)).one() is None
    platform.accounts.flush_last_seen()
    with platform.db.read() as session:
        assert session.scalars(select(ApiKey.last_used_at)).one() is not None


def test_last_use_is_written_at_most_once_a_minute(
    platform: Platform, clock: SettableClock, count_queries: Counting
) -> None:
    made = make(platform)

    def use() -> int:
        platform.accounts.keys.forget()
        recognise(platform, made.presented)
        with count_queries() as queries:
            platform.accounts.flush_last_seen()
        return int(queries.count)

    assert use() == 1
    assert use() == 0
    clock.advance_wall(seconds=61)
    assert use() == 1


def test_a_busy_database_does_not_fail_the_request(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    made = make(platform)
    recognise(platform, made.presented)

    def busy() -> Any:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr(platform.db, "write", busy)
    platform.accounts.flush_last_seen()


def test_nobody_makes_a_key_that_may_do_more_than_they(platform: Platform) -> None:
    actor = staff_actor("core.keys.manage", "events.read")
    keys = platform.accounts.keys
    with pytest.raises(Forbidden) as caught, platform.db.write() as session:
        keys.create(session, actor, name="x", scopes=["events.read", "events.write"])
    assert caught.value.code == "cannot_grant"
    with platform.db.write() as session:
        keys.create(session, actor, name="x", scopes=["events.read"])


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["*"]}, "/scopes"),
        ({"scopes": ["core.staff.manage"]}, "/scopes"),
        ({"scopes": ["no.such.scope"]}, "/scopes"),
        ({"expires_in": timedelta(seconds=-1)}, "/expires_at"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(
    platform: Platform, clock: SettableClock, changes: dict[str, Any], pointer: str
) -> None:
    values: dict[str, Any] = {"name": "shop", "scopes": ["events.write"]} | changes
    expires_in = values.pop("expires_in", None)
    if expires_in is not None:
        values["expires_at"] = clock.wall() + expires_in
    with pytest.raises(Problem) as caught, platform.db.write() as session:
        platform.accounts.keys.create(session, SYSTEM, **values)
    assert {error.pointer for error in caught.value.errors} == {pointer}
    with platform.db.read() as session:
        assert platform.accounts.keys.all(session) == []
