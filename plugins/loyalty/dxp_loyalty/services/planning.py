"""The planner: keeps, for each member and rule, the rows of what is to be granted and when."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from dxp.api import Platform, dialect_insert
from dxp.contracts import Profiles
from dxp_loyalty.models import Member, OccasionDate, OccasionDay, OccasionGrant, OccasionRule
from dxp_loyalty.services.birthdays import DayOfYear, GiftRule, Occurrence, Recurring, plan
from dxp_loyalty.services.calendars import GREGORIAN
from dxp_loyalty.services.days import pattern_for
from dxp_loyalty.settings import LoyaltySettings

BIRTHDAY, SIGNUP, CALENDAR = "birthday", "signup", "calendar"
KINDS = (BIRTHDAY, SIGNUP, CALENDAR)
_REPLANNED = ("planned", "cancelled")
_ASKED_AGAIN = timedelta(days=30)
"""After so long a member is looked at again whose country kept none of the days."""


@dataclass(frozen=True, kw_only=True)
class _Occasion:
    """One rule for one member: what recurs, and since when it counts.

    Attributes:
        day: None where the member's country does not keep it.
        done: years that do not count, whatever else is known.
        origin_id: whose day it is, when a merge chose it for the member.
    """

    rule: OccasionRule
    day: Recurring | None
    set_at: datetime
    zone: ZoneInfo
    done: frozenset[int] = frozenset()
    origin_id: uuid.UUID | None = None


_Row = TypeVar("_Row", OccasionDate, Member)


class Planner:
    """Plans occasions in batches: a constant number of statements for each."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._settings = settings

    def plan_due(self, session: Session, *, limit: int = 500) -> int:
        """Plan for members whose turn it is; returns how many, 0 when all are done.

        Rows that another worker is at are left to it.
        """
        dates = self._due(session, OccasionDate, limit)
        self.plan(session, dates, keep_zones=True)
        members = self._due(session, Member, limit - len(dates))
        self.plan_members(session, members)
        return len(dates) + len(members)

    def plan(self, session: Session, dates: Sequence[OccasionDate], *, keep_zones: bool) -> None:
        """Bring the planned birthdays of these members in line with their dates and the rules.

        The rows of `dates` must be locked. What is issued, claimed, missed or skipped stays.

        Args:
            keep_zones: plans already made keep their zone; False when the date itself changed.
        """
        if not dates:
            return
        rules = self._rules(session, BIRTHDAY)
        wanted = {
            row.subject_id: [
                _Occasion(
                    rule=rule,
                    day=DayOfYear(month=row.month, day=row.day, calendar=row.calendar),
                    set_at=row.set_at,
                    zone=self.zone_of(row),
                    origin_id=row.origin_id,
                )
                for rule, _day in rules
            ]
            for row in dates
        }
        self._plan(session, dates, wanted, keep_zones=keep_zones)

    def plan_members(self, session: Session, members: Sequence[Member]) -> None:
        """The same for the occasions that need no date: the sign-up's anniversary, kept days.

        The rows of `members` must be locked. Zone and country are the member's of this moment,
        and of the moment of planning for what is planned.
        """
        if not members:
            return
        rules = self._rules(session, SIGNUP, CALENDAR)
        profiles = self._platform.services.find(Profiles)
        ids = [row.subject_id for row in members]
        known = {} if profiles is None or not rules else profiles.attributes(session, ids)
        wanted = {
            row.subject_id: [
                self._occasion_of(row, rule, day, known.get(row.subject_id, {}))
                for rule, day in rules
            ]
            for row in members
        }
        self._plan(session, members, wanted, keep_zones=True)

    def _occasion_of(
        self, row: Member, rule: OccasionRule, day: OccasionDay | None, profile: Mapping[str, Any]
    ) -> _Occasion:
        zone = self._zone(profile.get("timezone"))
        if day is not None:
            pattern = pattern_for(day.patterns, profile.get("country"))
            return _Occasion(rule=rule, day=pattern, set_at=row.joined_at, zone=zone)
        joined = row.joined_at.astimezone(zone).date()
        return _Occasion(
            rule=rule,
            day=DayOfYear(month=joined.month, day=joined.day, calendar=GREGORIAN),
            set_at=row.joined_at,
            zone=zone,
            # The day itself is no anniversary.
            done=frozenset({joined.year}),
        )

    def _due(self, session: Session, model: type[_Row], limit: int) -> Sequence[_Row]:
        if limit <= 0:
            return ()
        return session.scalars(
            select(model)
            .where(model.plan_at <= self._platform.clock.now())
            .order_by(model.plan_at, model.subject_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    @staticmethod
    def _rules(session: Session, *kinds: str) -> Sequence[tuple[OccasionRule, OccasionDay | None]]:
        rows = session.execute(
            select(OccasionRule, OccasionDay)
            .outerjoin(OccasionDay, OccasionDay.id == OccasionRule.day_id)
            .where(OccasionRule.kind.in_(kinds), OccasionRule.active.is_(True))
        )
        return [(rule, day) for rule, day in rows]

    def _plan(
        self,
        session: Session,
        rows: Sequence[OccasionDate] | Sequence[Member],
        wanted: Mapping[uuid.UUID, Sequence[_Occasion]],
        *,
        keep_zones: bool,
    ) -> None:
        now = self._platform.clock.now()
        known = self._grants(session, [row.subject_id for row in rows])
        added: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        for row in rows:
            look_at: list[datetime] = []
            for occasion in wanted[row.subject_id]:
                grants = known[row.subject_id, occasion.rule.id]
                moment = self._plan_one(
                    row.subject_id, occasion, grants, added, changed, now, keep_zones
                )
                if moment is not None:
                    look_at.append(moment)
            row.plan_at = min(look_at, default=None)
        if added:
            session.execute(dialect_insert(session, OccasionGrant).on_conflict_do_nothing(), added)
        _write(session, changed)
        session.flush()

    def cancel(
        self,
        session: Session,
        subject_ids: Collection[uuid.UUID],
        *,
        reason: str,
        kinds: Collection[str] = KINDS,
    ) -> None:
        """Cancel what is planned for members by rules of these kinds."""
        rules = select(OccasionRule.id).where(OccasionRule.kind.in_(kinds))
        session.execute(
            update(OccasionGrant)
            .where(
                OccasionGrant.subject_id.in_(subject_ids),
                OccasionGrant.state == "planned",
                OccasionGrant.rule_id.in_(rules),
            )
            .values(state="cancelled", reason=reason)
        )

    def zone_of(self, row: OccasionDate) -> ZoneInfo:
        """The member's zone, else the programme's."""
        return self._zone(row.timezone)

    def _zone(self, timezone: str | None) -> ZoneInfo:
        for name in (timezone, self._settings.timezone):
            if name:
                try:
                    return ZoneInfo(name)
                except (ZoneInfoNotFoundError, ValueError):
                    continue
        return ZoneInfo("UTC")

    @staticmethod
    def _plan_one(
        subject_id: uuid.UUID,
        occasion: _Occasion,
        grants: Sequence[OccasionGrant],
        added: list[dict[str, Any]],
        changed: list[dict[str, Any]],
        now: datetime,
        keep_zones: bool,
    ) -> datetime | None:
        """Plan one member under one rule, into `added` and `changed`; when to look again."""
        day, rule = occasion.day, occasion.rule
        calendar = None if day is None else day.calendar
        own = {grant.occurrence_year: grant for grant in grants if grant.calendar == calendar}
        open_rows = {year: grant for year, grant in own.items() if grant.state in _REPLANNED}
        zones = {
            year: ZoneInfo(grant.timezone)
            for year, grant in open_rows.items()
            if keep_zones and grant.state == "planned" and grant.timezone
        }
        found: Sequence[Occurrence] = ()
        look_at: datetime | None = now + _ASKED_AGAIN
        if day is not None:
            made = plan(
                day,
                set_at=occasion.set_at,
                zone=occasion.zone,
                rule=gift_rule(rule),
                now=now,
                done=(own.keys() - open_rows.keys()) | occasion.done,
                zones=zones,
            )
            found, look_at = made.occurrences, made.look_at
        wanted = {item.year for item in found}
        for item in found:
            values = _values(item, str(zones.get(item.year, occasion.zone)))
            values["origin_id"] = occasion.origin_id
            if item.year in open_rows:
                changed.append({"grant_id": open_rows[item.year].id, **values})
            else:
                added.append(
                    {
                        "rule_id": rule.id,
                        "subject_id": subject_id,
                        "calendar": calendar,
                        "occurrence_year": item.year,
                        **values,
                    }
                )
        for grant in grants:
            stale = grant.calendar != calendar or grant.occurrence_year not in wanted
            if grant.state == "planned" and stale:
                cancelled = {"state": "cancelled", "reason": "date_changed"}
                changed.append({"grant_id": grant.id, **_kept(grant), **cancelled})
        return look_at

    @staticmethod
    def _grants(
        session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> dict[tuple[uuid.UUID, uuid.UUID], list[OccasionGrant]]:
        rows = session.scalars(
            select(OccasionGrant)
            .where(OccasionGrant.subject_id.in_(subject_ids))
            .execution_options(populate_existing=True)
        )
        found: dict[tuple[uuid.UUID, uuid.UUID], list[OccasionGrant]] = defaultdict(list)
        for grant in rows:
            found[grant.subject_id, grant.rule_id].append(grant)
        return found


def gift_rule(rule: OccasionRule) -> GiftRule:
    """The part of a stored rule that decides about time."""
    return GiftRule(
        days_before=rule.days_before,
        days_after=rule.days_after,
        late_policy=rule.late_policy,
        leap_day=rule.leap_day,
        since=rule.created_at,
    )


def _values(item: Occurrence, zone: str) -> dict[str, Any]:
    return {
        "state": "skipped" if item.skipped else "planned",
        "reason": "set_too_late" if item.skipped else None,
        "occurs_on": item.occurs_on,
        "timezone": zone,
        "starts_at": item.starts_at,
        "ends_at": item.ends_at,
        "due_at": item.due_at,
    }


def _kept(grant: OccasionGrant) -> dict[str, Any]:
    return {
        "occurs_on": grant.occurs_on,
        "timezone": grant.timezone,
        "starts_at": grant.starts_at,
        "ends_at": grant.ends_at,
        "due_at": grant.due_at,
        "origin_id": grant.origin_id,
    }


def _write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Update rows that are still open; one that was issued meanwhile stands (rule 7)."""
    if not rows:
        return
    table = OccasionGrant.__table__
    names = [name for name in rows[0] if name != "grant_id"]
    statement = (
        update(OccasionGrant.__table__)  # type: ignore[arg-type]  # mapped to a plain Table
        .where(
            table.c.id == bindparam("grant_id"),
            # Spelt out: a statement for many rows takes no list of a length yet to be known.
            or_(*(table.c.state == state for state in _REPLANNED)),
        )
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    session.flush()
    session.connection().execute(
        statement,
        [
            {"grant_id": row["grant_id"], **{f"new_{name}": row[name] for name in names}}
            for row in rows
        ],
    )
