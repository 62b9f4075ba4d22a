"""The pipeline of one slot: pure, so that every step can be tested and explained.

Stages in their order: schedule, content, condition, proposal, priority, fallback. A candidate
that fails a stage goes no further, and the stage says why.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dxp.api import Condition, Proposal, Situation


@dataclass(frozen=True, kw_only=True)
class Option:
    """A candidate ready to be decided upon: its condition is compiled."""

    key: str
    content_id: uuid.UUID
    condition: Condition
    priority: int = 0
    fallback: bool = False
    tags: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one stage found about one candidate: `failed` says what, with the actual value."""

    stage: str
    candidate: str
    result: bool
    failed: str | None = None
    actual: Any = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "candidate": self.candidate,
            "result": self.result,
            "failed": self.failed,
            "actual": self.actual,
        }


@dataclass(kw_only=True)
class Choice:
    """The outcome for one slot.

    Attributes:
        chosen: keys in the order of their positions.
        source: which stage decided: `plugin:<name>`, `rule`, `fallback`, or `empty`.
        eligible: keys that could have been chosen.
    """

    chosen: list[Option] = field(default_factory=list)
    source: str = "empty"
    eligible: list[str] = field(default_factory=list)
    why: list[Step] = field(default_factory=list)


def choose(
    options: Sequence[Option],
    *,
    size: int,
    now: datetime,
    live: Collection[uuid.UUID],
    facts: Mapping[str, Any],
    proposals: Mapping[str, tuple[str, Proposal]],
) -> Choice:
    """Fill one slot.

    Args:
        options: all candidates of the slot.
        size: how many items are wanted.
        live: ids of content that is published in the locale.
        facts: what conditions may ask; empty for strangers and without consent.
        proposals: by candidate key, the plugin that proposes it and its proposal.
    """
    choice = Choice()
    passed = [option for option in options if _in_time(option, now, choice)]
    passed = [option for option in passed if _is_live(option, live, choice)]
    at = Situation(now=now)
    eligible = [
        option for option in passed if not option.fallback and _holds(option, facts, at, choice)
    ]
    choice.eligible = [option.key for option in eligible]
    ranked = sorted(eligible, key=lambda option: _rank(option, proposals))
    choice.chosen = ranked[:size]
    for option in choice.chosen:
        choice.why.append(_reason(option, proposals))
    if choice.chosen:
        first = choice.chosen[0].key
        choice.source = f"plugin:{proposals[first][0]}" if first in proposals else "rule"
    missing = size - len(choice.chosen)
    if missing > 0:
        spare = sorted(
            (option for option in passed if option.fallback),
            key=lambda option: (-option.priority, option.key),
        )[:missing]
        for option in spare:
            choice.why.append(Step(stage="fallback", candidate=option.key, result=True))
        if spare and not choice.chosen:
            choice.source = "fallback"
        choice.chosen = [*choice.chosen, *spare]
    return choice


def _in_time(option: Option, now: datetime, choice: Choice) -> bool:
    early = option.starts_at is not None and now < option.starts_at
    late = option.ends_at is not None and now >= option.ends_at
    if early or late:
        bound = option.starts_at if early else option.ends_at
        choice.why.append(
            Step(
                stage="schedule",
                candidate=option.key,
                result=False,
                failed=f"{'starts' if early else 'ended'} {bound.isoformat() if bound else ''}",
                actual=now.isoformat(),
            )
        )
    return not (early or late)


def _is_live(option: Option, live: Collection[uuid.UUID], choice: Choice) -> bool:
    if option.content_id in live:
        return True
    choice.why.append(
        Step(
            stage="content",
            candidate=option.key,
            result=False,
            failed="the content is not published in this locale",
            actual=str(option.content_id),
        )
    )
    return False


def _holds(option: Option, facts: Mapping[str, Any], at: Situation, choice: Choice) -> bool:
    if option.condition.matches(facts, at):
        choice.why.append(Step(stage="condition", candidate=option.key, result=True))
        return True
    findings = option.condition.explain(facts, at)
    broken = next((finding for finding in findings if not finding.result), None)
    named = broken or (findings[0] if findings else None)
    choice.why.append(
        Step(
            stage="condition",
            candidate=option.key,
            result=False,
            failed=None if named is None else f"{named.fact} {named.operator} {named.wanted!r}",
            actual=None if named is None else named.actual,
        )
    )
    return False


def _rank(
    option: Option, proposals: Mapping[str, tuple[str, Proposal]]
) -> tuple[int, int, int, str]:
    proposal = proposals.get(option.key)
    if proposal is None:
        return (1, 0, -option.priority, option.key)
    return (0, -proposal[1].priority, -option.priority, option.key)


def _reason(option: Option, proposals: Mapping[str, tuple[str, Proposal]]) -> Step:
    if option.key in proposals:
        plugin, proposal = proposals[option.key]
        return Step(
            stage="proposal",
            candidate=option.key,
            result=True,
            actual=f"{plugin}: {proposal.reason}",
        )
    return Step(stage="priority", candidate=option.key, result=True, actual=option.priority)
