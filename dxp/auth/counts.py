"""Counting failed sign-ins by address, and locking an address that has too many."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, delete, or_, update
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.auth.models import SignInCount
from dxp.auth.secrets import canonical_email, keyed_digest
from dxp.db import dialect_insert
from dxp.errors import TooManyRequests

if TYPE_CHECKING:
    from dxp.platform import Platform


class SignInCounts:
    """An attempt is counted before the password is looked at, so that a hundred at once get no
    more guesses than a hundred in a row; a success takes the count back.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def digest(self, email: str) -> str:
        """The form in which an address is counted."""
        key = self._platform.settings.secret("sign-in-counts")
        return keyed_digest(key, canonical_email(email))

    def take(self, session: Session, digest: str) -> None:
        """Count an attempt.

        Raises:
            TooManyRequests: the address is locked (`sign_in_locked`); nothing was counted.
        """
        now = self._platform.clock.wall()
        settings = self._platform.settings.accounts
        lock = timedelta(minutes=settings.lock_minutes)
        forgotten = or_(SignInCount.updated_at <= now - lock, SignInCount.locked_until <= now)
        insert = dialect_insert(session, SignInCount).values(
            address_digest=digest, failures=1, locked_until=None, updated_at=now
        )
        row = session.execute(
            insert.on_conflict_do_update(
                index_elements=[SignInCount.address_digest],
                set_={
                    "failures": case((forgotten, 1), else_=SignInCount.failures + 1),
                    "locked_until": None,
                    "updated_at": now,
                },
                where=or_(SignInCount.locked_until.is_(None), SignInCount.locked_until <= now),
            ).returning(SignInCount.failures)
        ).first()
        if row is None:
            raise _locked(self._locked_until(session, digest), now)
        if row.failures >= settings.max_failures:
            self._lock(session, digest, until=now + lock)

    def give_back(self, session: Session, digest: str) -> None:
        """One step was right but the sign-in is not complete: the attempt does not count."""
        session.execute(
            update(SignInCount)
            .where(SignInCount.address_digest == digest)
            .values(failures=SignInCount.failures - 1, locked_until=None)
        )

    def clear(self, session: Session, digest: str) -> None:
        """The sign-in is complete: forget the failures."""
        session.execute(delete(SignInCount).where(SignInCount.address_digest == digest))

    def forget_old(self, session: Session) -> int:
        """Delete what has no effect any more; returns the number of rows."""
        now = self._platform.clock.wall()
        lock = timedelta(minutes=self._platform.settings.accounts.lock_minutes)
        gone = session.scalars(
            delete(SignInCount)
            .where(
                SignInCount.updated_at <= now - lock,
                or_(SignInCount.locked_until.is_(None), SignInCount.locked_until <= now),
            )
            .returning(SignInCount.address_digest)
        )
        return len(gone.all())

    def _lock(self, session: Session, digest: str, *, until: datetime) -> None:
        session.execute(
            update(SignInCount)
            .where(SignInCount.address_digest == digest)
            .values(locked_until=until)
        )
        self._platform.audit.record(
            session,
            Actor(),
            action="core.sign_in.locked",
            object_type="core.sign_in",
            object_id=digest[:16],
            after={"until": until},
        )

    @staticmethod
    def _locked_until(session: Session, digest: str) -> datetime | None:
        row = session.get(SignInCount, digest, populate_existing=True)
        return None if row is None else row.locked_until


def _locked(until: datetime | None, now: datetime) -> TooManyRequests:
    seconds = max(1, round((until - now).total_seconds())) if until else 1
    minutes = -(-seconds // 60)
    return TooManyRequests(
        "Sign-in with this address is locked, because too many attempts failed; "
        f"wait {minutes} min and try again, or reset the password",
        code="sign_in_locked",
        headers={"Retry-After": str(seconds)},
    )
