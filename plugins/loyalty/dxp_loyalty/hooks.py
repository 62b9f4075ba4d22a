"""Hooks of this plugin's own, for others to implement without importing it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dxp.api import Actor, FieldError, OnError, Platform, hook


@dataclass(frozen=True, kw_only=True)
class RewardKindsContext:
    """Kinds of rewards are being collected, at start."""

    platform: Platform


@dataclass(frozen=True, kw_only=True)
class RewardCheckContext:
    """Staff save a reward.

    Attributes:
        kind: as it was declared.
        settings: of the kind, already checked against its declared fields.
        cost: points.
    """

    session: Session
    platform: Platform
    kind: str
    settings: Mapping[str, Any]
    cost: int


@dataclass(frozen=True, kw_only=True)
class RewardsLeftContext:
    """Rewards whose kind is `limited` are shown, or one is about to be set aside.

    Attributes:
        rewards: kind and settings by reward.
    """

    session: Session
    platform: Platform
    rewards: Mapping[uuid.UUID, tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class RewardFulfilmentContext:
    """A redemption is being captured, or taken back.

    Attributes:
        subject_id: the member.
        settings: of the kind, as they were when the redemption was authorised.
        points: what the piece cost; 0 for a gift.
        actor: who captures or takes back.
    """

    session: Session
    platform: Platform
    kind: str
    settings: Mapping[str, Any]
    reward_id: uuid.UUID
    redemption_id: uuid.UUID
    subject_id: uuid.UUID
    points: int
    actor: Actor


@dataclass(frozen=True, kw_only=True)
class RewardUndoContext(RewardFulfilmentContext):
    """A captured redemption is taken back, wholly or in part.

    Attributes:
        given: what `loyalty_fulfil_reward` answered.
        back: so many points the member gets back now.
        whole: whether nothing of the redemption is left after this, so that the piece comes back.
    """

    given: Mapping[str, Any]
    back: int
    whole: bool


class LoyaltyHooks:
    """What other plugins may add to rewards."""

    @hook(on_error=OnError.BOOT, phase="start")
    def loyalty_reward_kinds(self, ctx: RewardKindsContext) -> Sequence[Mapping[str, Any]]:
        """Declare kinds of rewards, as data.

        A kind has `name` (short, lower case, unique), `label`, and optionally `description`;
        `free` (True: it costs no points), `limited` (True: the plugin knows how many are left, and
        is asked by `loyalty_rewards_left`) and `settings`: fields of the form, each with `name`,
        `label` and `kind` (text, number, boolean, choice), and optionally `help`, `required`,
        `choices` (pairs of value and label), `least` and `most` (of numbers):

            {"name": "tree", "label": _("A tree is planted"), "settings": [
                {"name": "species", "kind": "text", "label": _("Species"), "required": True},
                {"name": "trees", "kind": "number", "label": _("Trees"), "least": 1, "most": 9},
            ]}

        The other hooks are called for kinds of this plugin alone.
        """
        return ()

    @hook(on_error=OnError.PROPAGATE, phase="request")
    def loyalty_check_reward(self, ctx: RewardCheckContext) -> Sequence[FieldError]:
        """Object to settings that do not fit together; `pointer` is such as `/details/species`."""
        return ()

    @hook(on_error=OnError.PROPAGATE, phase="request")
    def loyalty_rewards_left(self, ctx: RewardsLeftContext) -> Mapping[uuid.UUID, int]:
        """How many of each can still be given, besides the stock that staff set. One without an
        answer has no such limit."""
        return {}

    @hook(on_error=OnError.PROPAGATE, phase="request", writes=True)
    def loyalty_fulfil_reward(self, ctx: RewardFulfilmentContext) -> Mapping[str, Any]:
        """Give the piece, in the transaction that takes the points: both happen or neither.

        The answer is JSON-ready, is kept with the redemption, and is shown to the member, except
        what begins with `_`. Refuse by raising a `Problem`; the redemption then stays open. Leave
        what reaches out of the database, such as a call to a shop, to a job that is enqueued here.
        """
        return {}

    @hook(on_error=OnError.PROPAGATE, phase="request", writes=True)
    def loyalty_undo_reward(self, ctx: RewardUndoContext) -> None:
        """Take the piece back, in the transaction that gives the points back.

        Refuse by raising a `Problem`, when what was given is used and cannot come back.
        """
