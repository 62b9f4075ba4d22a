"""Members of staff, as tasks and tickets name them."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from dxp.api import Actor, FieldError, Platform, Problem, StaffActor, Unprocessable


def staff_names(
    platform: Platform, session: Session, *, include_disabled: bool = True
) -> dict[uuid.UUID, str]:
    """The names of all members of staff by id, sorted by name."""
    query = platform.accounts.staff.matching(include_disabled=include_disabled)
    found = session.scalars(query).all()
    return {staff.id: staff.name for staff in sorted(found, key=lambda staff: staff.name)}


def check_staff(platform: Platform, session: Session, staff_id: uuid.UUID, *, pointer: str) -> None:
    """Refuse somebody who cannot be given work.

    Raises:
        Unprocessable: nobody has the id, or the account is disabled (`unknown_assignee`).
    """
    try:
        disabled = platform.accounts.staff.get(session, staff_id).disabled_at is not None
    except Problem:
        disabled = True
    if disabled:
        raise Unprocessable(
            "No active member of staff has this id, so nobody would do it; name another one",
            code="unknown_assignee",
            errors=[FieldError(pointer=pointer, code="unknown", detail="No active staff.")],
        )


def author_of(actor: Actor) -> str:
    """What a note, comment or message shows as its author."""
    return actor.label[:200]


def staff_id_of(actor: Actor) -> uuid.UUID | None:
    """Whose tasks are "mine"; None for keys and the system."""
    return actor.user_id if isinstance(actor, StaffActor) else None
