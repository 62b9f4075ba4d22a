"""Nobody hands out more than they hold, and somebody always holds everything."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.auth.models import Role, Staff, StaffRole
from dxp.auth.permissions import ALL
from dxp.db.locks import transaction_lock
from dxp.errors import Conflict, Forbidden


def check_may_grant(actor: Actor, permissions: Iterable[str]) -> None:
    """Refuse to hand out what the actor does not hold.

    Raises:
        Forbidden: the actor lacks one of them (`cannot_grant`).
    """
    lacking = sorted(name for name in permissions if not actor.may(name))
    if lacking:
        what = "all permissions" if ALL in lacking else ", ".join(lacking)
        raise Forbidden(
            f"You cannot give {what}, because you do not hold it yourself; ask somebody who does",
            code="cannot_grant",
        )


def check_may_manage(session: Session, actor: Actor, staff_id: uuid.UUID) -> None:
    """Refuse to manage somebody who may do more: their account would be a way to more rights.

    Raises:
        Forbidden: the actor lacks one of their permissions (`cannot_manage`).
    """
    if not all(actor.may(name) for name in permissions_of(session, staff_id)):
        raise Forbidden(
            "You cannot change this account, because it may do more than you; "
            "ask somebody who holds as many permissions",
            code="cannot_manage",
        )


def permissions_of(session: Session, staff_id: uuid.UUID) -> frozenset[str]:
    """All that somebody's roles hold."""
    rows = session.scalars(
        select(Role.permissions)
        .join(StaffRole, StaffRole.role_id == Role.id)
        .where(StaffRole.staff_id == staff_id)
    )
    return frozenset(name for names in rows for name in names)


def lock_administration(session: Session) -> None:
    """Changes that could remove the last administrator happen one after another."""
    transaction_lock(session, "dxp.auth.administration")


def check_administrator_left(session: Session) -> None:
    """Refuse a change after which nobody may do everything. Call `lock_administration` first.

    Raises:
        Conflict: no enabled member of staff holds `*` any more (`last_administrator`).
    """
    session.flush()
    held = (
        select(StaffRole.role_id)
        .join(Staff, Staff.id == StaffRole.staff_id)
        .where(Staff.disabled_at.is_(None))
    )
    rows = session.scalars(select(Role.permissions).where(Role.id.in_(held)))
    if not any(ALL in names for names in rows):
        raise Conflict(
            "This would leave nobody who may do everything, and then nobody could undo it; "
            "make somebody else an administrator first",
            code="last_administrator",
        )
