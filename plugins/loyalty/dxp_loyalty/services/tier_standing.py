"""Who stands in which tier: reckoned anew whenever something is collected, returned or over."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    FieldError,
    MergeContext,
    NewEvent,
    Platform,
    Subject,
    SystemActor,
    UnmergeContext,
    Unprocessable,
    dialect_insert,
    gettext,
    plain,
    restored,
)
from dxp_loyalty.events import TierChanged
from dxp_loyalty.models import Tier, TierChange, TierStanding
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.services.entries import table_of
from dxp_loyalty.services.months import DAY, add_months, local_day
from dxp_loyalty.services.tier_counting import TierCounting
from dxp_loyalty.services.tier_plans import Steps, TierPlans
from dxp_loyalty.services.tier_rules import Base, Course, State, follow
from dxp_loyalty.settings import LoyaltySettings

BATCH = 500
MOST_MONTHS = 1200
"""For so long staff may give a tier at most."""
_MANUAL = ("manual_id", "manual_until", "manual_reason", "manual_by")
_BASE = ("base_id", "base_until", "base_day")
_GIVEN = (*_MANUAL, *_BASE)
KEEPER = SystemActor(name="loyalty.tiers")
Cause = Literal["earned", "returned", "ended", "manual", "manual_ended", "ladder", "merged"]


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a member holds on a day: the higher of what was earned and what staff gave.

    Attributes:
        level: a place in the ladder; -1: below it.
        until: its last day; None: it has no end.
    """

    level: int
    until: date | None
    manual: bool


