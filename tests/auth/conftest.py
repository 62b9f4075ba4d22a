"""People for the tests of accounts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Protocol

import pytest

from dxp.auth import Browser, SignedIn, StaffActor
from dxp.auth.models import Staff
from dxp.platform import Platform
from dxp.testing import PASSWORD, SYSTEM

BROWSER = Browser(ip="127.0.0.1", user_agent="Test/1.0")


class Hire(Protocol):
    """Signature of the fixture `hire`."""

    def __call__(self, email: str, *permissions: str, require_totp: bool = False) -> Staff: ...


@pytest.fixture
def hire(platform: Platform) -> Hire:
    """`hire("ada@example.com", "core.staff.manage")`: somebody with exactly these permissions."""

    def run(email: str, *permissions: str, require_totp: bool = False) -> Staff:
        name = email.partition("@")[0]
        with platform.db.write() as session:
            if permissions:
                platform.accounts.roles.create(
                    session,
                    SYSTEM,
                    name=f"{name}-role",
                    title=f"Role of {name}",
                    permissions=permissions,
                    require_totp=require_totp,
                )
            return platform.accounts.staff.create(
                session,
                SYSTEM,
                email=email,
                name=name.title(),
                password=PASSWORD,
                roles=[f"{name}-role"] if permissions else [],
                must_change_password=False,
            )

    return run


@pytest.fixture
def actor_of(platform: Platform) -> Callable[[Staff], StaffActor]:
    """`actor_of(staff)`: them, with a session of their own."""

    def run(staff: Staff) -> StaffActor:
        with platform.db.write() as session:
            found = platform.accounts.staff.get(session, staff.id)
            _row, token = platform.accounts.sessions.open(session, found, second_factor=True)
        with platform.db.read() as session:
            actor = platform.accounts.actor_of_session(session, token)
        assert actor is not None
        return actor

    return run


@pytest.fixture
def sign_in(platform: Platform) -> Callable[..., SignedIn]:
    """`sign_in("ada@example.com")`: with the password, when nothing else is asked for."""

    def run(email: str, password: str = PASSWORD) -> SignedIn:
        outcome = platform.accounts.sign_in.with_password(email, password, browser=BROWSER)
        assert isinstance(outcome, SignedIn)
        return outcome

    return run


@pytest.fixture
def session_of(platform: Platform) -> Callable[[str], StaffActor | None]:
    """`session_of(token)`: who holds the session now."""

    def run(token: str) -> StaffActor | None:
        with platform.db.read() as session:
            return platform.accounts.actor_of_session(session, token)

    return run


@pytest.fixture
def actions(platform: Platform) -> Callable[[uuid.UUID | str], list[str]]:
    """`actions(object_id)`: what the audit log tells of an object, oldest first."""

    def run(object_id: uuid.UUID | str) -> list[str]:
        from dxp.audit import AuditFilter

        with platform.db.read() as session:
            found = platform.audit.entries(session, wanted=AuditFilter(object_id=str(object_id)))
        return [entry.action for entry in reversed(found)]

    return run
