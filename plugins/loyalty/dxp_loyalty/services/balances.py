"""Reading balances."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from dxp.api import Platform, Subject
from dxp.contracts import Balance
from dxp_loyalty.models import Account, Entry, Lot, WalletDefinition
from dxp_loyalty.services.accounts import is_spendable
from dxp_loyalty.settings import LoyaltySettings


@dataclass(frozen=True, kw_only=True)
class Expiring:
    """Points that can be spent only until `expires_at`."""

    points: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Wallet:
    """One wallet of a member, as its owner sees it.

    Attributes:
        seq: number of the last entry.
        texts: its `name` and `description` by locale, where staff gave it any.
    """

    balance: Balance
    seq: int
    expiring: Sequence[Expiring]
    texts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def validator(self) -> str:
        """An ETag: the number of the last entry, and what can change without one."""
        balance = self.balance
        return f"{self.seq}-{balance.available}-{balance.pending}-{balance.held}-{balance.debt}"


class PointsService:
    """`dxp.contracts.Points`, and the wallets of one member."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._settings = settings

    def balances(
        self, session: Session, subject_ids: Sequence[uuid.UUID]
    ) -> Mapping[uuid.UUID, Balance]:
        """The main wallet of each subject that has one, in one query."""
        if not subject_ids:
            return {}
        rows = session.execute(
            _balances(self._platform.clock.now()).where(
                Account.subject_id.in_(list(subject_ids)),
                Account.wallet == self._settings.wallet,
            )
        )
        return {account.subject_id: _balance(account, a, p) for account, a, p in rows}

    def wallets(self, session: Session, subject_id: uuid.UUID) -> list[Wallet]:
        """All wallets of a member; the main one and those that are defined also while empty."""
        now = self._platform.clock.now()
        rows = session.execute(
            _balances(now).where(Account.subject_id == subject_id).order_by(Account.wallet)
        ).all()
        expiring = self._expiring(session, [account.id for account, _a, _p in rows], now)
        defined = {row.key: row for row in session.scalars(select(WalletDefinition))}
        found = {
            account.wallet: Wallet(
                balance=_balance(account, available, pending),
                seq=account.seq,
                expiring=expiring.get(account.id, ()),
                texts=defined[account.wallet].texts if account.wallet in defined else {},
            )
            for account, available, pending in rows
        }
        for key in [self._settings.wallet, *defined]:
            shown = key == self._settings.wallet or defined[key].active
            if shown and key not in found:
                texts = defined[key].texts if key in defined else {}
                empty = Balance(wallet=key, available=0)
                found[key] = Wallet(balance=empty, seq=0, expiring=(), texts=texts)
        # The main one comes first.
        return [found[key] for key in sorted(found, key=lambda key: (key != self._main, key))]

    @property
    def _main(self) -> str:
        return self._settings.wallet

    def _expiring(
        self, session: Session, account_ids: Sequence[uuid.UUID], now: datetime
    ) -> dict[uuid.UUID, list[Expiring]]:
        soon = now + timedelta(days=self._settings.warn_days)
        rows = session.execute(
            select(Lot.account_id, Lot.expires_at, func.sum(Lot.remaining - Lot.held))
            .where(Lot.account_id.in_(account_ids), is_spendable(now), Lot.expires_at <= soon)
            .group_by(Lot.account_id, Lot.expires_at)
            .order_by(Lot.expires_at)
        )
        found: dict[uuid.UUID, list[Expiring]] = {}
        for account_id, expires_at, points in rows:
            assert expires_at is not None
            found.setdefault(account_id, []).append(
                Expiring(points=int(points), expires_at=expires_at)
            )
        return found


