"""Kinds of rewards: what plugins declare by `loyalty_reward_kinds`, and calls to the one that
declared a kind."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dxp.api import ConfigurationError, FieldError, Platform, Unprocessable, gettext
from dxp_loyalty.hooks import (
    LoyaltyHooks,
    RewardCheckContext,
    RewardFulfilmentContext,
    RewardKindsContext,
    RewardsLeftContext,
    RewardUndoContext,
)
from dxp_loyalty.models import RewardVersion
from dxp_loyalty.services import refusals

FIELD_KINDS = ("text", "number", "boolean", "choice", "coupon_batch")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_MOST_TEXT = 500


@dataclass(frozen=True, kw_only=True)
class SettingField:
    """One setting of a kind, as its form shows it.

    Attributes:
        kind: one of `FIELD_KINDS`; `coupon_batch` is the id of a batch for rewards.
        least, most: of numbers.
    """

    name: str
    label: Any
    kind: str = "text"
    help: Any = None
    required: bool = False
    choices: Sequence[tuple[str, Any]] = ()
    least: int = 0
    most: int = 10**9


@dataclass(frozen=True, kw_only=True)
class RewardKind:
    """A declared kind, with the name of the plugin that declared it."""

    name: str
    label: Any
    plugin: str
    description: Any = ""
    free: bool = False
    limited: bool = False
    settings: Sequence[SettingField] = ()


class Kinds:
    """The kinds of rewards that the started plugins offer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._kinds: dict[str, RewardKind] | None = None

    def all(self) -> Mapping[str, RewardKind]:
        """By name, in start order of the plugins.

        Raises:
            ConfigurationError: a plugin declared one wrongly, or one that another has.
        """
        if self._kinds is None:
            self._kinds = self._collected()
        return self._kinds

    def get(self, name: str) -> RewardKind:
        """A kind that staff may choose.

        Raises:
            Unprocessable: no started plugin offers it (`invalid_reward`).
        """
        kind = self.all().get(name)
        if kind is None:
            raise invalid_reward(
                FieldError(
                    pointer="/kind",
                    code="unknown_kind",
                    detail=gettext("There is no such kind of reward; choose one of the list."),
                )
            )
        return kind

    def check(
        self, session: Session, name: str, settings: Mapping[str, Any], *, cost: int
    ) -> dict[str, Any]:
        """The settings of a kind as they are kept.

        Raises:
            Unprocessable: they do not fit, or the cost does not (`invalid_reward`).
        """
        kind = self.get(name)
        faults = _cost_faults(kind, cost)
        fields = {field.name: field for field in kind.settings}
        kept: dict[str, Any] = {}
        for key in sorted(set(settings) - set(fields)):
            faults.append(_fault(key, gettext("The kind of reward has no such setting.")))
        for field in fields.values():
            value = settings.get(field.name)
            if value is None or value == "":
                if field.required:
                    faults.append(_fault(field.name, gettext("Fill this in.")))
                continue
            detail = _wrong(field, value)
            if detail is not None:
                faults.append(_fault(field.name, detail))
            kept[field.name] = value
        if not faults:
            context = RewardCheckContext(
                session=session, platform=self._platform, kind=name, settings=kept, cost=cost
            )
            answer = self._platform.plugins.ask(
                LoyaltyHooks.loyalty_check_reward, kind.plugin, context
            )
            faults += () if answer is None else answer.value
        if faults:
            raise invalid_reward(*faults)
        return kept

    def left(self, session: Session, versions: Sequence[RewardVersion]) -> dict[uuid.UUID, int]:
        """How many pieces of limited kinds are left, by reward, in one call a plugin."""
        by_plugin: dict[str, dict[uuid.UUID, tuple[str, Mapping[str, Any]]]] = {}
        for version in versions:
            kind = self.all().get(version.kind)
            if kind is not None and kind.limited:
                asked = by_plugin.setdefault(kind.plugin, {})
                asked[version.reward_id] = (version.kind, version.details)
        found: dict[uuid.UUID, int] = {}
        for plugin, rewards in by_plugin.items():
            context = RewardsLeftContext(session=session, platform=self._platform, rewards=rewards)
            answer = self._platform.plugins.ask(LoyaltyHooks.loyalty_rewards_left, plugin, context)
            if answer is not None:
                found |= {key: max(0, number) for key, number in answer.value.items()}
        return found

    def fulfil(self, ctx: RewardFulfilmentContext) -> dict[str, Any]:
        """Let the kind's plugin give the piece.

        Raises:
            Problem: it refuses; of a kind that no plugin offers any more, `not_active`.
        """
        kind = self.all().get(ctx.kind)
        if kind is None:
            raise refusals.not_active(
                gettext(
                    "This reward cannot be given now, because what gives it is switched off; "
                    "choose another, or try again later"
                )
            )
        answer = self._platform.plugins.ask(LoyaltyHooks.loyalty_fulfil_reward, kind.plugin, ctx)
        return {} if answer is None else dict(answer.value)

    def undo(self, ctx: RewardUndoContext) -> None:
        """Let the kind's plugin take the piece back; one that is gone has no say.

        Raises:
            Problem: it refuses.
        """
        kind = self.all().get(ctx.kind)
        if kind is not None:
            self._platform.plugins.ask(LoyaltyHooks.loyalty_undo_reward, kind.plugin, ctx)

    def _collected(self) -> dict[str, RewardKind]:
        kinds: dict[str, RewardKind] = {}
        context = RewardKindsContext(platform=self._platform)
        for answer in self._platform.plugins.call(LoyaltyHooks.loyalty_reward_kinds, context):
            for declared in answer.value:
                kind = _declared(answer.plugin, declared)
                if kind.name in kinds:
                    raise ConfigurationError(
                        f"the kind of reward {kind.name!r} is declared by both "
                        f"{kinds[kind.name].plugin!r} and {kind.plugin!r}; start its name with "
                        "the plugin's"
                    )
                kinds[kind.name] = kind
        return kinds