class TierStandings:
    """The only writer of standings and of their history."""

    def __init__(
        self,
        platform: Platform,
        settings: LoyaltySettings,
        plans: TierPlans,
        counting: TierCounting,
    ) -> None:
        self._platform = platform
        self._settings = settings
        self._plans = plans
        self._counting = counting

    @property
    def today(self) -> date:
        """In the programme's zone."""
        return local_day(self._platform.clock.now(), self._settings.timezone)

    def assess(
        self,
        session: Session,
        subject_ids: Iterable[uuid.UUID],
        *,
        cause: Cause,
        actor: Actor = KEEPER,
        recount: bool = False,
    ) -> int:
        """Reckon the tiers of members, and tell of those that changed.

        Args:
            recount: write their counters anew before.
            cause: of what is lost; what is gained by the counters is `earned`, whatever it is.

        Returns:
            how many members changed tiers.
        """
        steps = self._plans.ladder(session)
        if steps is None:
            return 0
        ids = sorted(set(subject_ids))
        changed = 0
        for start in range(0, len(ids), BATCH):
            changed += self._assess(
                session, ids[start : start + BATCH], steps, cause, actor, recount=recount
            )
        return changed

    def assess_due(self, session: Session, *, limit: int = BATCH) -> int:
        """Reckon those for whom time alone may have changed something; returns how many.

        Repeat until it returns less than `limit`.
        """
        if self._plans.ladder(session) is None:
            return 0
        ids = session.scalars(
            select(TierStanding.subject_id)
            .where(TierStanding.check_on <= self.today)
            .order_by(TierStanding.subject_id)
            .limit(limit)
        ).all()
        self.assess(session, ids, cause="ended")
        return len(ids)

    def reassess(self, session: Session, subject_ids: Sequence[uuid.UUID]) -> int:
        """After the ladder was changed: count anew, and let nobody lose what they hold."""
        steps = self._plans.ladder(session)
        if steps is None or not subject_ids:
            return 0
        session.execute(
            update(TierStanding)
            .where(TierStanding.subject_id.in_(subject_ids), TierStanding.earned_id.is_not(None))
            .values(
                base_id=TierStanding.earned_id,
                base_until=TierStanding.earned_until,
                base_day=self.today,
            )
            .execution_options(synchronize_session=False)
        )
        return self.assess(session, subject_ids, cause="ladder", recount=True)

    def give(
        self,
        session: Session,
        subject_id: uuid.UUID,
        tier: Tier,
        *,
        until: date,
        reason: str,
        actor: Actor,
    ) -> None:
        """Give a member a tier until the end of a day. A higher one that they earn still counts.

        Raises:
            NotFound: there is no such member (`unknown_subject`).
            Unprocessable: the day is over, or there is no reason (`invalid_tier`).
        """
        subject_id = self._platform.subjects.get(session, subject_id)
        if until < self.today:
            raise _refused("until", gettext("The day is over; choose a later one."))
        if until > add_months(self.today, MOST_MONTHS):
            raise _refused("until", gettext("The day is too far away; choose an earlier one."))
        if not reason.strip():
            raise _refused("reason", gettext("Say why, for colleagues."))
        (standing,) = self._lock(session, [subject_id])
        before = _manual(standing)
        standing.manual_id, standing.manual_until = tier.id, until
        standing.manual_reason, standing.manual_by = reason.strip(), actor_text(actor)
        self._record_manual(session, standing, before, actor, tier.key)
        self.assess(session, [subject_id], cause="manual", actor=actor)

    def take(self, session: Session, subject_id: uuid.UUID, *, actor: Actor) -> None:
        """Take a tier back that staff gave; what was earned stays."""
        subject_id = self._platform.subjects.get(session, subject_id)
        (standing,) = self._lock(session, [subject_id])
        if standing.manual_id is None:
            return
        before = _manual(standing)
        _forget_manual(standing)
        self._record_manual(session, standing, before, actor, None)
        self.assess(session, [subject_id], cause="manual_ended", actor=actor)

    def course(
        self,
        steps: Steps,
        standing: TierStanding | None,
        days: dict[date, int],
        *,
        today: date | None = None,
    ) -> Course:
        """Where the counters put a member on a day; today when it is not named."""
        return follow(steps.rules, days, today=today or self.today, base=_base(steps, standing))

    def held(self, steps: Steps, standing: TierStanding | None, course: Course) -> Held:
        """The higher of the earned and the manual tier, today."""
        return _held(steps, standing, course.state, self.today)

    def tiers_of(
        self, session: Session, subject_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, Tier]:
        """The tiers that count for members, as they were last told; nobody's below the lowest."""
        steps = self._plans.ladder(session)
        if steps is None or not subject_ids:
            return {}
        rows = session.execute(
            select(TierStanding.subject_id, TierStanding.tier_id).where(
                TierStanding.subject_id.in_(subject_ids)
            )
        )
        kept: dict[uuid.UUID, uuid.UUID | None] = dict(rows.all())
        found: dict[uuid.UUID, Tier] = {}
        for subject_id in subject_ids:
            own = steps.tier(max(steps.level_of(kept.get(subject_id)), steps.rules.floor))
            if own is not None:
                found[subject_id] = own
        return found

    def history(self, session: Session, subject_id: uuid.UUID) -> Sequence[TierChange]:
        """Changes of a member's tier, the latest first."""
        return session.scalars(
            select(TierChange)
            .where(TierChange.subject_id == subject_id)
            .order_by(TierChange.id.desc())
        ).all()

    def merge(self, ctx: MergeContext) -> dict[str, Any]:
        """Let the winner have what staff gave the loser, where it is more; the counters follow
        when the two are one (`follow_merge`). Returns what undoing has to restore.
        """
        rows = {
            row.subject_id: row
            for row in ctx.session.scalars(
                select(TierStanding)
                .where(TierStanding.subject_id.in_([ctx.winner_id, ctx.loser_id]))
                .order_by(TierStanding.subject_id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        }
        loser, winner = rows.get(ctx.loser_id), rows.get(ctx.winner_id)
        if loser is None:
            return {}
        loser.check_on = None
        if winner is None:
            winner = TierStanding(subject_id=ctx.winner_id)
            ctx.session.add(winner)
            ctx.session.flush()
        before = {name: plain(getattr(winner, name)) for name in _GIVEN}
        ranks = dict(ctx.session.execute(select(Tier.id, Tier.rank)).all())
        for tier_id, names in (("manual_id", _MANUAL), ("base_id", _BASE)):
            theirs, own = getattr(loser, tier_id), getattr(winner, tier_id)
            if theirs is not None and ranks.get(theirs, 0) > ranks.get(own, 0):
                for name in names:
                    setattr(winner, name, getattr(loser, name))
        after = {name: plain(getattr(winner, name)) for name in _GIVEN}
        ctx.session.flush()
        return {} if before == after else {"before": before, "after": after}

    def unmerge(self, ctx: UnmergeContext) -> None:
        """Take back from the winner what a merge brought, unless staff changed it since."""
        undo = ctx.undo.get("tiers") or {}
        winner = ctx.session.get(TierStanding, ctx.winner_id, with_for_update=True)
        if not undo or winner is None:
            return
        now = {name: plain(getattr(winner, name)) for name in _GIVEN}
        for names in (_MANUAL, _BASE):
            if all(now[name] == undo["after"][name] for name in names):
                values = restored(TierStanding, {name: undo["before"][name] for name in names})
                for name in names:
                    setattr(winner, name, getattr(values, name))
        ctx.session.flush()

    def follow_merge(self, session: Session, *subject_ids: uuid.UUID) -> None:
        """After a merge, or after it was undone: count anew whose everything is now."""
        if self._plans.ladder(session) is None:
            return
        self.assess(session, subject_ids, cause="merged", recount=True)

    def _assess(
        self,
        session: Session,
        ids: Sequence[uuid.UUID],
        steps: Steps,
        cause: Cause,
        actor: Actor,
        *,
        recount: bool,
    ) -> int:
        # The lock comes before the counters are read: whoever comes second sees the first one's.
        standings = self._lock(session, ids)
        if recount:
            self._counting.recount(session, [standing.subject_id for standing in standings])
        days = self._counting.by_day(session, ids)
        today = self.today
        told: list[NewEvent] = []
        history: list[dict[str, Any]] = []
        for standing in standings:
            course = follow(
                steps.rules,
                days[standing.subject_id],
                today=today,
                base=_base(steps, standing),
            )
            why = cause
            if standing.manual_until is not None and standing.manual_until < today:
                _forget_manual(standing)
                why = "manual_ended"
            was = steps.level_of(standing.tier_id)
            earned = steps.tier(course.state.level)
            standing.earned_id = None if earned is None else earned.id
            standing.earned_until = course.state.until
            held = _held(steps, standing, course.state, today)
            standing.check_on = _first(course.check_on, standing.manual_until)
            # Who is seen for the first time begins where everybody does, and nothing changed yet.
            known = standing.since is not None
            if not known:
                was = steps.rules.floor
            if held.level != was or not known:
                now = steps.tier(held.level)
                standing.tier_id = None if now is None else now.id
                standing.since = today if held.manual else course.state.since or today
            if held.level == was:
                continue
            if held.level > was and cause in ("earned", "returned", "ended"):
                why = "earned"
            change = self._change(steps, standing, was, held, why)
            told.append(change)
            history.append(
                {
                    "subject_id": standing.subject_id,
                    "from_key": change.data["from_tier"],
                    "to_key": change.data["tier"],
                    "cause": why,
                    "until": held.until,
                    "at": self._platform.clock.now(),
                    "actor": actor_text(actor),
                }
            )
        session.flush()
        if history:
            session.connection().execute(table_of(TierChange).insert(), history)
            self._platform.events.publish_many(session, told)
        return len(history)

    @staticmethod
    def _change(steps: Steps, standing: TierStanding, was: int, held: Held, why: str) -> NewEvent:
        before, after = steps.tier(was), steps.tier(held.level)
        payload = TierChanged(
            tier=None if after is None else after.key,
            rank=0 if after is None else after.rank,
            from_tier=None if before is None else before.key,
            cause=why,
            valid_until=None if held.until is None else held.until.isoformat(),
        )
        return NewEvent(type=payload.type, data=payload.as_data(), subject_id=standing.subject_id)

    def _lock(self, session: Session, ids: Collection[uuid.UUID]) -> list[TierStanding]:
        """Standings of members that are not erased, made where there is none; locked."""
        living = session.scalars(
            select(Subject.id).where(
                Subject.id.in_(ids),
                Subject.erased_at.is_(None),
                Subject.merged_into_id.is_(None),
            )
        ).all()
        if not living:
            return []
        session.connection().execute(
            dialect_insert(session, table_of(TierStanding)).on_conflict_do_nothing(),
            [
                {"subject_id": subject_id, "manual_reason": "", "manual_by": ""}
                for subject_id in sorted(living)
            ],
        )
        return list(
            session.scalars(
                select(TierStanding)
                .where(TierStanding.subject_id.in_(living))
                .order_by(TierStanding.subject_id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        )

    def _record_manual(
        self,
        session: Session,
        standing: TierStanding,
        before: dict[str, Any],
        actor: Actor,
        tier: str | None,
    ) -> None:
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.tier.given" if tier is not None else "loyalty.tier.taken",
            object_type="loyalty.member",
            object_id=str(standing.subject_id),
            subject_id=standing.subject_id,
            before=before,
            after={"tier": tier} | _manual(standing),
        )


def _base(steps: Steps, standing: TierStanding | None) -> Base | None:
    if standing is None or standing.base_day is None:
        return None
    level = max(steps.level_of(standing.base_id), steps.rules.floor)
    until = standing.base_until if level > steps.rules.floor else None
    return Base(day=standing.base_day, state=State(level=level, until=until, since=standing.since))


def _held(steps: Steps, standing: TierStanding | None, earned: State, today: date) -> Held:
    if standing is not None and standing.manual_until is not None:
        level = steps.level_of(standing.manual_id)
        if standing.manual_until >= today and level > earned.level:
            return Held(level=level, until=standing.manual_until, manual=True)
    return Held(level=earned.level, until=earned.until, manual=False)


def _first(check_on: date | None, manual_until: date | None) -> date | None:
    days = [day for day in (check_on, None if manual_until is None else manual_until + DAY) if day]
    return min(days, default=None)


def _manual(standing: TierStanding) -> dict[str, Any]:
    until = standing.manual_until
    return {
        "until": None if until is None else until.isoformat(),
        "reason": standing.manual_reason,
    }


def _forget_manual(standing: TierStanding) -> None:
    standing.manual_id, standing.manual_until = None, None
    standing.manual_reason, standing.manual_by = "", ""


def _refused(field: str, detail: str) -> Unprocessable:
    return Unprocessable(
        gettext("The tier cannot be given as asked; mend the fields named in errors"),
        code="invalid_tier",
        errors=[FieldError(pointer=f"/{field}", code="invalid", detail=detail)],
    )
