"""The ladder: its plan and its tiers, as staff keep them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dxp.api import Actor, FieldError, Platform, Unprocessable, gettext, uuid7
from dxp_loyalty.models import Tier, TierPlan, TierStanding
from dxp_loyalty.services import refusals
from dxp_loyalty.services.tier_rules import Ladder, Period

MAIN = "main"
MONEY_UNIT = 10_000
"""Parts of a currency's unit in which spend is counted."""
MAX_TIERS = 20
REASSESS_JOB = "loyalty.reassess_tiers"
_LADDER = "loyalty_ladder"

Basis = Literal["points", "spend", "orders"]
BASES: tuple[Basis, ...] = ("points", "spend", "orders")
PERIODS: tuple[Period, ...] = ("calendar_year", "rolling")


@dataclass(frozen=True, kw_only=True)
class TierDraft:
    """One tier as staff give it: `threshold` in points, orders, or units of the currency."""

    key: str
    threshold: Decimal
    texts: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class PlanDraft:
    """How tiers are counted: fields of `TierPlan`."""

    basis: Basis = "points"
    currency: str | None = None
    period: Period = "calendar_year"
    months: int = 12
    keep_next: bool = True
    grace_days: int = 0
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The ladder in force: `rules` for reckoning, `tiers` the lowest first, as `rules` counts."""

    plan: TierPlan
    tiers: Sequence[Tier]
    rules: Ladder

    def level_of(self, tier_id: uuid.UUID | None) -> int:
        """The place of a tier; -1 when it is none of these."""
        return next((n for n, tier in enumerate(self.tiers) if tier.id == tier_id), -1)

    def tier(self, level: int) -> Tier | None:
        return self.tiers[level] if 0 <= level < len(self.tiers) else None


class TierPlans:
    """The only writer of the plan and of tiers."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def plan(self, session: Session) -> TierPlan | None:
        """The plan, be it in force or not; None while there was never one."""
        return session.get(TierPlan, MAIN)

    def tiers(self, session: Session) -> Sequence[Tier]:
        """All tiers, the lowest first."""
        return session.scalars(select(Tier).order_by(Tier.threshold)).all()

    def ladder(self, session: Session) -> Steps | None:
        """The ladder in force; None without one. It is read once in a transaction."""
        transaction = session.get_transaction()
        known = session.info.get(_LADDER)
        if known is not None and known[0] is transaction:
            steps: Steps | None = known[1]
            return steps
        plan = self.plan(session)
        tiers = self.tiers(session) if plan is not None and plan.active else []
        found = (
            None
            if plan is None or not tiers
            else Steps(plan=plan, tiers=tiers, rules=rules_of(plan, tiers))
        )
        session.info[_LADDER] = (session.get_transaction(), found)
        return found

    def save_plan(
        self, session: Session, draft: PlanDraft, *, expected_version: int | None, actor: Actor
    ) -> TierPlan:
        """Put a plan in force. Nobody loses a tier by it before its validity is over.

        Args:
            expected_version: of the plan that the edit began from; None when there was none.

        Raises:
            PreconditionFailed: somebody else edited it meanwhile (`tiers_changed`).
            Unprocessable: spend needs a currency (`invalid_tier`).
        """
        if draft.basis == "spend" and not draft.currency:
            raise _invalid("currency", gettext("Spend is counted in one currency; name it."))
        plan = self._locked(session, expected_version)
        before = None if plan is None else _plan_fields(plan)
        if plan is None:
            plan = TierPlan(key=MAIN, version=1, edited_at=self._platform.clock.now())
            session.add(plan)
        else:
            plan.version += 1
        counted = None if before is None else (before["basis"], before["currency"])
        if counted is not None and counted != (draft.basis, _currency(draft)):
            if draft.active:
                raise _invalid(
                    "basis",
                    gettext(
                        "The thresholds would mean something else at once; switch the tiers off "
                        "in the same edit, mend the thresholds, and switch them on again."
                    ),
                )
            self._rescale(session, plan, draft)
        for name, value in asdict(draft).items():
            setattr(plan, name, value)
        plan.currency = _currency(draft)
        self._edited(session, plan, actor, "plan", before=before)
        return plan

    def add_tier(
        self, session: Session, draft: TierDraft, *, expected_version: int, actor: Actor
    ) -> Tier:
        """Add a step to the ladder.

        Raises:
            PreconditionFailed: somebody else edited the ladder meanwhile (`tiers_changed`).
            Conflict: another tier has the key (`tier_key_taken`).
            Unprocessable: the threshold or the name will not do (`invalid_tier`).
        """
        plan = self._plan_to_edit(session, expected_version)
        if draft.key in set(session.scalars(select(Tier.key))):
            raise refusals.rule_key_taken(draft.key, code="tier_key_taken")
        tiers = self.tiers(session)
        if len(tiers) >= MAX_TIERS:
            raise _invalid("key", gettext("A ladder has at most %(most)s tiers.", most=MAX_TIERS))
        tier = Tier(
            id=uuid7(),
            key=draft.key,
            rank=0,
            threshold=self._threshold(plan, draft, tiers),
            texts=_texts(draft),
        )
        session.add(tier)
        plan.version += 1
        self._edited(session, plan, actor, draft.key, before=None)
        return tier

    def edit_tier(
        self,
        session: Session,
        tier_id: uuid.UUID,
        draft: TierDraft,
        *,
        expected_version: int,
        actor: Actor,
    ) -> Tier:
        """Change the threshold and the names of a tier; its key stays.

        Raises:
            NotFound: there is no such tier (`unknown_tier`).
            PreconditionFailed: somebody else edited the ladder meanwhile (`tiers_changed`).
            Unprocessable: the threshold or the name will not do (`invalid_tier`).
        """
        plan = self._plan_to_edit(session, expected_version)
        tier = self.tier(session, tier_id)
        before = _tier_fields(tier)
        others = [other for other in self.tiers(session) if other.id != tier.id]
        tier.threshold = self._threshold(plan, draft, others)
        tier.texts = _texts(draft)
        plan.version += 1
        self._edited(session, plan, actor, tier.key, before=before)
        return tier

    def remove_tier(
        self, session: Session, tier_id: uuid.UUID, *, expected_version: int, actor: Actor
    ) -> None:
        """Take a step out of the ladder. Nobody may stand on it.

        Raises:
            NotFound: there is no such tier (`unknown_tier`).
            PreconditionFailed: somebody else edited the ladder meanwhile (`tiers_changed`).
            Unprocessable: members have it (`tier_in_use`).
        """
        plan = self._plan_to_edit(session, expected_version)
        tier = self.tier(session, tier_id)
        used = session.scalar(
            select(func.count())
            .select_from(TierStanding)
            .where(
                or_(
                    TierStanding.tier_id == tier.id,
                    TierStanding.earned_id == tier.id,
                    TierStanding.manual_id == tier.id,
                    TierStanding.base_id == tier.id,
                )
            )
        )
        if used:
            raise Unprocessable(
                gettext(
                    "%(count)s members have this tier, and they would fall out of the ladder; "
                    "raise its threshold instead, or wait until nobody has it",
                    count=used,
                ),
                code="tier_in_use",
            )
        before = _tier_fields(tier)
        session.delete(tier)
        plan.version += 1
        self._edited(session, plan, actor, before["key"], before=before)

    def tier(self, session: Session, tier_id: uuid.UUID) -> Tier:
        """One tier.

        Raises:
            NotFound: there is no such tier (`unknown_tier`).
        """
        tier = session.get(Tier, tier_id)
        if tier is None:
            raise refusals.unknown(gettext("tier"), code="unknown_tier")
        return tier

    def _locked(self, session: Session, expected_version: int | None) -> TierPlan | None:
        plan = session.scalars(
            select(TierPlan)
            .where(TierPlan.key == MAIN)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if (None if plan is None else plan.version) != expected_version:
            raise refusals.tiers_changed()
        return plan

    def _plan_to_edit(self, session: Session, expected_version: int) -> TierPlan:
        plan = self._locked(session, expected_version)
        assert plan is not None, "a version was expected"
        return plan

    def _rescale(self, session: Session, plan: TierPlan, draft: PlanDraft) -> None:
        """Keep the numbers that staff see when the unit behind them changes."""
        unit = {"spend": MONEY_UNIT}
        old, new = unit.get(plan.basis, 1), unit.get(draft.basis, 1)
        for tier in self.tiers(session):
            # Cents and less are lost from spend to points; two thresholds must not become one.
            tier.threshold = tier.threshold * new // old if new > old else -(-tier.threshold // old)
            session.flush()

    def _threshold(self, plan: TierPlan, draft: TierDraft, others: Sequence[Tier]) -> int:
        unit = MONEY_UNIT if plan.basis == "spend" else 1
        exact = draft.threshold * unit
        threshold = int(exact.to_integral_value(rounding=ROUND_DOWN))
        if threshold != exact or not 0 <= threshold <= 10**15:
            raise _invalid(
                "threshold",
                gettext("Points and orders are counted in whole numbers, and none is below zero.")
                if plan.basis != "spend"
                else gettext("An amount has at most four decimals and is not below zero."),
            )
        if any(other.threshold == threshold for other in others):
            raise _invalid("threshold", gettext("Another tier has the same threshold."))
        return threshold

    def _edited(
        self,
        session: Session,
        plan: TierPlan,
        actor: Actor,
        what: str,
        *,
        before: Mapping[str, Any] | None,
    ) -> None:
        """Number the tiers anew, and look at all members again in a job."""
        plan.edited_at = self._platform.clock.now()
        session.flush()
        for rank, tier in enumerate(self.tiers(session), 1):
            tier.rank = rank
        session.flush()
        session.info.pop(_LADDER, None)
        tiers = [_tier_fields(tier) for tier in self.tiers(session)]
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.tiers.edited",
            object_type="loyalty.tiers",
            object_id=what,
            before=before,
            after={"plan": _plan_fields(plan), "tiers": tiers},
        )
        self._platform.jobs.enqueue(session, REASSESS_JOB, {"version": plan.version})


