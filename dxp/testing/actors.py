"""People and programs to act in tests."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING

from dxp.auth.actors import CustomerActor, KeyActor, StaffActor, SystemActor
from dxp.db import uuid7

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dxp.platform import Platform

SYSTEM = SystemActor(name="test")
PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def staff_actor(*permissions: str, name: str = "Ada Archer") -> StaffActor:
    """A member of staff who holds `permissions` (`"*"` for all), for calling services directly."""
    return StaffActor(
        permissions=frozenset(permissions),
        user_id=uuid7(),
        session_id=uuid7(),
        name=name,
        email=f"{name.split(maxsplit=1)[0].lower()}@example.com",
    )


def key_actor(*scopes: str, name: str = "storefront") -> KeyActor:
    """A storefront whose key has `scopes`."""
    return KeyActor(permissions=frozenset(scopes), key_id=uuid7(), name=name)


def customer_actor(subject_id: uuid.UUID) -> CustomerActor:
    """A customer by their token."""
    return CustomerActor(subject_id=subject_id)


def make_subject(platform: Platform, *, ref: str | None = None) -> uuid.UUID:
    """A new subject, named `ref` by the storefront if given."""
    with platform.db.write() as session:
        return platform.subjects.create(session, keys=[("ref", ref)] if ref else []).id


def make_staff(
    session: Session, platform: Platform, *permissions: str, email: str | None = None
) -> uuid.UUID:
    """A member of staff in the database, with a role that holds exactly `permissions`.

    The password is `PASSWORD`, and need not be changed.
    """
    number = next(_numbers)
    roles = []
    if permissions:
        role = platform.accounts.roles.create(
            session,
            SYSTEM,
            name=f"test-{number}",
            title=f"Test {number}",
            permissions=list(permissions),
        )
        roles.append(role.name)
    staff = platform.accounts.staff.create(
        session,
        SYSTEM,
        email=email or f"staff{number}@example.com",
        name=f"Staff {number}",
        password=PASSWORD,
        roles=roles,
        must_change_password=False,
    )
    return staff.id
