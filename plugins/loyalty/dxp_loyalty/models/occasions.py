"""Occasions: their rules, members' dates, and what was granted."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id, Points


class OccasionDay(Base):
    """A day of the calendar that editors keep, such as Nowruz or Mother's Day.

    Attributes:
        texts: `name` by locale.
        patterns: when it is, by country; `*` for all others (`services/days.py`).
        version: grows with each edit.
    """

    __tablename__ = "loyalty_occasion_day"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    texts: Mapped[dict[str, Any]]
    patterns: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class OccasionRule(Base):
    """What a programme gives on an occasion.

    Attributes:
        kind: `birthday`, `signup` (the anniversary of becoming a customer) or `calendar`.
        day_id: the day of the calendar, for that kind alone.
        condition: whom it is for, asked on the day; None: everybody.
        texts: `name` by locale, shown to members.
        points, reward_id: the gift: points, a free piece of a reward, or both.
        days_before, days_after: how far the gift's window reaches around the day.
        minimum_days: a gift stays valid for at least so many days after it was issued.
        late_policy: for a date told too late: `delay`, `skip` or `immediate`.
        leap_day: in common years 29 February is observed on `february_28` or `march_1`.
        minimum_age: below a known age a guardian's consent is needed; None: no limit.
        version: grows with each edit.
    """

    __tablename__ = "loyalty_occasion_rule"
    __table_args__ = (
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("points > 0 OR reward_id IS NOT NULL", name="gift"),
        CheckConstraint("days_before >= 0 AND days_after >= 0 AND minimum_days >= 0", name="days"),
        CheckConstraint("late_policy IN ('delay', 'skip', 'immediate')", name="late_policy"),
        CheckConstraint("leap_day IN ('february_28', 'march_1')", name="leap_day"),
        CheckConstraint("kind IN ('birthday', 'signup', 'calendar')", name="kind"),
        CheckConstraint("(kind = 'calendar') = (day_id IS NOT NULL)", name="day"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(20), default="birthday")
    day_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_occasion_day.id"))
    condition: Mapped[dict[str, Any] | None]
    active: Mapped[bool] = mapped_column(default=True)
    texts: Mapped[dict[str, Any]]
    points: Mapped[Points] = mapped_column(default=0)
    reward_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_reward.id"))
    days_before: Mapped[int]
    days_after: Mapped[int]
    minimum_days: Mapped[int]
    late_policy: Mapped[str] = mapped_column(String(10))
    leap_day: Mapped[str] = mapped_column(String(12))
    minimum_age: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class Member(Base):
    """Somebody who became a customer, for the occasions that need no date of their own.

    Attributes:
        joined_at: when they became a customer; its anniversary is an occasion.
        paused: everything stops, reversibly: the member is known to have died.
        plan_at: when the planner has to look at them next; None: never, as things stand.
    """

    __tablename__ = "loyalty_member"
    __table_args__ = (Index(None, "plan_at"),)

    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    joined_at: Mapped[datetime]
    paused: Mapped[bool] = mapped_column(default=False)
    plan_at: Mapped[datetime | None]


class OccasionDate(Base):
    """A member's birthday, as the programme uses it.

    Attributes:
        month, day, year: in `calendar`; the year may be unknown.
        origin_id: whose birthday it is, when a merge chose it for this member; gifts that it
            brings are that one's when the merge is undone.
        timezone: the member's own, if known.
        plan_at: when the planner has to look at it next; None: never, as things stand.
    """

    __tablename__ = "loyalty_occasion_date"
    __table_args__ = (
        CheckConstraint("month BETWEEN 1 AND 12", name="month"),
        CheckConstraint("day BETWEEN 1 AND 31", name="day"),
        CheckConstraint("calendar IN ('gregorian', 'jalali', 'hijri_umalqura')", name="calendar"),
        Index(None, "plan_at"),
    )

    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    month: Mapped[int]
    day: Mapped[int]
    year: Mapped[int | None]
    calendar: Mapped[str] = mapped_column(String(16))
    set_at: Mapped[datetime]
    timezone: Mapped[str | None] = mapped_column(String(64))
    plan_at: Mapped[datetime | None]


class OccasionGrant(Base):
    """One occasion of one member: planned, then issued or not, with the reason.

    Its id is random, not time-ordered, and ledger entries name it: nothing that outlives an
    erasure tells when it was made.

    Attributes:
        subject_id: the root member, after merges; `origin_id` is whose it was before.
        occurrence_year: in `calendar`; with it the key is unique, so that a gift comes once.
        state: `planned`, `issued`, `claimed`, `missed`, `skipped`, `cancelled`, `revoked` or
            `lapsed`.
        reason: a code that tells why it is not, or not yet, issued.
        occurs_on: the day as observed in that year.
        starts_at, ends_at: the window around the day.
        due_at: when it is issued: `starts_at`, or later when the date was told late.
        valid_until: until when an issued gift can be claimed.
        points, reward_id: the gift as it was when it was issued.
    """

    __tablename__ = "loyalty_occasion_grant"
    __table_args__ = (
        UniqueConstraint("rule_id", "subject_id", "calendar", "occurrence_year"),
        CheckConstraint(
            "state IN ('planned', 'issued', 'claimed', 'missed', 'skipped', 'cancelled', "
            "'revoked', 'lapsed')",
            name="state",
        ),
        Index(None, "state", "due_at"),
        Index(None, "subject_id", "state"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_occasion_rule.id"))
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    origin_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    calendar: Mapped[str] = mapped_column(String(16))
    occurrence_year: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="planned")
    reason: Mapped[str | None] = mapped_column(String(40))
    occurs_on: Mapped[date | None]
    timezone: Mapped[str | None] = mapped_column(String(64))
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    issued_at: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    points: Mapped[Points] = mapped_column(default=0)
    reward_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("loyalty_reward.id"))
