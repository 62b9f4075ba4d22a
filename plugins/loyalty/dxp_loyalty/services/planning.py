"""The planner: keeps, for each member and rule, the rows of what is to be granted and when."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from dxp.api import Platform, dialect_insert
from dxp_loyalty.models import OccasionDate, OccasionGrant, OccasionRule
from dxp_loyalty.services.birthdays import DayOfYear, GiftRule, Occurrence, plan
from dxp_loyalty.settings import LoyaltySettings

_REPLANNED = ("planned", "cancelled")


class Planner:
    """Plans birthdays in batches: a constant number of statements for each."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._settings = settings

    def plan_due(self, session: Session, *, limit: int = 500) -> int:
        """Plan for members whose turn it is; returns how many, 0 when all are done.

        Rows that another worker is at are left to it.
        """
        now = self._platform.clock.now()
        dates = session.scalars(
            select(OccasionDate)
            .where(OccasionDate.plan_at <= now)
            .order_by(OccasionDate.plan_at, OccasionDate.subject_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
        self.plan(session, dates, keep_zones=True)
        return len(dates)

    def plan(self, session: Session, dates: Sequence[OccasionDate], *, keep_zones: bool) -> None:
        """Bring the planned rows of these members in line with their dates and the rules.

        The rows of `dates` must be locked. What is issued, claimed, missed or skipped stays.

        Args:
            keep_zones: plans already made keep their zone; False when the date itself changed.
        """
        if not dates:
            return
        now = self._platform.clock.now()
        rules = session.scalars(
            select(OccasionRule).where(
                OccasionRule.kind == "birthday", OccasionRule.active.is_(True)
            )
        ).all()
        known = self._grants(session, [row.subject_id for row in dates])
        added: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        for row in dates:
            look_at: list[datetime] = []
            for rule in rules:
                grants = known[row.subject_id, rule.id]
                moment = self._plan_one(row, rule, grants, added, changed, now, keep_zones)
                if moment is not None:
                    look_at.append(moment)
            row.plan_at = min(look_at, default=None)
        if added:
            session.execute(dialect_insert(session, OccasionGrant).on_conflict_do_nothing(), added)
        _write(session, changed)
        session.flush()

    def cancel(self, session: Session, subject_ids: Collection[uuid.UUID], *, reason: str) -> None:
        """Cancel all that is planned for members."""
        session.execute(
            update(OccasionGrant)
            .where(OccasionGrant.subject_id.in_(subject_ids), OccasionGrant.state == "planned")
            .values(state="cancelled", reason=reason)
        )

    def zone_of(self, row: OccasionDate) -> ZoneInfo:
        """The member's zone, else the programme's."""
        for name in (row.timezone, self._settings.timezone):
            if name:
                try:
                    return ZoneInfo(name)
                except (ZoneInfoNotFoundError, ValueError):
                    continue
        return ZoneInfo("UTC")

    def _plan_one(
        self,
        row: OccasionDate,
        rule: OccasionRule,
        grants: Sequence[OccasionGrant],
        added: list[dict[str, Any]],
        changed: list[dict[str, Any]],
        now: datetime,
        keep_zones: bool,
    ) -> datetime | None:
        """Plan one member under one rule, into `added` and `changed`; when to look again."""
        own = {grant.occurrence_year: grant for grant in grants if grant.calendar == row.calendar}
        open_rows = {year: grant for year, grant in own.items() if grant.state in _REPLANNED}
        zones = {
            year: ZoneInfo(grant.timezone)
            for year, grant in open_rows.items()
            if keep_zones and grant.state == "planned" and grant.timezone
        }
        zone = self.zone_of(row)
        made = plan(
            DayOfYear(month=row.month, day=row.day, calendar=row.calendar),
            set_at=row.set_at,
            zone=zone,
            rule=gift_rule(rule),
            now=now,
            done=own.keys() - open_rows.keys(),
            zones=zones,
        )
        wanted = {item.year: item for item in made.occurrences}
        for item in made.occurrences:
            values = _values(item, str(zones.get(item.year, zone)))
            if item.year in open_rows:
                changed.append({"grant_id": open_rows[item.year].id, **values})
            else:
                added.append(
                    {
                        "rule_id": rule.id,
                        "subject_id": row.subject_id,
                        "calendar": row.calendar,
                        "occurrence_year": item.year,
                        **values,
                    }
                )
        for grant in grants:
            stale = grant.calendar != row.calendar or grant.occurrence_year not in wanted
            if grant.state == "planned" and stale:
                cancelled = {"state": "cancelled", "reason": "date_changed"}
                changed.append({"grant_id": grant.id, **_kept(grant), **cancelled})
        return made.look_at

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
