"""Named leases: one process at a time does what need not be done by all."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, or_, select

from dxp.clock import Clock
from dxp.db import Database, dialect_insert
from dxp.jobs.models import Lease

# Renewed when this share of it has passed, so that an idle platform seldom writes.
_RENEW_AT = 1 / 3


def hold_lease(db: Database, clock: Clock, *, name: str, owner: str, seconds: float) -> bool:
    """Get or keep a lease. False: somebody else holds it."""
    now = clock.wall()
    with db.read() as session:
        found = session.execute(
            select(Lease.owner, Lease.until).where(Lease.name == name)
        ).one_or_none()
    if found is not None and found.until > now:
        if found.owner != owner:
            return False
        if (found.until - now).total_seconds() > seconds * (1 - _RENEW_AT):
            return True
    with db.write() as session:
        values = {"owner": owner, "until": now + timedelta(seconds=seconds)}
        statement = (
            dialect_insert(session, Lease)
            .values(name=name, **values)
            .on_conflict_do_update(
                index_elements=["name"],
                set_=values,
                where=or_(Lease.owner == owner, Lease.until <= now),
            )
            .returning(Lease.owner)
        )
        return session.scalar(statement) is not None


def release_lease(db: Database, *, name: str, owner: str) -> None:
    """Let go of a lease, so that another process need not wait for its end."""
    with db.write() as session:
        session.execute(delete(Lease).where(Lease.name == name, Lease.owner == owner))
