"""Figures of the programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import BigInteger, case, cast, func, select
from sqlalchemy.orm import Session

from dxp_loyalty.models import Account, Entry


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The programme's points.

    Attributes:
        members: accounts that ever had an entry.
        liability: points that members may still spend, pending and held ones included.
        issued, spent, expired: over the programme's life, each as a positive number; what was
            taken back is deducted.
    """

    members: int
    liability: int
    issued: int
    spent: int
    expired: int


@dataclass(frozen=True, kw_only=True)
class Month:
    """Points issued and spent in one calendar month (UTC), by when it happened."""

    first: date
    issued: int
    spent: int


def totals(session: Session) -> Totals:
    """Sums over the accounts and the entries: two queries."""
    members, liability = session.execute(
        select(
            func.count(),
            cast(func.coalesce(func.sum(Account.posted + Account.debt), 0), BigInteger),
        ).where(Account.seq > 0)
    ).one()
    sums = {
        contra: int(points)
        for contra, points in session.execute(
            select(Entry.contra, func.sum(Entry.amount)).group_by(Entry.contra)
        )
    }
    return Totals(
        members=members,
        liability=liability,
        issued=sums.get("issued", 0) + max(sums.get("adjusted", 0), 0),
        spent=-sums.get("spent", 0),
        expired=-sums.get("expired", 0),
    )


def months(session: Session, now: datetime, *, count: int = 12) -> Sequence[Month]:
    """The last `count` calendar months that saw points move, up to `now`, oldest first.

    Months without movement are there too, with zeros.
    """
    latest = session.scalar(select(func.max(Entry.effective_at)).where(Entry.effective_at <= now))
    if latest is None:
        return ()
    firsts = _firsts(latest.date(), count)
    since = datetime(firsts[0].year, firsts[0].month, 1, tzinfo=now.tzinfo)
    year = func.extract("year", Entry.effective_at)
    month = func.extract("month", Entry.effective_at)
    rows = session.execute(
        select(
            year,
            month,
            func.sum(case((Entry.contra == "issued", Entry.amount), else_=0)),
            func.sum(case((Entry.contra == "spent", -Entry.amount), else_=0)),
        )
        .where(Entry.effective_at >= since, Entry.effective_at <= now)
        .group_by(year, month)
    )
    found = {(int(y), int(m)): (int(issued), int(spent)) for y, m, issued, spent in rows}
    return [
        Month(
            first=first,
            issued=found.get((first.year, first.month), (0, 0))[0],
            spent=found.get((first.year, first.month), (0, 0))[1],
        )
        for first in firsts
    ]


def _firsts(last: date, count: int) -> list[date]:
    day = last.replace(day=1)
    days = [day]
    while len(days) < count:
        day = (day - timedelta(days=1)).replace(day=1)
        days.append(day)
    return days[::-1]