def earned_totals(
    session: Session, subject_ids: Sequence[uuid.UUID], *, wallet: str
) -> dict[uuid.UUID, int]:
    """Points issued to members over their lives, those of merged members with them.

    What was earned in somebody else's account, before a merge was undone, counts for whose it is.
    """
    if not subject_ids:
        return {}
    subjects = list(subject_ids)
    owner, origin = aliased(Subject), aliased(Subject)
    of_owner = func.coalesce(owner.merged_into_id, owner.id)
    of_origin = func.coalesce(origin.merged_into_id, origin.id)
    mine = or_(owner.id.in_(subjects), owner.merged_into_id.in_(subjects))
    theirs = or_(origin.id.in_(subjects), origin.merged_into_id.in_(subjects))
    totals: dict[uuid.UUID, int] = defaultdict(int)
    accounts = (
        select(of_owner, func.sum(Account.earned))
        .join(owner, owner.id == Account.subject_id)
        .where(mine, Account.wallet == wallet)
        .group_by(of_owner)
    )
    for subject_id, points in session.execute(accounts):
        totals[subject_id] += int(points)
    strays = (
        select(of_owner, of_origin, func.sum(Entry.amount))
        .join(Account, Account.id == Entry.account_id)
        .join(owner, owner.id == Account.subject_id)
        .join(origin, origin.id == Entry.origin_id)
        .where(
            Entry.origin_id.is_not(None),
            Entry.contra == "issued",
            Account.wallet == wallet,
            of_owner != of_origin,
            or_(mine, theirs),
        )
        .group_by(of_owner, of_origin)
    )
    for owner_id, origin_id, points in session.execute(strays):
        totals[owner_id] -= int(points)
        totals[origin_id] += int(points)
    return {subject_id: totals[subject_id] for subject_id in subjects if subject_id in totals}


def next_moments(
    session: Session, subject_ids: Sequence[uuid.UUID], now: datetime, *, wallet: str
) -> dict[uuid.UUID, datetime]:
    """When, after `now`, the points that members can spend next change by time alone."""
    moments = [
        select(Account.subject_id.label("subject_id"), func.min(moment).label("at"))
        .join(Lot, Lot.account_id == Account.id)
        .where(
            Account.subject_id.in_(subject_ids),
            Account.wallet == wallet,
            Lot.remaining > Lot.held,
            moment > now,
        )
        .group_by(Account.subject_id)
        for moment in (Lot.available_at, Lot.expires_at)
    ]
    both = union_all(*moments).subquery()
    rows = session.execute(
        select(both.c.subject_id, func.min(both.c.at)).group_by(both.c.subject_id)
    )
    return dict(rows.all())


def available_points(session: Session, account_id: uuid.UUID, now: datetime) -> int:
    """Points of an account that can be spent at `now`."""
    total = select(func.coalesce(func.sum(Lot.remaining - Lot.held), 0))
    return int(session.scalar(total.where(Lot.account_id == account_id, is_spendable(now))) or 0)


def balance_as_of(session: Session, account_id: uuid.UUID, moment: datetime) -> int:
    """The balance of an account after all that had happened by `moment`."""
    total = select(func.coalesce(func.sum(Entry.amount), 0))
    total = total.where(Entry.account_id == account_id, Entry.effective_at <= moment)
    return int(session.scalar(total) or 0)


def _balances(now: datetime) -> Select[Account, int, int]:
    """Accounts with what can be spent and what is pending, in one pass over their open lots."""
    points = Lot.remaining - Lot.held
    pending = Lot.available_at > now
    return (
        select(
            Account,
            _sum(case((is_spendable(now), points), else_=0)),
            _sum(case((pending, points), else_=0)),
        )
        .outerjoin(Lot, and_(Lot.account_id == Account.id, Lot.remaining > 0))
        .group_by(*Account.__table__.columns)
    )


def _sum(points: ColumnElement[int]) -> ColumnElement[int]:
    # PostgreSQL sums BIGINT to NUMERIC, which would come back as Decimal.
    return cast(func.coalesce(func.sum(points), 0), BigInteger)


def _balance(account: Account, available: int, pending: int) -> Balance:
    return Balance(
        wallet=account.wallet,
        available=available,
        pending=pending,
        held=account.held,
        debt=account.debt,
    )
