"""When points end: the policies of the wallets, and the warnings ahead."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, Uuid, bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    FieldError,
    NewEvent,
    Platform,
    Subject,
    Unprocessable,
    UtcDateTime,
    dialect_insert,
    gettext,
)
from dxp_loyalty.events import PointsExpiring
from dxp_loyalty.models import Account, ExpiryPolicy, ExpiryWarning, Lot
from dxp_loyalty.services import refusals
from dxp_loyalty.services.entries import table_of
from dxp_loyalty.services.months import DAY, add_months, end_of_month, local_day, midnight
from dxp_loyalty.settings import LoyaltySettings

PolicyKind = Literal["never", "days", "end_of_month", "inactivity"]
POLICY_KINDS: tuple[PolicyKind, ...] = ("never", "days", "end_of_month", "inactivity")
WARN_DAYS = (30, 7)
"""Days ahead at which members are told of wallets without a policy of their own."""
MAX_LENGTH = {"never": 0, "days": 3660, "end_of_month": 120, "inactivity": 120}
_POLICIES = "loyalty_expiry_policies"


@dataclass(frozen=True, kw_only=True)
class PolicyDraft:
    """What staff say of a wallet: fields of `ExpiryPolicy`."""

    kind: PolicyKind = "never"
    length: int = 0
    warn_days: Sequence[int] = WARN_DAYS


class ExpiryPolicies:
    """The only writer of policies and warnings, and of ends that move."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._settings = settings

    def policy(self, session: Session, wallet: str) -> ExpiryPolicy | None:
        """The policy of a wallet; None: its points never end by themselves."""
        return self._policies(session).get(wallet)

    def save(
        self,
        session: Session,
        wallet: str,
        draft: PolicyDraft,
        *,
        expected_version: int | None,
        actor: Actor,
    ) -> ExpiryPolicy:
        """Put a policy in force for points to come; those that are there keep their ends.

        Raises:
            PreconditionFailed: somebody else edited it meanwhile (`policy_changed`).
            Unprocessable: the length or the days do not fit (`invalid_policy`).
        """
        _check(draft)
        policy = session.scalars(
            select(ExpiryPolicy)
            .where(ExpiryPolicy.wallet == wallet)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if (None if policy is None else policy.version) != expected_version:
            raise refusals.policy_changed()
        before = None if policy is None else _fields(policy)
        if policy is None:
            policy = ExpiryPolicy(wallet=wallet, version=0)
            session.add(policy)
        policy.kind = draft.kind
        policy.length = 0 if draft.kind == "never" else draft.length
        policy.warn_days = sorted(set(draft.warn_days), reverse=True)
        policy.version += 1
        policy.edited_at = self._platform.clock.now()
        session.flush()
        session.info.pop(_POLICIES, None)
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.expiry.edited",
            object_type="loyalty.expiry",
            object_id=wallet,
            before=before,
            after=_fields(policy),
        )
        return policy

    def end_of(
        self, session: Session, account: Account, issued_at: datetime
    ) -> tuple[datetime | None, bool]:
        """When points end that are issued to an account, and whether that moves with activity."""
        policy = self.policy(session, account.wallet)
        if policy is None or policy.kind == "never":
            return None, False
        ends = self._end(policy, issued_at)
        if policy.kind != "inactivity":
            return ends, False
        # What is told late happened before the activity that the other points already follow.
        latest = session.scalar(
            select(func.max(Lot.expires_at)).where(
                Lot.account_id == account.id, Lot.follows_activity, Lot.remaining > 0
            )
        )
        return (ends if latest is None else max(ends, latest)), True

    def follow_activity(
        self, session: Session, active: Collection[tuple[Account, datetime]]
    ) -> None:
        """Members earned or spent: move the ends of all their points that follow it.

        What has ended stays ended, be the expiry job late or not.
        """
        moves = [
            {"of_account": account.id, "ends": self._end(policy, moment), "now": self._now}
            for account, moment in sorted(active, key=lambda item: item[0].id)
            if (policy := self.policy(session, account.wallet)) is not None
            and policy.kind == "inactivity"
        ]
        if moves:
            session.connection().execute(_MOVE_ENDS, moves)

    def warn(self, session: Session, *, limit: int = 500) -> int:
        """Tell members whose points end soon, once for each moment and number of days ahead.

        Each end lies in one band of days, so that whoever could not be told in time is told of
        the nearest number of days only.

        Returns:
            how many were told. Repeat until it is less than `limit`.
        """
        told = 0
        policies = self._policies(session)
        bands: list[tuple[Any, Sequence[int]]] = [
            (Account.wallet == wallet, policy.warn_days) for wallet, policy in policies.items()
        ]
        bands.append((Account.wallet.not_in(list(policies)), WARN_DAYS))
        for of_wallet, warn_days in bands:
            nearest = 0
            for days in sorted(warn_days):
                query = _unwarned(self._now, nearest, days).where(of_wallet)
                rows = session.execute(query.limit(limit - told)).all()
                told += self._tell(session, rows, days)
                if told >= limit:
                    return told
                nearest = days
        return told

    @property
    def _now(self) -> datetime:
        return self._platform.clock.now()

    def _end(self, policy: ExpiryPolicy, moment: datetime) -> datetime:
        zone = self._settings.timezone
        day = local_day(moment, zone)
        if policy.kind == "days":
            last = day + policy.length * DAY
        elif policy.kind == "end_of_month":
            last = end_of_month(add_months(day.replace(day=1), policy.length))
        else:
            last = add_months(day, policy.length)
        return midnight(last + DAY, zone)

    def _policies(self, session: Session) -> Mapping[str, ExpiryPolicy]:
        """By wallet, read once in a transaction."""
        known = session.info.get(_POLICIES)
        if known is not None and known[0] is session.get_transaction():
            policies: Mapping[str, ExpiryPolicy] = known[1]
            return policies
        found = {row.wallet: row for row in session.scalars(select(ExpiryPolicy))}
        session.info[_POLICIES] = (session.get_transaction(), found)
        return found

    def _tell(self, session: Session, rows: Sequence[Any], days: int) -> int:
        if not rows:
            return 0
        now = self._now
        insert = (
            dialect_insert(session, table_of(ExpiryWarning))
            .on_conflict_do_nothing()
            .returning(ExpiryWarning.account_id, ExpiryWarning.expires_at)
        )
        written = session.connection().execute(
            insert,
            [
                {
                    "account_id": row.account_id,
                    "expires_at": row.expires_at,
                    "days": days,
                    "points": int(row.points),
                    "told_at": now,
                }
                for row in rows
            ],
        )
        mine = {(account_id, expires_at) for account_id, expires_at in written}
        events = []
        for row in rows:
            if (row.account_id, row.expires_at) not in mine:
                continue
            payload = PointsExpiring(
                wallet=row.wallet,
                points=int(row.points),
                expires_at=row.expires_at.isoformat(),
                days=days,
            )
            events.append(
                NewEvent(type=payload.type, data=payload.as_data(), subject_id=row.subject_id)
            )
        self._platform.events.publish_many(session, events)
        return len(rows)