def _declared(plugin: str, declared: Mapping[str, Any]) -> RewardKind:
    """A declaration, checked.

    Raises:
        ConfigurationError: it has another form than the hook's documentation says.
    """
    try:
        settings = tuple(SettingField(**field) for field in declared.get("settings", ()))
        kind = RewardKind(**{**declared, "settings": settings, "plugin": plugin})
    except TypeError as error:
        raise ConfigurationError(
            f"plugin {plugin!r} declares a kind of reward that has not the form that the hook "
            f"`loyalty_reward_kinds` describes: {error}"
        ) from error
    wrong = [field.name for field in settings if field.kind not in FIELD_KINDS]
    if not _NAME.match(kind.name) or wrong:
        raise ConfigurationError(
            f"plugin {plugin!r} declares the kind of reward {kind.name!r}"
            + (f" with settings of unknown kinds: {', '.join(wrong)}" if wrong else "")
            + "; names are lower-case letters, digits and underscores, and settings are "
            + ", ".join(FIELD_KINDS[:-1])
        )
    return kind


def invalid_reward(*faults: FieldError) -> Unprocessable:
    """Parts of a reward do not fit."""
    return Unprocessable(
        gettext(
            "The reward was not saved, because parts of it do not fit; mend the places named in "
            "errors"
        ),
        code="invalid_reward",
        errors=list(faults),
    )


def _cost_faults(kind: RewardKind, cost: int) -> list[FieldError]:
    if kind.free and cost != 0:
        detail = gettext("A reward of this kind is given for nothing; its cost is 0.")
    elif not kind.free and cost < 1:
        detail = gettext("A reward of this kind costs at least 1 point.")
    else:
        return []
    return [FieldError(pointer="/cost", code="invalid_cost", detail=detail)]


def _fault(name: str, detail: str) -> FieldError:
    return FieldError(pointer=f"/details/{name}", code="invalid_setting", detail=detail)


def _wrong(field: SettingField, value: Any) -> str | None:
    """Why a value is none for the field; None when it is one."""
    if field.kind == "number":
        number = isinstance(value, int) and not isinstance(value, bool)
        if not number or not field.least <= value <= field.most:
            return gettext(
                "This is a whole number from %(least)s to %(most)s.",
                least=field.least,
                most=field.most,
            )
    elif field.kind == "boolean":
        return None if isinstance(value, bool) else gettext("This is yes or no.")
    elif field.kind == "choice":
        if value not in [choice for choice, _label in field.choices]:
            return gettext("Choose one of the list.")
    elif not isinstance(value, str) or len(value) > _MOST_TEXT:
        return gettext("This is a text of at most %(most)s characters.", most=_MOST_TEXT)
    return None
