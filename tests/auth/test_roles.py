"""Roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dxp.auth import StaffActor
from dxp.auth.models import Role, Staff
from dxp.errors import Conflict, Forbidden, NotFound, Problem
from dxp.platform import Platform
from dxp.testing import SYSTEM, staff_actor
from tests.auth.conftest import Hire


def make(platform: Platform, name: str, *permissions: str) -> Role:
    with platform.db.write() as session:
        return platform.accounts.roles.create(
            session, SYSTEM, name=name, title=name.title(), permissions=permissions
        )


def test_a_role_holds_its_permissions(platform: Platform) -> None:
    make(platform, "editor", "events.read", "core.jobs.read", "events.read")
    with platform.db.read() as session:
        role = platform.accounts.roles.get(session, "editor")
    assert role.permissions == ["core.jobs.read", "events.read"]


@pytest.mark.parametrize(
    ("name", "title", "permissions", "code"),
    [
        ("Editor", "Editor", [], "invalid_role_name"),
        ("1st", "Editor", [], "invalid_role_name"),
        ("a b", "Editor", [], "invalid_role_name"),
        ("x" * 61, "Editor", [], "invalid_role_name"),
        ("editor", "", [], "invalid_title"),
        ("editor", "Editor", ["no.such.thing"], "unknown_permission"),
        ("taken", "Editor", [], "role_name_taken"),
    ],
)
def test_what_does_not_fit_is_refused(
    platform: Platform, name: str, title: str, permissions: list[str], code: str
) -> None:
    make(platform, "taken")
    with pytest.raises(Problem) as caught, platform.db.write() as session:
        platform.accounts.roles.create(
            session, SYSTEM, name=name, title=title, permissions=permissions
        )
    assert caught.value.code == code


def test_nobody_makes_a_role_that_holds_more_than_they_do(platform: Platform) -> None:
    actor = staff_actor("core.roles.manage", "events.read")
    roles = platform.accounts.roles
    for permissions in (["*"], ["events.write"], ["events.read", "core.staff.manage"]):
        with pytest.raises(Forbidden) as caught, platform.db.write() as session:
            roles.create(session, actor, name="more", title="More", permissions=permissions)
        assert caught.value.code == "cannot_grant"
    with platform.db.write() as session:
        roles.create(session, actor, name="same", title="Same", permissions=["events.read"])


def test_nobody_changes_a_role_that_holds_more_than_they_do(platform: Platform) -> None:
    """Else a manager could take rights from others, or add to a role that they themselves have."""
    actor = staff_actor("core.roles.manage", "events.read")
    make(platform, "more", "events.write")
    make(platform, "less", "events.read")
    roles = platform.accounts.roles
    changes = [("more", []), ("more", ["events.read"]), ("less", ["events.write"])]
    for name, permissions in changes:
        with pytest.raises(Forbidden), platform.db.write() as session:
            roles.update(
                session, actor, name, title="T", permissions=permissions, require_totp=False
            )
    with pytest.raises(Forbidden), platform.db.write() as session:
        roles.delete(session, actor, "more")
    with platform.db.write() as session:
        roles.update(session, actor, "less", title="T", permissions=[], require_totp=False)


def test_what_a_role_holds_of_an_absent_plugin_may_stay_but_not_be_added(
    platform: Platform,
) -> None:
    make(platform, "editor", "events.read")
    roles = platform.accounts.roles
    with platform.db.write() as session:
        roles.get(session, "editor").permissions = ["events.read", "gone.read"]
    with platform.db.write() as session:
        role = roles.update(
            session,
            SYSTEM,
            "editor",
            title="Editor",
            permissions=["gone.read"],
            require_totp=False,
        )
        assert roles.unknown_permissions(role) == ["gone.read"]
    with pytest.raises(Problem) as caught, platform.db.write() as session:
        roles.update(
            session,
            SYSTEM,
            "editor",
            title="Editor",
            permissions=["gone.write"],
            require_totp=False,
        )
    assert caught.value.code == "unknown_permission"


def test_a_role_that_somebody_has_cannot_be_deleted(platform: Platform, hire: Hire) -> None:
    hire("ada@example.com", "events.read")
    with pytest.raises(Conflict) as caught, platform.db.write() as session:
        platform.accounts.roles.delete(session, SYSTEM, "ada-role")
    assert caught.value.code == "role_in_use"


def test_a_role_that_nobody_has_can_be_deleted(platform: Platform) -> None:
    make(platform, "editor")
    with platform.db.write() as session:
        platform.accounts.roles.delete(session, SYSTEM, "editor")
    with pytest.raises(NotFound), platform.db.read() as session:
        platform.accounts.roles.get(session, "editor")


def test_seeding_twice_changes_nothing(platform: Platform) -> None:
    for _time in range(2):
        with platform.db.write() as session:
            platform.accounts.roles.seed(session)
    with platform.db.read() as session:
        found = {role.name: role for role in platform.accounts.roles.all(session)}
        assert len(platform.audit.entries(session)) == 2
    assert set(found) == {"administrator", "viewer"}
    assert found["administrator"].permissions == ["*"]
    assert all(name.endswith(".read") for name in found["viewer"].permissions)


def test_a_built_in_role_stays_as_it_is(platform: Platform) -> None:
    roles = platform.accounts.roles
    with platform.db.write() as session:
        roles.seed(session)
    with pytest.raises(Conflict) as caught, platform.db.write() as session:
        roles.update(
            session, SYSTEM, "administrator", title="A", permissions=[], require_totp=False
        )
    assert caught.value.code == "role_builtin"
    with pytest.raises(Conflict), platform.db.write() as session:
        roles.delete(session, SYSTEM, "administrator")


def test_the_holders_of_each_role_are_counted(platform: Platform, hire: Hire) -> None:
    make(platform, "empty")
    hire("ada@example.com", "events.read")
    with platform.db.read() as session:
        assert platform.accounts.roles.holders(session) == {"ada-role": 1, "empty": 0}


def test_a_role_can_ask_for_a_second_factor(
    hire: Hire,
    platform: Platform,
    session_of: Callable[[str], StaffActor | None],
) -> None:
    """Without one the role gives nothing, and the actor is told what is left to do."""
    staff: Staff = hire("ada@example.com", "events.read", require_totp=True)
    tokens = {}
    with platform.db.write() as session:
        for shown in (False, True):
            found = platform.accounts.staff.get(session, staff.id)
            _row, tokens[shown] = platform.accounts.sessions.open(
                session, found, second_factor=shown
            )
    without, with_it = session_of(tokens[False]), session_of(tokens[True])
    assert without is not None
    assert with_it is not None
    assert (without.permissions, without.pending) == (frozenset(), "second_factor")
    assert (with_it.permissions, with_it.pending) == ({"events.read"}, None)
