"""Redeeming rewards: authorise, capture, void.

Locks are taken in one order: account, hold, lots, the member's counter, the reward last, so
that the row everybody wants is held for the shortest time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from dxp.api import Actor, CustomerActor, Platform, SystemActor, dialect_insert, gettext
from dxp_loyalty.events import RewardRedeemed
from dxp_loyalty.models import (
    Account,
    CouponCode,
    Hold,
    OccasionGrant,
    Reward,
    RewardCounter,
    RewardVersion,
)
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import (
    lock_accounts,
    lock_of_subject,
    open_account,
    used_elsewhere,
)
from dxp_loyalty.services.holds import Holds, overdue_holds
from dxp_loyalty.services.rewards import Rewards, inactive_because, window_key
from dxp_loyalty.settings import LoyaltySettings

RELEASER = SystemActor(name="loyalty.holds")


class Redemptions:
    """A member's way to a reward."""

    def __init__(
        self, platform: Platform, settings: LoyaltySettings, holds: Holds, rewards: Rewards
    ) -> None:
        self._platform = platform
        self._settings = settings
        self.holds = holds
        self.rewards = rewards

    def authorise(
        self,
        session: Session,
        *,
        subject_id: uuid.UUID,
        reward_id: uuid.UUID,
        cart_ref: str | None = None,
    ) -> Hold:
        """Set aside the points and one piece of a reward.

        Raises:
            NotFound: there is no such member or reward.
            Unprocessable: `not_active`, `insufficient_points`, `limit_reached`, `out_of_stock`.
        """
        reward, version = self.rewards.current(session, reward_id)
        now = self._platform.clock.now()
        why_not = inactive_because(reward, version, now)
        if why_not is not None:
            raise refusals.not_active(why_not)
        account = lock_of_subject(session, subject_id, wallet=self._settings.wallet)
        if account is None:
            self._platform.subjects.get(session, subject_id)
            raise refusals.insufficient_points(available=0, needed=version.cost)
        hold = self.holds.open(
            session,
            account,
            version.cost,
            reward_id=reward.id,
            reward_version_id=version.id,
            window_key=window_key(version.limit_window, now),
            lifetime=timedelta(minutes=self._settings.hold_minutes),
            cart_ref=cart_ref,
            origin_id=None if account.subject_id == subject_id else subject_id,
        )
        self._count(session, hold, limit=version.per_member)
        self._reserve(session, reward.id)
        return hold

    def give(
        self, session: Session, grant: OccasionGrant, *, reward_id: uuid.UUID, actor: Actor
    ) -> Hold:
        """Give one piece of a reward as a gift: no points, but the stock counts it.

        Raises:
            Unprocessable: `not_active`, `limit_reached`, `out_of_stock`.
        """
        reward, version = self.rewards.current(session, reward_id)
        now = self._platform.clock.now()
        why_not = inactive_because(reward, version, now)
        if why_not is not None:
            raise refusals.not_active(why_not)
        account = open_account(
            session, self._platform, grant.subject_id, wallet=self._settings.wallet
        )
        hold = self.holds.open(
            session,
            account,
            0,
            reward_id=reward.id,
            reward_version_id=version.id,
            window_key=window_key(version.limit_window, now),
            lifetime=timedelta(minutes=self._settings.hold_minutes),
            grant_id=grant.id,
            origin_id=grant.origin_id,
        )
        self._count(session, hold, limit=version.per_member)
        self._reserve(session, reward.id)
        self._capture(session, account, hold, actor=actor)
        return hold

    def capture(self, session: Session, hold_id: uuid.UUID, *, actor: Actor) -> Hold:
        """Take the points and hand out the piece.

        Raises:
            NotFound: there is none, or it is not `actor`'s (`unknown_redemption`).
            Conflict: it was settled before, or its time has run out (`hold_not_open`).
        """
        account, hold = self.holds.lock(session, hold_id)
        self._check_owner(session, account, actor)
        self._capture(session, account, hold, actor=actor)
        return hold

    def void(self, session: Session, hold_id: uuid.UUID, *, actor: Actor) -> Hold:
        """Give the points and the piece back.

        Raises:
            NotFound: there is none, or it is not `actor`'s (`unknown_redemption`).
            Conflict: it was settled before (`hold_not_open`).
        """
        account, hold = self.holds.lock(session, hold_id)
        self._check_owner(session, account, actor)
        self.release(session, account, hold, actor=actor)
        return hold

    def release(self, session: Session, account: Account, hold: Hold, *, actor: Actor) -> None:
        """Void a hold that is locked with its account."""
        self.holds.void(session, account, hold, actor=actor)
        self._uncount(session, hold)

    def release_all(
        self,
        session: Session,
        accounts: Mapping[uuid.UUID, Account],
        holds: Iterable[Hold],
        *,
        actor: Actor,
    ) -> None:
        """Void open holds of locked accounts; rewards come in the order of their ids."""
        for one in sorted(holds, key=lambda hold: (hold.reward_id, hold.id)):
            hold = self.holds.relock(session, one.id)
            self.release(session, accounts[hold.account_id], hold, actor=actor)

    @staticmethod
    def open_of(session: Session, account_ids: Iterable[uuid.UUID]) -> Sequence[Hold]:
        """All open holds of accounts."""
        query = select(Hold).where(Hold.account_id.in_(list(account_ids)), Hold.state == "open")
        return session.scalars(query).all()

    def forgo(self, session: Session, hold: Hold) -> None:
        """Void a locked hold whose points were set free before."""
        self.holds.forgo(hold)
        session.flush()
        self._uncount(session, hold)

    @staticmethod
    def _uncount(session: Session, hold: Hold) -> None:
        session.execute(
            update(RewardCounter)
            .where(
                RewardCounter.reward_id == hold.reward_id,
                RewardCounter.account_id == hold.account_id,
                RewardCounter.window_key == hold.window_key,
            )
            .values(used=RewardCounter.used - 1)
        )
        session.execute(
            update(Reward).where(Reward.id == hold.reward_id).values(reserved=Reward.reserved - 1)
        )

    def release_overdue(self, session: Session, *, limit: int = 200) -> int:
        """Void holds whose time has run out; returns how many.

        All accounts are locked before the first hold, and rewards come in the order of their
        ids, so that this never deadlocks with members who redeem meanwhile.
        """
        now = self._platform.clock.now()
        due = overdue_holds(session, now, limit=limit)
        accounts = lock_accounts(session, [hold.account_id for hold in due])
        released = 0
        for stale in sorted(due, key=lambda hold: (hold.reward_id, hold.id)):
            hold = self.holds.relock(session, stale.id)
            if hold.state == "open" and hold.expires_at <= now:
                self.release(session, accounts[hold.account_id], hold, actor=RELEASER)
                released += 1
        return released

    def code_of(self, hold: Hold) -> str:
        """The discount code of a captured redemption.

        It is derived from the platform's secret, so that its member can see it again although
        the database holds only its hash.
        """
        secret = self._platform.settings.secret("loyalty-codes")
        digest = hmac.new(secret, hold.id.bytes, hashlib.sha256).digest()
        text = base64.b32encode(digest[:10]).decode()
        return "-".join(text[i : i + 4] for i in range(0, 16, 4))

    def _capture(self, session: Session, account: Account, hold: Hold, *, actor: Actor) -> None:
        self.holds.capture(session, account, hold, actor=actor)
        version = session.get_one(RewardVersion, hold.reward_version_id)
        if version.kind == "discount_code":
            session.add(
                CouponCode(
                    code_hash=hashlib.sha256(self.code_of(hold).encode()).hexdigest(),
                    account_id=account.id,
                    redemption_id=hold.id,
                    created_at=self._platform.clock.now(),
                )
            )
        session.flush()
        key = session.scalars(
            update(Reward)
            .where(Reward.id == hold.reward_id)
            .values(reserved=Reward.reserved - 1, issued=Reward.issued + 1)
            .returning(Reward.key)
        ).one()
        self._platform.events.publish(
            session,
            RewardRedeemed(redemption_id=str(hold.id), reward=key, points=hold.amount),
            subject_id=account.subject_id,
            origin_id=hold.origin_id,
        )

    def _check_owner(self, session: Session, account: Account, actor: Actor) -> None:
        if not isinstance(actor, CustomerActor):
            return
        owner = account.subject_id
        if owner != actor.subject_id and actor.subject_id != self._platform.subjects.get(
            session, owner
        ):
            raise refusals.unknown(gettext("redemption"), code="unknown_redemption")

    @staticmethod
    def _count(session: Session, hold: Hold, *, limit: int | None) -> None:
        key = {
            "reward_id": hold.reward_id,
            "account_id": hold.account_id,
            "window_key": hold.window_key,
        }
        session.execute(
            dialect_insert(session, RewardCounter).values(used=0, **key).on_conflict_do_nothing()
        )
        counted = update(RewardCounter).values(used=RewardCounter.used + 1)
        counted = counted.where(*(getattr(RewardCounter, k) == v for k, v in key.items()))
        if limit is not None:
            elsewhere = used_elsewhere(session, hold.account_id, hold.window_key)
            had = elsewhere.get((hold.reward_id, hold.window_key), 0)
            counted = counted.where(RewardCounter.used + had < limit)
        if session.scalars(counted.returning(RewardCounter.used)).first() is None:
            assert limit is not None
            raise refusals.limit_reached(limit=limit)

    @staticmethod
    def _reserve(session: Session, reward_id: uuid.UUID) -> None:
        reserved = session.scalars(
            update(Reward)
            .where(
                Reward.id == reward_id,
                or_(Reward.stock.is_(None), Reward.reserved + Reward.issued < Reward.stock),
            )
            .values(reserved=Reward.reserved + 1)
            .returning(Reward.id)
        ).first()
        if reserved is None:
            raise refusals.out_of_stock()
