"""Rewards: keeping them, and telling a member which of them are within reach."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Unprocessable, gettext
from dxp_loyalty.models import Account, Reward, RewardCounter, RewardVersion
from dxp_loyalty.reward_events import RewardChanged
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import accounts_of, used_elsewhere
from dxp_loyalty.services.amounts import actor_text, check_points
from dxp_loyalty.services.balances import available_points
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.services.gates import Gates
from dxp_loyalty.services.kinds import Kinds
from dxp_loyalty.services.offering import (
    Offer,
    Reason,
    inactive_because,
    pieces_left,
    refusals_of,
    window_key,
)
from dxp_loyalty.settings import LoyaltySettings


@dataclass(frozen=True, kw_only=True)
class RewardDraft:
    """What staff say of a reward; the fields of `Reward` and `RewardVersion`."""

    key: str
    kind: str
    cost: int
    texts: Mapping[str, Mapping[str, str]]
    stock: int | None = None
    per_member: int | None = None
    limit_window: str = "lifetime"
    details: Mapping[str, Any] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)
    wallet: str | None = None
    active: bool = True
    active_from: datetime | None = None
    active_until: datetime | None = None


class Rewards:
    """The only writer of rewards and their versions."""

    def __init__(
        self, platform: Platform, settings: LoyaltySettings, kinds: Kinds, gates: Gates
    ) -> None:
        self._platform = platform
        self._settings = settings
        self.kinds = kinds
        self.gates = gates

    def wallet_of(self, reward: Reward) -> str:
        """The wallet whose points pay for a reward."""
        return reward.wallet or self._settings.wallet

    def current(self, session: Session, reward_id: uuid.UUID) -> tuple[Reward, RewardVersion]:
        """A reward and the version that is offered.

        Raises:
            NotFound: there is no such reward (`unknown_reward`).
        """
        row = session.execute(
            select(Reward, RewardVersion)
            .join(
                RewardVersion,
                (RewardVersion.reward_id == Reward.id) & (RewardVersion.number == Reward.version),
            )
            .where(Reward.id == reward_id)
            .execution_options(populate_existing=True)
        ).first()
        if row is None:
            raise refusals.unknown(gettext("reward"), code="unknown_reward")
        return row[0], row[1]

    def listed(self, session: Session) -> Sequence[tuple[Reward, RewardVersion]]:
        """All rewards with their current versions: active ones first, cheap ones first, and those
        that cost nothing after those that cost points."""
        rows = session.execute(
            select(Reward, RewardVersion)
            .join(
                RewardVersion,
                (RewardVersion.reward_id == Reward.id) & (RewardVersion.number == Reward.version),
            )
            .order_by(Reward.active.desc(), RewardVersion.cost == 0, RewardVersion.cost, Reward.key)
        )
        return [(reward, version) for reward, version in rows]

    def create(self, session: Session, draft: RewardDraft, *, actor: Actor) -> Reward:
        """Offer a new reward.

        Raises:
            Conflict: another reward has the key (`reward_key_taken`).
            Unprocessable: the cost or the stock is no amount (`invalid_points`), the kind or its
                settings do not fit (`invalid_reward`), the gate cannot be asked
                (`invalid_condition`).
        """
        draft = self._checked(session, draft)
        now = self._platform.clock.now()
        reward = Reward(
            key=draft.key,
            active=draft.active,
            stock=draft.stock,
            wallet=draft.wallet,
            created_at=now,
        )
        add_definition(session, reward, taken=refusals.reward_key_taken(draft.key))
        session.add(self._version(reward, draft, actor=actor))
        session.flush()
        self._tell(session, actor, "created", reward, before=None, after=_snapshot(draft))
        return reward

    def edit(
        self,
        session: Session,
        reward_id: uuid.UUID,
        draft: RewardDraft,
        *,
        expected_version: int,
        actor: Actor,
    ) -> Reward:
        """Offer a reward in a new version; redemptions keep the version they were made with, and
        the reward its wallet.

        Raises:
            NotFound: there is no such reward.
            PreconditionFailed: it is no longer at `expected_version` (`reward_changed`).
            Unprocessable: the stock is below what is given and set aside (`stock_too_small`), or
                as for `create`.
        """
        draft = self._checked(session, draft)
        reward = lock_definition(
            session,
            Reward,
            reward_id,
            unknown=refusals.unknown(gettext("reward"), code="unknown_reward"),
        )
        if reward.version != expected_version:
            raise refusals.reward_changed(actual=reward.version, expected=expected_version)
        if draft.stock is not None and draft.stock < reward.reserved + reward.issued:
            raise Unprocessable(
                gettext(
                    "The stock cannot be %(stock)s, because %(taken)s pieces are already given "
                    "or set aside; choose %(taken)s or more",
                    stock=draft.stock,
                    taken=reward.reserved + reward.issued,
                ),
                code="stock_too_small",
            )
        _same, before = self.current(session, reward_id)
        old = _snapshot(draft_of(reward, before))
        reward.version += 1
        reward.stock = draft.stock
        reward.active = draft.active
        session.add(self._version(reward, draft, actor=actor))
        session.flush()
        after = _snapshot(replace(draft, wallet=reward.wallet))
        self._tell(session, actor, "updated", reward, before=old, after=after)
        return reward

    def retire(
        self, session: Session, reward_id: uuid.UUID, *, expected_version: int, actor: Actor
    ) -> Reward:
        """Stop offering a reward; open redemptions can still be captured.

        Raises:
            NotFound: there is no such reward.
            PreconditionFailed: it is no longer at `expected_version` (`reward_changed`).
        """
        draft = replace(draft_of(*self.current(session, reward_id)), active=False)
        return self.edit(session, reward_id, draft, expected_version=expected_version, actor=actor)

    def left(
        self, session: Session, rows: Sequence[tuple[Reward, RewardVersion]]
    ) -> dict[uuid.UUID, int | None]:
        """Pieces of each reward that can still be set aside; None: without end."""
        of_kinds = self.kinds.left(session, [version for _reward, version in rows])
        return {reward.id: pieces_left(reward, of_kinds.get(reward.id)) for reward, _v in rows}

    def offers(self, session: Session, subject_id: uuid.UUID) -> list[Offer]:
        """What a member may have, and why not yet the rest; what is over is left out.

        Writes nothing. The reasons have the codes that a redemption would be refused with, and
        come in the request's language.
        """
        now = self._platform.clock.now()
        zone = self._settings.timezone
        accounts = {row.wallet: row for row in accounts_of(session, subject_id)}
        available = {
            wallet: available_points(session, account.id, now)
            for wallet, account in accounts.items()
        }
        used = self._used(session, accounts)
        rows = [
            (reward, version)
            for reward, version in self.listed(session)
            if reward.active and not (version.active_until and version.active_until <= now)
        ]
        left = self.left(session, rows)
        gated = any(version.gate for _reward, version in rows)
        facts = self.gates.facts(session, subject_id) if gated else {}
        offers: list[Offer] = []
        for reward, version in rows:
            wallet = self.wallet_of(reward)
            window = window_key(version.limit_window, now, timezone=zone)
            problems = refusals_of(
                version,
                inactive=inactive_because(reward, version, now, timezone=zone),
                available=available.get(wallet, 0),
                used=used.get((wallet, reward.id, window), 0),
                left=left[reward.id],
            )
            problems += self.gates.why_not(version.gate, facts)
            reasons = [Reason.of(problem) for problem in problems]
            offers.append(
                Offer(reward=reward, version=version, reasons=reasons, left=left[reward.id])
            )
        return offers

    @staticmethod
    def _used(
        session: Session, accounts: Mapping[str, Account]
    ) -> dict[tuple[str, uuid.UUID, str], int]:
        """Pieces that count for a member, by wallet, reward and window."""
        used: dict[tuple[str, uuid.UUID, str], int] = {}
        for wallet, account in accounts.items():
            for (reward_id, window), number in used_elsewhere(session, account.id).items():
                used[wallet, reward_id, window] = number
            counters = select(RewardCounter).where(RewardCounter.account_id == account.id)
            for row in session.scalars(counters):
                key = (wallet, row.reward_id, row.window_key)
                used[key] = used.get(key, 0) + row.used
        return used

    def _version(self, reward: Reward, draft: RewardDraft, *, actor: Actor) -> RewardVersion:
        return RewardVersion(
            reward_id=reward.id,
            number=reward.version,
            kind=draft.kind,
            cost=draft.cost,
            per_member=draft.per_member,
            limit_window=draft.limit_window,
            texts={locale: dict(texts) for locale, texts in draft.texts.items()},
            details=dict(draft.details),
            gate=dict(draft.gate),
            active_from=draft.active_from,
            active_until=draft.active_until,
            created_at=self._platform.clock.now(),
            created_by=actor_text(actor),
        )

    def _checked(self, session: Session, draft: RewardDraft) -> RewardDraft:
        """The draft with the settings of its kind as they are kept."""
        if draft.cost != 0:
            check_points(draft.cost)
        if draft.stock is not None and draft.stock != 0:
            check_points(draft.stock)
        if not any(texts.get("name") for texts in draft.texts.values()):
            raise Unprocessable(
                gettext("The reward has no name in any language; give it one"),
                code="name_missing",
            )
        self.gates.check(session, draft.gate)
        details = self.kinds.check(session, draft.kind, draft.details, cost=draft.cost)
        return replace(draft, details=details)

    def _tell(
        self,
        session: Session,
        actor: Actor,
        verb: str,
        reward: Reward,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.reward.{verb}",
            object_type="loyalty.reward",
            object_id=str(reward.id),
            before=before,
            after=after,
        )
        self._platform.events.publish(
            session,
            RewardChanged(
                reward_id=str(reward.id),
                reward=reward.key,
                version=reward.version,
                active=reward.active,
            ),
        )


def draft_of(reward: Reward, version: RewardVersion) -> RewardDraft:
    """A reward as a draft: the starting point of an edit."""
    return RewardDraft(
        key=reward.key,
        kind=version.kind,
        cost=version.cost,
        texts=version.texts,
        stock=reward.stock,
        per_member=version.per_member,
        limit_window=version.limit_window,
        details=version.details,
        gate=version.gate,
        wallet=reward.wallet,
        active=reward.active,
        active_from=version.active_from,
        active_until=version.active_until,
    )


def _snapshot(draft: RewardDraft) -> dict[str, Any]:
    values = asdict(draft)
    for name in ("active_from", "active_until"):
        values[name] = values[name].isoformat() if values[name] else None
    return values
