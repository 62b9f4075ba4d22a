"""Sessions of staff: opening, recognising, ending them."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor, StaffActor
from dxp.auth.grants import check_may_manage
from dxp.auth.last_seen import WRITE_EVERY
from dxp.auth.models import Role, Staff, StaffRole, StaffSession
from dxp.auth.secrets import hash_token
from dxp.errors import NotFound

if TYPE_CHECKING:
    from dxp.platform import Platform

OBJECT = "core.session"


class Sessions:
    """A session is a row; its cookie holds a random token that is made at sign-in and never
    before, so that nobody can plant one in another's browser.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def open(
        self,
        session: Session,
        staff: Staff,
        *,
        ip: str | None = None,
        user_agent: str | None = None,
        second_factor: bool = False,
    ) -> tuple[StaffSession, str]:
        """A new session, and the token for its cookie, which is not stored."""
        now = self._platform.clock.wall()
        token = secrets.token_urlsafe(32)
        row = StaffSession(
            staff_id=staff.id,
            token_hash=hash_token(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(hours=self._platform.settings.accounts.session_hours),
            second_factor=second_factor,
            ip=ip[:45] if ip else None,
            user_agent=_printable(user_agent),
        )
        staff.last_sign_in_at = now
        session.add(row)
        session.flush()
        self._platform.audit.record(
            session,
            StaffActor(user_id=staff.id, session_id=row.id, name=staff.name, email=staff.email),
            action=f"{OBJECT}.opened",
            object_type=OBJECT,
            object_id=row.id,
            after={"ip": row.ip, "second_factor": second_factor},
        )
        return row, token

    def actor(self, session: Session, token: str) -> StaffActor | None:
        """Who holds the session with this token; None when it has ended. Writes nothing.

        One query. While something has to be done first the actor has no permissions, and
        `pending` says what.
        """
        rows = session.execute(
            select(StaffSession, Staff, Role.permissions, Role.require_totp)
            .join(Staff, Staff.id == StaffSession.staff_id)
            .outerjoin(StaffRole, StaffRole.staff_id == Staff.id)
            .outerjoin(Role, Role.id == StaffRole.role_id)
            .where(StaffSession.token_hash == hash_token(token))
        ).all()
        if not rows:
            return None
        row, staff = rows[0][0], rows[0][1]
        if staff.disabled_at is not None or not self._is_live(row):
            return None
        self._platform.accounts.last_seen.note("session", row.id, written=row.last_seen_at)
        permissions: set[str] = set()
        withheld = False
        for _row, _staff, held, require_totp in rows:
            if require_totp and not row.second_factor:
                withheld = True
            else:
                # None stands for somebody without roles.
                permissions.update(held or ())
        pending = None
        if staff.must_change_password:
            pending, permissions = "password", set()
        elif withheld:
            pending = "second_factor"
        return StaffActor(
            user_id=staff.id,
            session_id=row.id,
            name=staff.name,
            email=staff.email,
            locale=staff.locale,
            timezone=staff.timezone,
            permissions=frozenset(permissions),
            pending=pending,
        )

    def live(self, session: Session, staff_id: uuid.UUID) -> Sequence[StaffSession]:
        """Somebody's sessions that have not ended, the latest used first."""
        rows = session.scalars(
            select(StaffSession)
            .where(StaffSession.staff_id == staff_id)
            .order_by(StaffSession.last_seen_at.desc(), StaffSession.id)
        )
        return [row for row in rows if self._is_live(row)]

    def end(self, session: Session, actor: Actor, session_id: uuid.UUID) -> None:
        """End one session, one's own or that of somebody whom one may manage.

        Raises:
            Forbidden: its owner may do more than the actor (`cannot_manage`).
            NotFound: it has ended already, or never was (`unknown_session`).
        """
        row = session.get(StaffSession, session_id)
        own = row is not None and actor.key == f"staff:{row.staff_id}"
        if row is None or not (own or actor.may("core.staff.manage")):
            raise NotFound(
                "This session is not open, because it was ended or has expired; "
                "load the list of sessions again",
                code="unknown_session",
            )
        if not own:
            check_may_manage(session, actor, row.staff_id)
        session.delete(row)
        self._platform.audit.record(
            session,
            actor,
            action=f"{OBJECT}.ended",
            object_type=OBJECT,
            object_id=session_id,
            before={"staff_id": row.staff_id},
        )

    def end_others(self, session: Session, actor: StaffActor) -> int:
        """End all of one's own sessions but the present one; returns how many."""
        ended = self.end_all(session, actor.user_id, but=actor.session_id)
        self._platform.audit.record(
            session,
            actor,
            action=f"{OBJECT}.others_ended",
            object_type="core.staff",
            object_id=actor.user_id,
            after={"sessions": ended},
        )
        return ended

    def end_all(
        self, session: Session, staff_id: uuid.UUID, *, but: uuid.UUID | None = None
    ) -> int:
        """End somebody's sessions as part of another change; returns how many."""
        query = delete(StaffSession).where(StaffSession.staff_id == staff_id)
        if but is not None:
            query = query.where(StaffSession.id != but)
        return len(session.scalars(query.returning(StaffSession.id)).all())

    def mark_second_factor(self, session: Session, session_id: uuid.UUID) -> None:
        """The holder has just proved their second factor."""
        session.execute(
            update(StaffSession).where(StaffSession.id == session_id).values(second_factor=True)
        )

    def forget_old(self, session: Session) -> int:
        """Delete rows of sessions that have expired; returns their number."""
        now = self._platform.clock.wall()
        unused_since = now - self._idle()
        gone = session.scalars(
            delete(StaffSession)
            .where((StaffSession.expires_at <= now) | (StaffSession.last_seen_at <= unused_since))
            .returning(StaffSession.id)
        )
        return len(gone.all())

    def _is_live(self, row: StaffSession) -> bool:
        now = self._platform.clock.wall()
        return now < row.expires_at and now < row.last_seen_at + self._idle()

    def _idle(self) -> timedelta:
        """Without the minute by which the stored time may lag, a busy session could end."""
        settings = self._platform.settings.accounts
        return timedelta(minutes=settings.session_idle_minutes) + WRITE_EVERY


def _printable(text: str | None) -> str | None:
    return "".join(c for c in text[:300] if c.isprintable()) if text else None
