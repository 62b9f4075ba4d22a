"""Adjustments that are too large for one person: asked by one, decided by another."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, Platform, Subject, SystemActor, dialect_insert, gettext, uuid7
from dxp_loyalty.events import AdjustmentAsked
from dxp_loyalty.models import Account, AdjustmentRequest, Entry
from dxp_loyalty.services import refusals
from dxp_loyalty.services.adjustments import Adjustments
from dxp_loyalty.services.amounts import actor_text, check_points
from dxp_loyalty.services.entries import table_of
from dxp_loyalty.services.reasons import Reasons
from dxp_loyalty.settings import LoyaltySettings

TOGETHER = timedelta(hours=24)
"""What one person gives or takes one member within so long counts together."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an adjustment: done by `entry`, or waiting as `request`; neither when it
    was asked for before and done at once."""

    entry: Entry | None = None
    request: AdjustmentRequest | None = None


class Approvals:
    """The only writer of requests. It lets small adjustments pass and keeps large ones."""

    def __init__(
        self,
        platform: Platform,
        settings: LoyaltySettings,
        adjustments: Adjustments,
        reasons: Reasons,
    ) -> None:
        self._platform = platform
        self._settings = settings
        self._adjustments = adjustments
        self._reasons = reasons

    def adjust(
        self,
        session: Session,
        subject_id: uuid.UUID,
        points: int,
        *,
        reason_code: str,
        note: str,
        actor: Actor,
        once: str | None = None,
    ) -> Outcome:
        """Add (above zero) or take (below zero) points, or ask a second person to.

        Raises:
            NotFound: there is no such member (`unknown_subject`).
            Unprocessable: `unknown_reason_code`, `invalid_points`, `insufficient_points`.
        """
        self._reasons.check(session, reason_code)
        check_points(abs(points))
        root_id = self._platform.subjects.get(session, subject_id)
        if not self._needs_another(session, root_id, points, actor):
            entry = self._adjustments.adjust(
                session,
                root_id,
                points,
                reason_code=reason_code,
                note=note,
                actor=actor,
                once=once,
            )
            return Outcome(entry=entry)
        return Outcome(
            request=self._ask(
                session,
                root_id,
                points,
                reason_code=reason_code,
                note=note,
                actor=actor,
                once=once,
            )
        )

    def approve(
        self, session: Session, request_id: uuid.UUID, *, actor: Actor, note: str = ""
    ) -> AdjustmentRequest:
        """Write an adjustment that somebody else asked for.

        Raises:
            NotFound: there is none (`unknown_request`).
            Conflict: it was decided before (`request_decided`), or `actor` asked for it
                (`same_person`).
            Unprocessable: more would be taken than can be spent by now (`insufficient_points`).
        """
        request = self._decide(session, request_id, "approved", actor=actor, note=note)
        self._adjustments.adjust(
            session,
            request.subject_id,
            request.points,
            reason_code=request.reason_code,
            note=request.note,
            actor=actor,
            once=str(request.id),
        )
        return request

    def reject(
        self, session: Session, request_id: uuid.UUID, *, actor: Actor, note: str = ""
    ) -> AdjustmentRequest:
        """Turn an adjustment down; whoever asked for it withdraws it so.

        Raises:
            NotFound: there is none (`unknown_request`).
            Conflict: it was decided before (`request_decided`).
        """
        return self._decide(session, request_id, "rejected", actor=actor, note=note)

    def waiting(self, session: Session) -> int:
        """How many wait for a decision."""
        return (
            session.scalar(
                select(func.count())
                .select_from(AdjustmentRequest)
                .where(AdjustmentRequest.state == "pending")
            )
            or 0
        )

    def of_member(self, session: Session, subject_id: uuid.UUID) -> Sequence[AdjustmentRequest]:
        """Requests about a member, and about those merged into them; the latest first."""
        return session.scalars(
            select(AdjustmentRequest)
            .join(Subject, Subject.id == AdjustmentRequest.subject_id)
            .where((Subject.id == subject_id) | (Subject.merged_into_id == subject_id))
            .order_by(AdjustmentRequest.id.desc())
        ).all()

    def _needs_another(
        self, session: Session, subject_id: uuid.UUID, points: int, actor: Actor
    ) -> bool:
        limit = self._settings.adjustment_limit
        if limit == 0 or isinstance(actor, SystemActor):
            return False
        if abs(points) > limit:
            return True
        # Cut into small pieces it is still large.
        lately = session.scalar(
            select(func.coalesce(func.sum(func.abs(Entry.amount)), 0))
            .join(Account, Account.id == Entry.account_id)
            .where(
                Account.subject_id == subject_id,
                Entry.kind == "adjust",
                Entry.actor == actor_text(actor),
                Entry.recorded_at > self._platform.clock.now() - TOGETHER,
            )
        )
        return int(lately or 0) + abs(points) > limit

    def _ask(
        self,
        session: Session,
        subject_id: uuid.UUID,
        points: int,
        *,
        reason_code: str,
        note: str,
        actor: Actor,
        once: str | None,
    ) -> AdjustmentRequest:
        request_id = uuid7()
        written = session.connection().execute(
            dialect_insert(session, table_of(AdjustmentRequest))
            .on_conflict_do_nothing(index_elements=["once"])
            .returning(AdjustmentRequest.id),
            {
                "id": request_id,
                "subject_id": subject_id,
                "points": points,
                "reason_code": reason_code,
                "note": note,
                "state": "pending",
                "once": once,
                "asked_by": actor_text(actor),
                "asked_by_name": actor.label[:200],
                "asked_at": self._platform.clock.now(),
                "decision_note": "",
            },
        )
        if written.first() is None:
            return session.scalars(
                select(AdjustmentRequest).where(AdjustmentRequest.once == once)
            ).one()
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.adjustment.asked",
            object_type="loyalty.adjustment",
            object_id=str(request_id),
            subject_id=subject_id,
            after={"points": points, "reason_code": reason_code},
        )
        self._platform.events.publish(
            session,
            AdjustmentAsked(request_id=str(request_id), points=points),
            subject_id=subject_id,
        )
        return session.get_one(AdjustmentRequest, request_id)

    def _decide(
        self, session: Session, request_id: uuid.UUID, state: str, *, actor: Actor, note: str
    ) -> AdjustmentRequest:
        request = session.scalars(
            select(AdjustmentRequest)
            .where(AdjustmentRequest.id == request_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if request is None:
            raise refusals.unknown(gettext("request"), code="unknown_request")
        if request.state != "pending":
            raise Conflict(
                gettext("Somebody decided this request meanwhile; load the page again to see how"),
                code="request_decided",
            )
        own = actor_text(actor) == request.asked_by
        if own and state == "approved":
            raise Conflict(
                gettext(
                    "You asked for this adjustment, so somebody else must decide it; ask a "
                    "colleague, or withdraw it"
                ),
                code="same_person",
            )
        request.state = "withdrawn" if own else state
        request.decided_by, request.decided_by_name = actor_text(actor), actor.label[:200]
        request.decided_at, request.decision_note = self._platform.clock.now(), note
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.adjustment.{request.state}",
            object_type="loyalty.adjustment",
            object_id=str(request.id),
            subject_id=request.subject_id,
            before={"state": "pending"},
            after={"state": request.state, "points": request.points},
        )
        return request
