"""What persons ask about their data: noted, answered in time, and told afterwards."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.errors import Conflict, NotFound
from dxp.i18n import gettext
from dxp.privacy.erasure import Erasure
from dxp.privacy.models import PrivacyRequest

if TYPE_CHECKING:
    from dxp.platform import Platform

DAYS_TO_ANSWER = 30
MAX_OPEN = 10


class Requests:
    """The only writer of requests."""

    def __init__(self, platform: Platform, erasure: Erasure) -> None:
        self._platform = platform
        self._erasure = erasure

    def open(
        self,
        session: Session,
        actor: Actor,
        *,
        subject_id: uuid.UUID,
        kind: str,
        channel: str,
        details: str = "",
        verified_by: str | None = None,
    ) -> PrivacyRequest:
        """Note a request; it is due after 30 days.

        Raises:
            NotFound: there is no such person (`unknown_subject`).
            Conflict: the person has ten open requests (`too_many_open_requests`).
        """
        subject_id = self._platform.subjects.get(session, subject_id)
        waiting = select(func.count()).where(
            PrivacyRequest.subject_id == subject_id, PrivacyRequest.state == "open"
        )
        if (session.scalar(waiting) or 0) >= MAX_OPEN:
            raise Conflict(
                gettext(
                    "There are %(number)s open requests already, and each will be answered; wait "
                    "for an answer before asking again",
                    number=MAX_OPEN,
                ),
                code="too_many_open_requests",
            )
        now = self._platform.clock.now()
        request = PrivacyRequest(
            kind=kind,
            subject_id=subject_id,
            asked_by=actor.key,
            channel=channel,
            verified_by=verified_by,
            details=details,
            asked_at=now,
            due_at=now + timedelta(days=DAYS_TO_ANSWER),
            state="open",
            answer="",
        )
        session.add(request)
        session.flush()
        self._record(session, actor, request, "opened")
        return request

    def close(
        self,
        session: Session,
        actor: Actor,
        *,
        request_id: uuid.UUID,
        done: bool,
        answer: str,
        verified_by: str | None,
    ) -> PrivacyRequest:
        """Answer a request. Doing an erasure erases, and keeps no words of the request.

        Raises:
            NotFound: there is no such request (`unknown_privacy_request`).
            Conflict: it was answered before (`request_closed`), or nobody made sure who asks
                (`not_verified`).
        """
        request = self.get(session, request_id, lock=True)
        if request.state != "open":
            raise Conflict(
                gettext("The request was answered before; the page shows how"),
                code="request_closed",
            )
        verified_by = verified_by or request.verified_by
        if done and verified_by is None:
            raise Conflict(
                gettext(
                    "The request cannot be done, because nobody noted how it was made sure that "
                    "it comes from this person; verify it, then say how"
                ),
                code="not_verified",
            )
        request.verified_by = verified_by
        request.state = "done" if done else "refused"
        request.answer = answer
        request.closed_at, request.closed_by = self._platform.clock.now(), actor.key
        session.flush()
        self._record(session, actor, request, request.state)
        if done and request.kind == "erasure":
            self._erasure.erase(session, actor, subject_id=request.subject_id)
            session.refresh(request)
        return request

    def erase(self, session: Session, actor: Actor, *, subject_id: uuid.UUID) -> PrivacyRequest:
        """Erase a person of whom staff say so at once; the record tells who did and when.

        Raises:
            NotFound: there is no such person (`unknown_subject`).
        """
        subject_id = self._platform.subjects.get(session, subject_id)
        now = self._platform.clock.now()
        request = PrivacyRequest(
            kind="erasure",
            subject_id=subject_id,
            asked_by=actor.key,
            channel="staff",
            details="",
            asked_at=now,
            due_at=now + timedelta(days=DAYS_TO_ANSWER),
            state="done",
            answer="",
            closed_at=now,
            closed_by=actor.key,
        )
        session.add(request)
        session.flush()
        self._record(session, actor, request, request.state)
        self._erasure.erase(session, actor, subject_id=subject_id)
        return request

    def get(self, session: Session, request_id: uuid.UUID, *, lock: bool = False) -> PrivacyRequest:
        """One request.

        Raises:
            NotFound: there is none with this id (`unknown_privacy_request`).
        """
        query = select(PrivacyRequest).where(PrivacyRequest.id == request_id)
        found = session.scalar(query.with_for_update() if lock else query)
        if found is None:
            raise NotFound(
                gettext("There is no privacy request with this id; look for it in the list"),
                code="unknown_privacy_request",
            )
        return found

    @staticmethod
    def listed(*, state: str = "", subject_id: uuid.UUID | None = None) -> Select[PrivacyRequest]:
        """Requests, not yet sorted."""
        query = select(PrivacyRequest)
        if state:
            query = query.where(PrivacyRequest.state == state)
        if subject_id is not None:
            query = query.where(PrivacyRequest.subject_id == subject_id)
        return query

    def overdue(self, session: Session, now: datetime) -> int:
        """How many open requests should have been answered by `now`."""
        late = select(func.count()).where(
            PrivacyRequest.state == "open", PrivacyRequest.due_at < now
        )
        return session.scalar(late) or 0

    def _record(self, session: Session, actor: Actor, request: PrivacyRequest, what: str) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"core.privacy_request.{what}",
            object_type="privacy_request",
            object_id=request.id,
            subject_id=request.subject_id,
            after={"kind": request.kind, "verified_by": request.verified_by},
        )
