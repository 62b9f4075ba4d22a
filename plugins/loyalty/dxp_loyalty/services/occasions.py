"""Occasions as staff and members see them: rules, dates, gifts and claims."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Platform,
    Unprocessable,
    compile_condition,
    format_day,
    gettext,
    timezones,
)
from dxp.contracts import EventPayload
from dxp_loyalty.events import BirthdayGiftClaimed, OccasionGiftClaimed
from dxp_loyalty.models import Hold, OccasionDate, OccasionDay, OccasionGrant, OccasionRule
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.amounts import check_points
from dxp_loyalty.services.calendars import CALENDARS, longest_month
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.ledger import Ledger
from dxp_loyalty.services.membership import Membership
from dxp_loyalty.services.planning import BIRTHDAY, CALENDAR, Planner
from dxp_loyalty.services.redemptions import Redemptions
from dxp_loyalty.settings import LoyaltySettings

ToldBirthday = tuple[Mapping[str, Any] | None, str | None, uuid.UUID | None]
"""The fields of `dxp.contracts.Birthday`, or None when it was taken back; the time zone; and whose
birthday it is, when a merge chose another's for the member."""


@dataclass(frozen=True, kw_only=True)
class OccasionRuleDraft:
    """What staff say of an occasion rule; the fields of `OccasionRule`."""

    key: str
    texts: Mapping[str, Mapping[str, str]]
    points: int
    kind: str = BIRTHDAY
    day_id: uuid.UUID | None = None
    condition: Mapping[str, Any] | None = None
    reward_id: uuid.UUID | None = None
    days_before: int = 0
    days_after: int = 14
    minimum_days: int = 14
    late_policy: str = "delay"
    leap_day: str = "february_28"
    minimum_age: int | None = None
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class Gift:
    """A grant with its rule, as its member sees it."""

    grant: OccasionGrant
    rule: OccasionRule
    claimable: bool


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a member got by claiming a gift."""

    grant: OccasionGrant
    points: int
    redemption: Hold | None


class Occasions:
    """The only writer of occasion rules and dates, and of claims."""

    def __init__(
        self,
        platform: Platform,
        settings: LoyaltySettings,
        ledger: Ledger,
        redemptions: Redemptions,
        planner: Planner,
        membership: Membership,
    ) -> None:
        self._platform = platform
        self._settings = settings
        self._ledger = ledger
        self._redemptions = redemptions
        self._planner = planner
        self._membership = membership

    # Rules

    def rules(self, session: Session) -> Sequence[OccasionRule]:
        """All rules, by key."""
        return session.scalars(select(OccasionRule).order_by(OccasionRule.key)).all()

    def rule(self, session: Session, rule_id: uuid.UUID) -> OccasionRule:
        """A rule.

        Raises:
            NotFound: there is no such rule (`unknown_occasion_rule`).
        """
        rule = session.get(OccasionRule, rule_id)
        if rule is None:
            raise refusals.unknown(gettext("occasion rule"), code="unknown_occasion_rule")
        return rule

    def create_rule(
        self, session: Session, draft: OccasionRuleDraft, *, actor: Actor
    ) -> OccasionRule:
        """Begin to give something on an occasion; windows that are over are not looked at.

        Raises:
            Conflict: another rule has the key (`occasion_rule_key_taken`).
            Unprocessable: it gives nothing (`gift_missing`), its condition is none
                (`invalid_condition`), or its reward or its day is unknown.
        """
        self._check(session, draft)
        now = self._platform.clock.now()
        rule = OccasionRule(created_at=now, **_fields(draft))
        add_definition(
            session, rule, taken=refusals.rule_key_taken(draft.key, code="occasion_rule_key_taken")
        )
        self._membership.look_at_everybody(session)
        self._audit(session, actor, "created", rule, before=None, after=_snapshot(draft))
        return rule

    def edit_rule(
        self,
        session: Session,
        rule_id: uuid.UUID,
        draft: OccasionRuleDraft,
        *,
        expected_version: int,
        actor: Actor,
    ) -> OccasionRule:
        """Change a rule, though not its kind. What is planned is planned anew by the next run;
        issued gifts stand.

        Raises:
            NotFound: there is no such rule.
            PreconditionFailed: it is no longer at `expected_version` (`rule_changed`).
            Unprocessable: as for `create_rule`.
        """
        rule = lock_definition(
            session,
            OccasionRule,
            rule_id,
            unknown=refusals.unknown(gettext("occasion rule"), code="unknown_occasion_rule"),
        )
        if rule.version != expected_version:
            raise refusals.rule_changed(actual=rule.version, expected=expected_version)
        draft = replace(draft, key=rule.key, kind=rule.kind)
        self._check(session, draft)
        before = {name: getattr(rule, name) for name in _fields(draft)}
        for name, value in _fields(draft).items():
            setattr(rule, name, value)
        rule.version += 1
        session.flush()
        self._membership.look_at_everybody(session)
        self._audit(
            session, actor, "updated", rule, before=_jsonable(before), after=_snapshot(draft)
        )
        return rule

    # Dates

    def take_over(self, session: Session, told: Mapping[uuid.UUID, ToldBirthday]) -> None:
        """Take over what members said about their birthdays, and plan.

        The same date told again changes nothing planned, even when the member has moved. The
        number of statements does not grow with that of the members.

        Args:
            told: by member.

        Raises:
            Unprocessable: one is no day of its calendar (`invalid_birthday`).
        """
        rows = session.scalars(
            select(OccasionDate)
            .where(OccasionDate.subject_id.in_(told))
            .order_by(OccasionDate.subject_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        known = {row.subject_id: row for row in rows}
        withdrawn: list[uuid.UUID] = []
        moved: list[OccasionDate] = []
        for subject_id, (birthday, timezone, origin_id) in told.items():
            row = known.get(subject_id)
            if birthday is None:
                withdrawn.append(subject_id)
                if row is not None:
                    session.delete(row)
                continue
            day = check_birthday(birthday)
            zone = timezone if timezone in timezones() else None
            if row is None:
                row = OccasionDate(subject_id=subject_id, timezone=zone, origin_id=origin_id, **day)
                session.add(row)
                moved.append(row)
                continue
            row.timezone, row.year = zone, day["year"]
            if any(getattr(row, part) != day[part] for part in ("month", "day", "calendar")):
                row.month, row.day, row.calendar = day["month"], day["day"], day["calendar"]
                row.set_at, row.origin_id = day["set_at"], origin_id
                moved.append(row)
        if withdrawn:
            self._planner.cancel(session, withdrawn, reason="withdrawn", kinds=(BIRTHDAY,))
        session.flush()
        self._planner.plan(session, moved, keep_zones=False)

    # Gifts

    def gifts(self, session: Session, subject_id: uuid.UUID) -> list[Gift]:
        """What a member had, has and may look forward to, the latest first."""
        now = self._platform.clock.now()
        rows = session.execute(
            select(OccasionGrant, OccasionRule)
            .join(OccasionRule, OccasionRule.id == OccasionGrant.rule_id)
            .where(
                OccasionGrant.subject_id == subject_id,
                OccasionGrant.state.not_in(["cancelled", "revoked"]),
            )
            .order_by(OccasionGrant.due_at.desc(), OccasionGrant.id)
        )
        return [
            Gift(grant=grant, rule=rule, claimable=is_claimable(grant, now)) for grant, rule in rows
        ]

    def claim(
        self, session: Session, grant_id: uuid.UUID, *, subject_id: uuid.UUID, actor: Actor
    ) -> Claim:
        """Take a gift: its points, its reward, or both, once.

        Raises:
            NotFound: there is no such gift of this member (`unknown_occasion`).
            Unprocessable: it is not issued yet, was claimed, or is over (`not_active`); or its
                reward cannot be had (`out_of_stock`, `limit_reached`).
        """
        account = open_account(session, self._platform, subject_id, wallet=self._settings.wallet)
        grant = session.scalars(
            select(OccasionGrant)
            .where(OccasionGrant.id == grant_id, OccasionGrant.subject_id == account.subject_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if grant is None:
            raise refusals.unknown(gettext("gift"), code="unknown_occasion")
        now = self._platform.clock.now()
        if not is_claimable(grant, now):
            raise refusals.not_active(not_claimable_because(grant, now))
        rule = session.get_one(OccasionRule, grant.rule_id)
        grant.state, grant.claimed_at = "claimed", now
        session.flush()
        if grant.points:
            cause = Cause(
                source=f"occasion:{grant.id}",
                actor=actor,
                inputs={"occasion": rule.key},
                origin_id=grant.origin_id,
            )
            self._ledger.earn(session, account, grant.points, cause=cause)
        redemption = None
        if grant.reward_id is not None:
            redemption = self._redemptions.give(
                session, grant, reward_id=grant.reward_id, actor=actor
            )
        payload: EventPayload
        if rule.kind == BIRTHDAY:
            payload = BirthdayGiftClaimed(rule=rule.key, points=grant.points)
        else:
            payload = OccasionGiftClaimed(rule=rule.key, kind=rule.kind, points=grant.points)
        self._platform.events.publish(
            session, payload, subject_id=account.subject_id, origin_id=grant.origin_id
        )
        return Claim(grant=grant, points=grant.points, redemption=redemption)

    def counts(self, session: Session) -> dict[str, int]:
        """How many grants are in which state."""
        rows = session.execute(
            select(OccasionGrant.state, func.count()).group_by(OccasionGrant.state)
        )
        return dict(rows.all())

    def _check(self, session: Session, draft: OccasionRuleDraft) -> None:
        if draft.points:
            check_points(draft.points)
        elif draft.reward_id is None:
            raise Unprocessable(
                gettext("The rule gives nothing; let it give points, a reward, or both"),
                code="gift_missing",
            )
        if draft.reward_id is not None:
            self._redemptions.rewards.current(session, draft.reward_id)
        if draft.condition:
            compile_condition(draft.condition)
        if (draft.kind == CALENDAR) != (draft.day_id is not None):
            raise Unprocessable(
                gettext(
                    "A day of the calendar belongs to rules of the kind “calendar”, and to those "
                    "alone; choose the day, or another kind"
                ),
                code="day_mismatch",
            )
        if draft.day_id is not None and session.get(OccasionDay, draft.day_id) is None:
            raise refusals.unknown(gettext("day of the calendar"), code="unknown_occasion_day")

    def _audit(
        self,
        session: Session,
        actor: Actor,
        verb: str,
        rule: OccasionRule,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.occasion_rule.{verb}",
            object_type="loyalty.occasion_rule",
            object_id=str(rule.id),
            before=before,
            after=after,
        )


def check_birthday(birthday: Mapping[str, Any]) -> dict[str, Any]:
    """A birthday as the columns of `OccasionDate`.

    Raises:
        Unprocessable: it is no day of its calendar (`invalid_birthday`).
    """
    calendar, month, day = birthday["calendar"], birthday["month"], birthday["day"]
    fits = calendar in CALENDARS and 1 <= month <= 12 and 1 <= day <= longest_month(calendar, month)
    if not fits:
        raise Unprocessable(
            gettext(
                "%(day)s.%(month)s. is no day of the calendar “%(calendar)s”; correct it",
                day=day,
                month=month,
                calendar=calendar,
            ),
            code="invalid_birthday",
        )
    return {
        "month": month,
        "day": day,
        "year": birthday.get("year"),
        "calendar": calendar,
        "set_at": datetime.fromisoformat(birthday["set_at"]),
    }


def is_claimable(grant: OccasionGrant, now: datetime) -> bool:
    """Whether a gift waits to be claimed at `now`."""
    return grant.state == "issued" and grant.valid_until is not None and now < grant.valid_until


def not_claimable_because(grant: OccasionGrant, now: datetime) -> str:
    """Why a gift cannot be claimed, for its member."""
    if grant.state == "claimed":
        return gettext("This gift was claimed already, and a gift comes once; enjoy it")
    if grant.state in ("issued", "lapsed") and grant.valid_until is not None:
        return gettext(
            "This gift could be claimed until %(day)s and is over; the next comes in a year",
            day=format_day(grant.valid_until.date()),
        )
    if grant.state == "planned" and grant.due_at is not None and grant.due_at > now:
        return gettext(
            "This gift is not there before %(day)s; come back then",
            day=format_day(grant.due_at.date()),
        )
    told = _WHY_NOT.get(grant.reason or "")
    if told is not None:
        return told()
    return gettext("This gift is not given at the moment; ask the shop if you expected it")


_WHY_NOT: dict[str, Callable[[], str]] = {
    "no_consent": lambda: gettext(
        "This gift needs your consent to the use of your birthday; give it to receive the gift"
    ),
    "guardian_consent_missing": lambda: gettext(
        "This gift needs the consent of a parent or guardian; ask them to give it"
    ),
    "set_too_late": lambda: gettext(
        "You told us this day too shortly before it came; the gift comes the next time"
    ),
    "too_soon": lambda: gettext(
        "Your last gift of this kind is less than a year ago; the next comes the next time"
    ),
    "too_late": lambda: gettext(
        "This gift should have come and did not; ask the shop, which sees that it was missed"
    ),
    "not_meant": lambda: gettext(
        "This gift was for other customers this time; look at your other gifts"
    ),
}


def _fields(draft: OccasionRuleDraft) -> dict[str, Any]:
    values = asdict(draft)
    values["texts"] = {locale: dict(texts) for locale, texts in draft.texts.items()}
    values["condition"] = dict(draft.condition) if draft.condition else None
    return values


def _snapshot(draft: OccasionRuleDraft) -> dict[str, Any]:
    return _jsonable(_fields(draft))


def _jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, uuid.UUID) else value
        for name, value in values.items()
    }