def rules_of(plan: TierPlan, tiers: Sequence[Tier]) -> Ladder:
    """The plan with its tiers, for reckoning."""
    return Ladder(
        thresholds=[tier.threshold for tier in tiers],
        period="rolling" if plan.period == "rolling" else "calendar_year",
        months=plan.months,
        keep_next=plan.keep_next,
        grace_days=plan.grace_days,
    )


def amount_shown(plan: TierPlan, amount: int) -> Decimal:
    """An amount in points, orders, or units of the currency."""
    return Decimal(amount) / MONEY_UNIT if plan.basis == "spend" else Decimal(amount)


def _currency(draft: PlanDraft) -> str | None:
    return draft.currency if draft.basis == "spend" else None


def _texts(draft: TierDraft) -> dict[str, Any]:
    texts = {locale: dict(words) for locale, words in draft.texts.items() if words.get("name")}
    if not texts:
        raise _invalid("texts", gettext("Give the tier a name in one language at least."))
    return texts


def _plan_fields(plan: TierPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in PlanDraft.__dataclass_fields__}


def _tier_fields(tier: Tier) -> dict[str, Any]:
    return {"key": tier.key, "threshold": tier.threshold, "texts": tier.texts}


def _invalid(field: str, detail: str) -> Unprocessable:
    return Unprocessable(
        gettext("The tier cannot be used as it is; mend the fields named in errors"),
        code="invalid_tier",
        errors=[FieldError(pointer=f"/{field}", code="invalid", detail=detail)],
    )
