"""Who is a member, since when, and whether all stands still for them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    EventRecord,
    MergeContext,
    Platform,
    UnmergeContext,
    dialect_insert,
    restored,
    snapshot_of,
)
from dxp_loyalty.models import Member, OccasionDate, OccasionRule
from dxp_loyalty.services.planning import BIRTHDAY, CALENDAR, SIGNUP, Planner


class Membership:
    """The only writer of `Member`."""

    def __init__(self, platform: Platform, planner: Planner) -> None:
        self._platform = platform
        self._planner = planner

    def enrol(self, session: Session, records: Sequence[EventRecord]) -> None:
        """Take over those who became customers, in two statements however many."""
        joined = {
            record.subject_id: record.occurred_at
            for record in reversed(records)
            if record.subject_id is not None
        }
        if not joined:
            return
        asked = session.scalar(
            select(exists().where(OccasionRule.kind != BIRTHDAY, OccasionRule.active.is_(True)))
        )
        plan_at = self._platform.clock.now() if asked else None
        session.execute(
            dialect_insert(session, Member).on_conflict_do_nothing(),
            [
                {"subject_id": subject_id, "joined_at": moment, "plan_at": plan_at, "paused": False}
                for subject_id, moment in joined.items()
            ],
        )

    def look_at_everybody(self, session: Session) -> None:
        """Let the next run plan for all, because a rule or a day is another."""
        now = self._platform.clock.now()
        session.execute(update(OccasionDate).values(plan_at=now))
        session.execute(update(Member).values(plan_at=now))

    def pause(self, session: Session, subject_id: uuid.UUID, *, paused: bool, actor: Actor) -> None:
        """Stop everything for a member who has died, or go on when that was a mistake.

        Raises:
            NotFound: nobody has this id.
        """
        row = self._locked(session, [subject_id]).get(subject_id)
        if row is None:
            self._platform.subjects.get(session, subject_id)
            row = Member(subject_id=subject_id, joined_at=self._platform.clock.now(), paused=False)
            session.add(row)
        before, row.paused = row.paused, paused
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.occasions.paused" if paused else "loyalty.occasions.resumed",
            object_type="customer",
            object_id=str(subject_id),
            subject_id=subject_id,
            before={"paused": before},
            after={"paused": paused},
        )

    def paused(self, session: Session, subject_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
        """Those of the members for whom everything stands still."""
        return set(
            session.scalars(
                select(Member.subject_id).where(
                    Member.subject_id.in_(subject_ids), Member.paused.is_(True)
                )
            )
        )

    def forget(self, session: Session, subject_ids: Collection[uuid.UUID]) -> None:
        """Erase when people became members."""
        session.execute(delete(Member).where(Member.subject_id.in_(subject_ids)))

    def merge(self, ctx: MergeContext) -> dict[str, Any]:
        """One member is left, since the earlier moment; returns what `split` needs."""
        session = ctx.session
        rows = self._locked(session, [ctx.winner_id, ctx.loser_id])
        loser, winner = rows.get(ctx.loser_id), rows.get(ctx.winner_id)
        undo = {
            "winner": None if winner is None else snapshot_of(winner),
            "loser": None if loser is None else snapshot_of(loser),
        }
        if loser is None:
            return undo
        session.delete(loser)
        session.flush()
        if winner is None:
            winner = Member(subject_id=ctx.winner_id, joined_at=loser.joined_at, paused=False)
            session.add(winner)
        winner.joined_at = min(winner.joined_at, loser.joined_at)
        winner.paused = winner.paused or loser.paused
        session.flush()
        self._planner.plan_members(session, [winner])
        return undo

    def split(self, ctx: UnmergeContext, undo: Mapping[str, Any]) -> None:
        """Both are members as they were; whatever was paused meanwhile stays so for the winner."""
        session = ctx.session
        rows = self._locked(session, [ctx.winner_id, ctx.loser_id])
        winner, before = rows.get(ctx.winner_id), undo.get("winner")
        if undo.get("loser") is not None and ctx.loser_id not in rows:
            rows[ctx.loser_id] = restored(Member, undo["loser"])
            session.add(rows[ctx.loser_id])
        if winner is not None and before is not None:
            winner.joined_at = restored(Member, before).joined_at
        elif winner is not None and undo.get("loser") is not None:
            session.delete(rows.pop(ctx.winner_id))
            self._planner.cancel(session, [ctx.winner_id], kinds=(SIGNUP, CALENDAR), reason="split")
        session.flush()
        self._planner.plan_members(session, list(rows.values()))

    @staticmethod
    def _locked(session: Session, subject_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Member]:
        rows = session.scalars(
            select(Member)
            .where(Member.subject_id.in_(subject_ids))
            .order_by(Member.subject_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {row.subject_id: row for row in rows}