def accounts_with_overdue_lots(
    session: Session, now: datetime, *, limit: int
) -> Sequence[uuid.UUID]:
    """Accounts with expired lots that no hold has wholly, at most `limit` of them."""
    return session.scalars(
        select(Lot.account_id)
        .where(Lot.expires_at <= now, Lot.remaining > Lot.held)
        .group_by(Lot.account_id)
        .limit(limit)
    ).all()


@dataclass(frozen=True, kw_only=True)
class ExpiringMonth:
    """Points that end in a number of days from now, and of how many members."""

    days: int
    points: int
    members: int


def expiring_soon(
    session: Session, now: datetime, *, days: Sequence[int] = (7, 30, 90, 365)
) -> list[ExpiringMonth]:
    """What ends within some numbers of days, each with all before it."""
    found = []
    for number in days:
        points, members = session.execute(
            select(
                func.coalesce(func.sum(Lot.remaining - Lot.held), 0),
                func.count(Lot.account_id.distinct()),
            ).where(
                Lot.expires_at > now,
                Lot.expires_at <= now + timedelta(days=number),
                Lot.remaining > Lot.held,
            )
        ).one()
        found.append(ExpiringMonth(days=number, points=int(points), members=members))
    return found


def _unwarned(now: datetime, nearest: int, days: int) -> Select[Any, Any, Any, Any, Any]:
    """Points that end in more than `nearest` and at most `days` days, and nobody was told so."""
    points = func.sum(Lot.remaining - Lot.held)
    told = exists().where(
        ExpiryWarning.account_id == Lot.account_id,
        ExpiryWarning.expires_at == Lot.expires_at,
        ExpiryWarning.days == days,
    )
    return (
        select(
            Lot.account_id,
            Lot.expires_at,
            points.label("points"),
            Account.subject_id,
            Account.wallet,
        )
        .join(Account, Account.id == Lot.account_id)
        .join(Subject, Subject.id == Account.subject_id)
        .where(
            Lot.expires_at > now + timedelta(days=nearest),
            Lot.expires_at <= now + timedelta(days=days),
            Lot.remaining > Lot.held,
            Subject.erased_at.is_(None),
            ~told,
        )
        .group_by(Lot.account_id, Lot.expires_at, Account.subject_id, Account.wallet)
        .order_by(Lot.expires_at, Lot.account_id)
    )


def _check(draft: PolicyDraft) -> None:
    faults = []
    if draft.kind != "never" and not 1 <= draft.length <= MAX_LENGTH[draft.kind]:
        faults.append(
            FieldError(
                pointer="/length",
                code="out_of_range",
                detail=gettext("It lies between 1 and %(most)s.", most=MAX_LENGTH[draft.kind]),
            )
        )
    if len(draft.warn_days) > 5 or not all(1 <= day <= 365 for day in draft.warn_days):
        faults.append(
            FieldError(
                pointer="/warn_days",
                code="out_of_range",
                detail=gettext("At most five numbers of days, from 1 to 365."),
            )
        )
    if faults:
        raise Unprocessable(
            gettext("The policy cannot be used as it is; mend the fields named in errors"),
            code="invalid_policy",
            errors=faults,
        )


def _fields(policy: ExpiryPolicy) -> dict[str, Any]:
    return {"kind": policy.kind, "length": policy.length, "warn_days": policy.warn_days}


def _move_ends() -> Any:
    lot = table_of(Lot)
    ends = bindparam("ends", type_=UtcDateTime())
    return (
        update(lot)
        .where(
            lot.c.account_id == bindparam("of_account", type_=Uuid()),
            lot.c.follows_activity,
            lot.c.remaining > 0,
            lot.c.expires_at > bindparam("now", type_=UtcDateTime()),
            lot.c.expires_at < ends,
        )
        .values(expires_at=ends)
    )


_MOVE_ENDS = _move_ends()
