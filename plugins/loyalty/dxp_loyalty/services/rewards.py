"""Rewards: keeping them, and telling a member which of them are within reach."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Platform,
    Unprocessable,
    format_day,
    gettext,
)
from dxp_loyalty.models import Account, Reward, RewardCounter, RewardVersion
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import used_elsewhere
from dxp_loyalty.services.amounts import actor_text, check_points
from dxp_loyalty.services.balances import available_points
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.settings import LoyaltySettings


@dataclass(frozen=True, kw_only=True)
class RewardDraft:
    """What staff say of a reward; the fields of `Reward` and `RewardVersion`."""

    key: str
    kind: Literal["product", "discount_code"]
    cost: int
    texts: Mapping[str, Mapping[str, str]]
    stock: int | None = None
    per_member: int | None = None
    limit_window: Literal["ever", "year", "month", "day"] = "ever"
    details: Mapping[str, Any] = field(default_factory=dict)
    active: bool = True
    active_from: datetime | None = None
    active_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a member cannot have a reward now."""

    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A reward as one member sees it."""

    reward: Reward
    version: RewardVersion
    reasons: Sequence[Reason]

    @property
    def eligible(self) -> bool:
        return not self.reasons


class Rewards:
    """The only writer of rewards and their versions."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._settings = settings

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
        """All rewards with their current versions, active ones first, cheap ones first."""
        rows = session.execute(
            select(Reward, RewardVersion)
            .join(
                RewardVersion,
                (RewardVersion.reward_id == Reward.id) & (RewardVersion.number == Reward.version),
            )
            .order_by(Reward.active.desc(), RewardVersion.cost, Reward.key)
        )
        return [(reward, version) for reward, version in rows]

    def create(self, session: Session, draft: RewardDraft, *, actor: Actor) -> Reward:
        """Offer a new reward.

        Raises:
            Conflict: another reward has the key (`reward_key_taken`).
            Unprocessable: the cost or the stock is no amount.
        """
        self._check(draft)
        now = self._platform.clock.now()
        reward = Reward(key=draft.key, active=draft.active, stock=draft.stock, created_at=now)
        add_definition(session, reward, taken=refusals.reward_key_taken(draft.key))
        session.add(self._version(reward, draft, actor=actor))
        session.flush()
        self._audit(session, actor, "created", reward, before=None, after=_snapshot(draft))
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
        """Offer a reward in a new version; redemptions keep the version they were made with.

        Raises:
            NotFound: there is no such reward.
            PreconditionFailed: it is no longer at `expected_version` (`reward_changed`).
            Unprocessable: the stock is below what is given and set aside (`stock_too_small`).
        """
        self._check(draft)
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
        self._audit(session, actor, "updated", reward, before=old, after=_snapshot(draft))
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

    def offers(self, session: Session, subject_id: uuid.UUID) -> list[Offer]:
        """What a member may have, and why not yet the rest; what is over is left out."""
        now = self._platform.clock.now()
        account = session.scalars(
            select(Account).where(
                Account.subject_id == subject_id, Account.wallet == self._settings.wallet
            )
        ).first()
        available = available_points(session, account.id, now) if account else 0
        used: dict[tuple[uuid.UUID, str], int] = {}
        if account is not None:
            counters = select(RewardCounter).where(RewardCounter.account_id == account.id)
            used = used_elsewhere(session, account.id)
            for row in session.scalars(counters):
                key = (row.reward_id, row.window_key)
                used[key] = used.get(key, 0) + row.used
        offers: list[Offer] = []
        for reward, version in self.listed(session):
            over = version.active_until is not None and version.active_until <= now
            if not reward.active or over:
                continue
            window = window_key(version.limit_window, now)
            reasons = _reasons(
                reward, version, now, available=available, used=used.get((reward.id, window), 0)
            )
            offers.append(Offer(reward=reward, version=version, reasons=reasons))
        return offers

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
            active_from=draft.active_from,
            active_until=draft.active_until,
            created_at=self._platform.clock.now(),
            created_by=actor_text(actor),
        )

    @staticmethod
    def _check(draft: RewardDraft) -> None:
        check_points(draft.cost)
        if draft.stock is not None and draft.stock != 0:
            check_points(draft.stock)
        if not any(texts.get("name") for texts in draft.texts.values()):
            raise Unprocessable(
                gettext("The reward has no name in any language; give it one"),
                code="name_missing",
            )

    def _audit(
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


def draft_of(reward: Reward, version: RewardVersion) -> RewardDraft:
    """A reward as a draft: the starting point of an edit."""
    return RewardDraft(
        key=reward.key,
        kind="product" if version.kind == "product" else "discount_code",
        cost=version.cost,
        texts=version.texts,
        stock=reward.stock,
        per_member=version.per_member,
        limit_window=version.limit_window,  # type: ignore[arg-type]  # the table checks it
        details=version.details,
        active=reward.active,
        active_from=version.active_from,
        active_until=version.active_until,
    )


def window_key(window: str, now: datetime) -> str:
    """Names the period, in UTC, in which a member's pieces are counted."""
    formats = {"ever": "ever", "year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}
    return now.strftime(formats[window])


def inactive_because(reward: Reward, version: RewardVersion, now: datetime) -> str | None:
    """Why a reward is not on offer at `now`; None when it is."""
    if not reward.active:
        return gettext("This reward is no longer offered; choose another")
    if version.active_from is not None and now < version.active_from:
        return gettext(
            "This reward is not offered before %(day)s; come back then",
            day=format_day(version.active_from.date()),
        )
    if version.active_until is not None and now >= version.active_until:
        return gettext(
            "This reward was offered until %(day)s and is over; choose another",
            day=format_day(version.active_until.date()),
        )
    return None


def _reasons(
    reward: Reward, version: RewardVersion, now: datetime, *, available: int, used: int
) -> list[Reason]:
    reasons: list[Reason] = []
    inactive = inactive_because(reward, version, now)
    if inactive is not None:
        reasons.append(Reason(code="not_active", detail=inactive))
    if available < version.cost:
        refusal = refusals.insufficient_points(available=available, needed=version.cost)
        reasons.append(Reason(code=refusal.code, detail=refusal.detail))
    if version.per_member is not None and used >= version.per_member:
        refusal = refusals.limit_reached(limit=version.per_member)
        reasons.append(Reason(code=refusal.code, detail=refusal.detail))
    if reward.stock is not None and reward.reserved + reward.issued >= reward.stock:
        refusal = refusals.out_of_stock()
        reasons.append(Reason(code=refusal.code, detail=refusal.detail))
    return reasons


def _snapshot(draft: RewardDraft) -> dict[str, Any]:
    values = asdict(draft)
    for name in ("active_from", "active_until"):
        values[name] = values[name].isoformat() if values[name] else None
    return values
