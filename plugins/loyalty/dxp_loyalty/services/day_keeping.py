"""The calendar of days that editors keep."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, Platform, gettext
from dxp_loyalty.models import OccasionDay, OccasionRule
from dxp_loyalty.services import refusals
from dxp_loyalty.services.birthdays import next_observed
from dxp_loyalty.services.days import check_patterns, pattern_for
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.services.membership import Membership


@dataclass(frozen=True, kw_only=True)
class DayDraft:
    """What editors say of a day; the fields of `OccasionDay`."""

    key: str
    texts: Mapping[str, Mapping[str, str]]
    patterns: Mapping[str, Mapping[str, Any]]


class Days:
    """The only writer of days of the calendar."""

    def __init__(self, platform: Platform, membership: Membership) -> None:
        self._platform = platform
        self._membership = membership

    def listed(self, session: Session) -> Sequence[OccasionDay]:
        """All days, by key."""
        return session.scalars(select(OccasionDay).order_by(OccasionDay.key)).all()

    def day(self, session: Session, day_id: uuid.UUID) -> OccasionDay:
        """A day.

        Raises:
            NotFound: there is no such day (`unknown_occasion_day`).
        """
        found = session.get(OccasionDay, day_id)
        if found is None:
            raise _unknown()
        return found

    def create(self, session: Session, draft: DayDraft, *, actor: Actor) -> OccasionDay:
        """Keep a day.

        Raises:
            Conflict: another day has the key (`occasion_day_key_taken`).
            Unprocessable: it is no day of a calendar (`invalid_day`).
        """
        day = OccasionDay(
            key=draft.key,
            texts=_plain(draft.texts),
            patterns=check_patterns(draft.patterns),
            created_at=self._platform.clock.now(),
        )
        taken = Conflict(
            gettext(
                "Another day has the key “%(key)s”, and keys are unique; choose another",
                key=draft.key,
            ),
            code="occasion_day_key_taken",
        )
        add_definition(session, day, taken=taken)
        self._audit(session, actor, "created", day, before=None)
        return day

    def edit(
        self,
        session: Session,
        day_id: uuid.UUID,
        draft: DayDraft,
        *,
        expected_version: int,
        actor: Actor,
    ) -> OccasionDay:
        """Change when a day is. What is planned is planned anew; issued gifts stand.

        Raises:
            NotFound: there is no such day.
            PreconditionFailed: it is no longer at `expected_version` (`rule_changed`).
            Unprocessable: it is no day of a calendar (`invalid_day`).
        """
        patterns = check_patterns(draft.patterns)
        day = lock_definition(session, OccasionDay, day_id, unknown=_unknown())
        if day.version != expected_version:
            raise refusals.rule_changed(actual=day.version, expected=expected_version)
        before = _snapshot(day)
        moved = patterns != day.patterns
        day.texts, day.patterns = _plain(draft.texts), patterns
        day.version += 1
        session.flush()
        if moved:
            self._membership.look_at_everybody(session)
        self._audit(session, actor, "updated", day, before=before)
        return day

    def remove(self, session: Session, day_id: uuid.UUID, *, actor: Actor) -> None:
        """Keep a day no longer.

        Raises:
            NotFound: there is no such day.
            Conflict: a rule gives something on it (`occasion_day_used`).
        """
        day = lock_definition(session, OccasionDay, day_id, unknown=_unknown())
        if session.scalar(select(exists().where(OccasionRule.day_id == day_id))):
            raise Conflict(
                gettext(
                    "“%(key)s” cannot be removed, because a rule gives something on this day; "
                    "let the rule have another day first",
                    key=day.key,
                ),
                code="occasion_day_used",
            )
        self._audit(session, actor, "removed", day, before=_snapshot(day), after=None)
        session.delete(day)
        session.flush()

    def next_dates(self, day: OccasionDay, today: date, *, count: int = 3) -> dict[str, list[date]]:
        """The next dates by country, so that editors see what they wrote."""
        found: dict[str, list[date]] = {}
        for country in day.patterns:
            pattern, since = pattern_for(day.patterns, country), today
            found[country] = []
            while pattern is not None and len(found[country]) < count:
                coming = next_observed(pattern, since)
                if coming is None:
                    break
                found[country].append(coming)
                since = date.fromordinal(coming.toordinal() + 1)
        return found

    def _audit(
        self,
        session: Session,
        actor: Actor,
        verb: str,
        day: OccasionDay,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | bool | None = True,
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.occasion_day.{verb}",
            object_type="loyalty.occasion_day",
            object_id=str(day.id),
            before=before,
            after=_snapshot(day) if after is True else None,
        )


def _unknown() -> Any:
    return refusals.unknown(gettext("day of the calendar"), code="unknown_occasion_day")


def _plain(texts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {locale: dict(values) for locale, values in texts.items()}


def _snapshot(day: OccasionDay) -> dict[str, Any]:
    return {"key": day.key, "texts": day.texts, "patterns": day.patterns}
