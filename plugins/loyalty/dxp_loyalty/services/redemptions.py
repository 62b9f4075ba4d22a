"""Redeeming rewards: authorise, capture, void.

Locks are taken in one order: account, hold, lots, the member's counter, the reward last, so
that the row everybody wants is held for the shortest time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from dxp.api import Actor, CustomerActor, Platform, SystemActor, dialect_insert, gettext
from dxp_loyalty.events import RewardRedeemed
from dxp_loyalty.hooks import RewardFulfilmentContext
from dxp_loyalty.models import (
    Account,
    Hold,
    OccasionGrant,
    Reward,
    RewardCounter,
    RewardVersion,
)
from dxp_loyalty.reward_events import RedemptionAuthorised, RedemptionVoided
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import (
    lock_accounts,
    lock_of_subject,
    open_account,
    used_elsewhere,
)
from dxp_loyalty.services.holds import Holds, overdue_holds
from dxp_loyalty.services.offering import inactive_because, window_key
from dxp_loyalty.services.rewards import Rewards
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
            Unprocessable: `not_active`, `tier_required`, `not_eligible`, `insufficient_points`,
                `limit_reached`, `out_of_stock`.
        """
        reward, version = self._on_offer(session, reward_id)
        if version.gate:
            root_id = self._platform.subjects.get(session, subject_id)
            facts = self.rewards.gates.facts(session, root_id)
            for refusal in self.rewards.gates.why_not(version.gate, facts):
                raise refusal
        wallet = self.rewards.wallet_of(reward)
        account = lock_of_subject(session, subject_id, wallet=wallet)
        if account is None:
            self._platform.subjects.get(session, subject_id)
            if version.cost:
                raise refusals.insufficient_points(available=0, needed=version.cost)
            account = open_account(session, self._platform, subject_id, wallet=wallet)
        hold = self._open(
            session,
            account,
            reward,
            version,
            version.cost,
            cart_ref=cart_ref,
            origin_id=None if account.subject_id == subject_id else subject_id,
        )
        told = RedemptionAuthorised(
            redemption_id=str(hold.id), reward=reward.key, points=hold.amount
        )
        self._platform.events.publish(
            session, told, subject_id=account.subject_id, origin_id=hold.origin_id
        )
        return hold

    def give(
        self, session: Session, grant: OccasionGrant, *, reward_id: uuid.UUID, actor: Actor
    ) -> Hold:
        """Give one piece of a reward as a gift: no points, but the stock counts it.

        Raises:
            Unprocessable: `not_active`, `limit_reached`, `out_of_stock`.
        """
        reward, version = self._on_offer(session, reward_id)
        account = open_account(
            session, self._platform, grant.subject_id, wallet=self.rewards.wallet_of(reward)
        )
        hold = self._open(
            session, account, reward, version, 0, grant_id=grant.id, origin_id=grant.origin_id
        )
        self._capture(session, account, hold, actor=actor)
        return hold

    def capture(self, session: Session, hold_id: uuid.UUID, *, actor: Actor) -> Hold:
        """Take the points and hand out the piece.

        Raises:
            NotFound: there is none, or it is not `actor`'s (`unknown_redemption`).
            Conflict: it was settled before, or its time has run out (`hold_not_open`).
            Problem: the kind of the reward cannot give it now, such as `out_of_stock` of codes.
        """
        account, hold = self.holds.lock(session, hold_id)
        self.check_owner(session, account, actor)
        self._capture(session, account, hold, actor=actor)
        return hold

    def void(self, session: Session, hold_id: uuid.UUID, *, actor: Actor) -> Hold:
        """Give the points and the piece back.

        Raises:
            NotFound: there is none, or it is not `actor`'s (`unknown_redemption`).
            Conflict: it was settled before (`hold_not_open`).
        """
        account, hold = self.holds.lock(session, hold_id)
        self.check_owner(session, account, actor)
        self.release(session, account, hold, actor=actor)
        return hold

    def release(self, session: Session, account: Account, hold: Hold, *, actor: Actor) -> None:
        """Void a hold that is locked with its account."""
        self.holds.void(session, account, hold, actor=actor)
        self._give_up(session, account, hold)

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

    def forgo(self, session: Session, account: Account, hold: Hold) -> None:
        """Void a locked hold of a locked account whose points were set free before."""
        self.holds.forgo(hold)
        self._give_up(session, account, hold)

    def _give_up(self, session: Session, account: Account, hold: Hold) -> None:
        """Let the piece of a voided hold go back to the stock, and tell of it."""
        session.flush()
        uncount(session, hold)
        key = session.scalars(
            update(Reward)
            .where(Reward.id == hold.reward_id)
            .values(reserved=Reward.reserved - 1)
            .returning(Reward.key)
        ).one()
        told = RedemptionVoided(redemption_id=str(hold.id), reward=key, points=hold.amount)
        self._platform.events.publish(
            session, told, subject_id=account.subject_id, origin_id=hold.origin_id
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
            # One that a merge moved meanwhile comes with the next run.
            here = hold.account_id in accounts
            if here and hold.state == "open" and hold.expires_at <= now:
                self.release(session, accounts[hold.account_id], hold, actor=RELEASER)
                released += 1
        return released

    def _on_offer(self, session: Session, reward_id: uuid.UUID) -> tuple[Reward, RewardVersion]:
        reward, version = self.rewards.current(session, reward_id)
        now, zone = self._platform.clock.now(), self._settings.timezone
        why_not = inactive_because(reward, version, now, timezone=zone)
        if why_not is not None:
            raise refusals.not_active(why_not)
        return reward, version

    def _open(
        self,
        session: Session,
        account: Account,
        reward: Reward,
        version: RewardVersion,
        points: int,
        *,
        cart_ref: str | None = None,
        grant_id: uuid.UUID | None = None,
        origin_id: uuid.UUID | None = None,
    ) -> Hold:
        """Set points and a piece aside in a locked account."""
        now = self._platform.clock.now()
        hold = self.holds.open(
            session,
            account,
            points,
            reward_id=reward.id,
            reward_version_id=version.id,
            window_key=window_key(version.limit_window, now, timezone=self._settings.timezone),
            lifetime=timedelta(minutes=self._settings.hold_minutes),
            cart_ref=cart_ref,
            grant_id=grant_id,
            origin_id=origin_id,
        )
        self._count(session, hold, limit=version.per_member)
        if self.rewards.kinds.left(session, [version]).get(reward.id, 1) < 1:
            raise refusals.out_of_stock()
        self._reserve(session, reward.id)
        return hold

    def _capture(self, session: Session, account: Account, hold: Hold, *, actor: Actor) -> None:
        self.holds.capture(session, account, hold, actor=actor)
        version = session.get_one(RewardVersion, hold.reward_version_id)
        hold.fulfilment = self.rewards.kinds.fulfil(
            RewardFulfilmentContext(
                session=session,
                platform=self._platform,
                kind=version.kind,
                settings=version.details,
                reward_id=hold.reward_id,
                redemption_id=hold.id,
                subject_id=account.subject_id,
                points=hold.amount,
                actor=actor,
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

    def check_owner(self, session: Session, account: Account, actor: Actor) -> None:
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


def uncount(session: Session, hold: Hold) -> None:
    """Let a piece that comes back no longer count against the member's limit."""
    session.execute(
        update(RewardCounter)
        .where(
            RewardCounter.reward_id == hold.reward_id,
            RewardCounter.account_id == hold.account_id,
            RewardCounter.window_key == hold.window_key,
        )
        .values(used=RewardCounter.used - 1)
    )
