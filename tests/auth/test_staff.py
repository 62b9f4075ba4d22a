"""Members of staff."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from dxp.auth import SignedIn, StaffActor
from dxp.auth.models import Staff
from dxp.errors import Conflict, Forbidden, NotFound, Problem, Unauthenticated, Unprocessable
from dxp.platform import Platform
from dxp.testing import PASSWORD, SYSTEM
from tests.auth.conftest import BROWSER, Hire

ActorOf = Callable[[Staff], StaffActor]


def test_somebody_new_is_found_by_their_address_however_it_is_written(
    platform: Platform, hire: Hire
) -> None:
    made = hire("Ada.Archer@Example.com")
    with platform.db.read() as session:
        found = platform.accounts.staff.by_email(session, " ada.ARCHER@example.COM ")
        assert found is not None
        assert found.id == made.id
        assert found.email == "ada.archer@example.com"


def test_the_audit_log_never_sees_a_password(platform: Platform, hire: Hire) -> None:
    hire("ada@example.com", "core.audit.read")
    with platform.db.read() as session:
        told = [(e.before, e.after) for e in platform.audit.entries(session)]
    assert PASSWORD not in repr(told)
    assert "argon2" not in repr(told)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"email": "no address"}, "invalid_email"),
        ({"email": "a@b@c"}, "invalid_email"),
        ({"email": "a@b\r\nBcc: c@d"}, "invalid_email"),
        ({"email": "TAKEN@example.com"}, "email_taken"),
        ({"name": "  "}, "invalid_name"),
        ({"name": "x" * 201}, "invalid_name"),
        ({"name": "a\x00b"}, "invalid_name"),
        ({"password": "short"}, "weak_password"),
        ({"roles": ["nobody-has-this"]}, "unknown_role"),
        ({"locale": "xx"}, "unknown_locale"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    platform: Platform, hire: Hire, changes: dict[str, Any], code: str
) -> None:
    hire("taken@example.com")
    values = {"email": "new@example.com", "name": "New", "password": PASSWORD} | changes
    with pytest.raises(Problem) as caught, platform.db.write() as session:
        platform.accounts.staff.create(session, SYSTEM, **values)
    assert caught.value.code == code
    with platform.db.read() as session:
        assert len(session.scalars(platform.accounts.staff.matching()).all()) == 1


def test_nobody_gives_a_role_that_holds_more_than_they_do(
    platform: Platform, hire: Hire, actor_of: ActorOf
) -> None:
    manager = actor_of(hire("manager@example.com", "core.staff.manage"))
    hire("boss@example.com", "*")
    hire("reader@example.com", "core.audit.read")
    newcomer = hire("new@example.com")
    for role in ("boss-role", "reader-role"):
        with pytest.raises(Forbidden) as caught, platform.db.write() as session:
            platform.accounts.staff.set_roles(session, manager, newcomer.id, [role])
        assert caught.value.code == "cannot_grant"
        with pytest.raises(Forbidden), platform.db.write() as session:
            platform.accounts.staff.create(
                session, manager, email="x@example.com", name="X", roles=[role]
            )
    with platform.db.write() as session:
        platform.accounts.staff.set_roles(session, manager, newcomer.id, ["manager-role"])


def test_nobody_takes_over_an_account_that_may_do_more(
    platform: Platform, hire: Hire, actor_of: ActorOf
) -> None:
    manager = actor_of(hire("manager@example.com", "core.staff.manage"))
    boss = hire("boss@example.com", "*")
    boss_session = actor_of(boss).session_id
    accounts = platform.accounts
    attempts: list[Callable[[Any], object]] = [
        lambda s: accounts.staff.set_password(s, manager, boss.id, "a new pass phrase"),
        lambda s: accounts.staff.update(s, manager, boss.id, name="B", email="mine@example.com"),
        lambda s: accounts.staff.set_roles(s, manager, boss.id, []),
        lambda s: accounts.staff.disable(s, manager, boss.id),
        lambda s: accounts.staff.enable(s, manager, boss.id),
        lambda s: accounts.totp.turn_off(s, manager, boss.id),
        lambda s: accounts.sessions.end(s, manager, boss_session),
    ]
    for attempt in attempts:
        with pytest.raises(Forbidden) as caught, platform.db.write() as session:
            attempt(session)
        assert caught.value.code == "cannot_manage"


def test_the_last_administrator_stays_one(platform: Platform, hire: Hire) -> None:
    first, second = hire("first@example.com", "*"), hire("second@example.com", "*")
    staff = platform.accounts.staff
    with platform.db.write() as session:
        staff.disable(session, SYSTEM, second.id)
    losses: list[Callable[[Any], object]] = [
        lambda s: staff.disable(s, SYSTEM, first.id),
        lambda s: staff.set_roles(s, SYSTEM, first.id, []),
        lambda s: platform.accounts.roles.update(
            s,
            SYSTEM,
            "first-role",
            title="First",
            permissions=["core.audit.read"],
            require_totp=False,
        ),
    ]
    for loss in losses:
        with pytest.raises(Conflict) as caught, platform.db.write() as session:
            loss(session)
        assert caught.value.code == "last_administrator"
    with platform.db.write() as session:
        staff.enable(session, SYSTEM, second.id)
        staff.disable(session, SYSTEM, first.id)


def test_two_administrators_cannot_be_disabled_at_the_same_time(
    platform: Platform, hire: Hire
) -> None:
    """Neither transaction sees what the other has not committed, so one has to wait."""
    first, second = hire("first@example.com", "*"), hire("second@example.com", "*")
    refused: list[str] = []

    def disable_second() -> None:
        try:
            with platform.db.write() as session:
                platform.accounts.staff.disable(session, SYSTEM, second.id)
        except Conflict as conflict:
            refused.append(conflict.code)

    other = threading.Thread(target=disable_second)
    with platform.db.write() as session:
        platform.accounts.staff.disable(session, SYSTEM, first.id)
        other.start()
        other.join(timeout=1)
    other.join(timeout=240)
    assert refused == ["last_administrator"]


def test_nobody_disables_themselves(platform: Platform, hire: Hire, actor_of: ActorOf) -> None:
    hire("other@example.com", "*")
    me = hire("me@example.com", "*")
    with pytest.raises(Conflict) as caught, platform.db.write() as session:
        platform.accounts.staff.disable(session, actor_of(me), me.id)
    assert caught.value.code == "cannot_disable_self"


def test_disabling_ends_sessions_at_once_and_enabling_does_not_bring_them_back(
    platform: Platform,
    hire: Hire,
    sign_in: Callable[..., SignedIn],
    session_of: Callable[[str], StaffActor | None],
) -> None:
    hire("boss@example.com", "*")
    ada = hire("ada@example.com")
    token = sign_in("ada@example.com").token
    assert session_of(token) is not None
    with platform.db.write() as session:
        platform.accounts.staff.disable(session, SYSTEM, ada.id)
    assert session_of(token) is None
    with platform.db.write() as session:
        platform.accounts.staff.enable(session, SYSTEM, ada.id)
    assert session_of(token) is None
    assert sign_in("ada@example.com").staff_id == ada.id


def test_roles_take_effect_with_the_next_request(
    platform: Platform,
    hire: Hire,
    sign_in: Callable[..., SignedIn],
    session_of: Callable[[str], StaffActor | None],
) -> None:
    hire("boss@example.com", "*")
    ada = hire("ada@example.com", "core.audit.read")
    token = sign_in("ada@example.com").token
    before = session_of(token)
    with platform.db.write() as session:
        platform.accounts.staff.set_roles(session, SYSTEM, ada.id, ["boss-role"])
    after = session_of(token)
    assert before is not None
    assert after is not None
    assert before.permissions == {"core.audit.read"}
    assert after.may("anything.at.all")


def test_a_new_password_ends_all_sessions_but_the_one_to_keep(
    platform: Platform,
    hire: Hire,
    sign_in: Callable[..., SignedIn],
    session_of: Callable[[str], StaffActor | None],
) -> None:
    ada = hire("ada@example.com")
    kept, other = sign_in("ada@example.com"), sign_in("ada@example.com")
    with platform.db.write() as session:
        platform.accounts.staff.set_password(
            session, SYSTEM, ada.id, "a quite different phrase", keep_session=kept.session_id
        )
    assert session_of(kept.token) is not None
    assert session_of(other.token) is None


def test_every_change_is_in_the_audit_log(
    platform: Platform, hire: Hire, actions: Callable[[uuid.UUID], list[str]]
) -> None:
    hire("boss@example.com", "*")
    ada = hire("ada@example.com")
    staff = platform.accounts.staff
    with platform.db.write() as session:
        staff.update(session, SYSTEM, ada.id, name="Ada B", email="ada@example.com", locale="fa")
        staff.set_roles(session, SYSTEM, ada.id, ["boss-role"])
        staff.set_password(session, SYSTEM, ada.id, "a quite different phrase")
        staff.set_locale(session, SYSTEM, ada.id, None)
        staff.disable(session, SYSTEM, ada.id)
        staff.enable(session, SYSTEM, ada.id)
    assert actions(ada.id) == [
        f"core.staff.{what}"
        for what in (
            "created",
            "updated",
            "roles_changed",
            "password_changed",
            "updated",
            "disabled",
            "enabled",
        )
    ]


def test_an_unknown_person_is_not_found(platform: Platform) -> None:
    with pytest.raises(NotFound) as caught, platform.db.read() as session:
        platform.accounts.staff.get(session, uuid.uuid4())
    assert caught.value.code == "unknown_staff"


def test_an_account_without_a_password_lets_nobody_in(platform: Platform) -> None:
    with platform.db.write() as session:
        platform.accounts.staff.create(session, SYSTEM, email="a@example.com", name="A")
    for password in ("", "None", PASSWORD):
        with pytest.raises(Unauthenticated):
            platform.accounts.sign_in.with_password("a@example.com", password, browser=BROWSER)


def test_text_in_the_search_is_taken_literally(platform: Platform, hire: Hire) -> None:
    hire("ada@example.com")
    matching = platform.accounts.staff.matching
    with platform.db.read() as session:
        assert len(session.scalars(matching("ADA@")).all()) == 1
        assert session.scalars(matching("%")).all() == []


def test_a_role_that_does_not_exist_names_the_field(platform: Platform, hire: Hire) -> None:
    ada = hire("ada@example.com")
    with pytest.raises(Unprocessable) as caught, platform.db.write() as session:
        platform.accounts.staff.set_roles(session, SYSTEM, ada.id, ["nope"])
    assert [(e.pointer, e.detail) for e in caught.value.errors] == [("/roles", "nope")]
