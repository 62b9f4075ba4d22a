"""Who may have a reward: its condition, checked when it is saved and asked when it is wanted."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dxp.api import (
    Condition,
    FactFieldsContext,
    FieldError,
    Platform,
    Plugin,
    Problem,
    Situation,
    Unprocessable,
    compile_condition,
    facts_of,
    gettext,
)
from dxp.contracts import SEGMENTS_FACT
from dxp_loyalty.services import refusals
from dxp_loyalty.settings import LoyaltySettings

_TIER = "loyalty.tier"


class Gates:
    """Checks conditions of rewards, and whether members meet them."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._zone = ZoneInfo(settings.timezone)

    def check(self, session: Session, source: Mapping[str, Any]) -> None:
        """Refuse a condition that is none, or that asks what no plugin tells.

        A typing error would shut out everybody, or, under `$not`, nobody.

        Raises:
            Unprocessable: with a JSON pointer to each fault (`invalid_condition`).
        """
        if not source:
            return
        condition = compile_condition(source)
        known = self._known(session)
        unknown = sorted(fact for fact in condition.facts if not _told(fact, known))
        if unknown:
            raise Unprocessable(
                gettext(
                    "The condition asks for %(facts)s, which no plugin tells; correct the name, "
                    "or switch the plugin on",
                    facts=", ".join(unknown),
                ),
                code="invalid_condition",
                errors=[
                    FieldError(
                        pointer=f"/gate/{fact}",
                        code="unknown_fact",
                        detail=gettext("No plugin tells %(fact)s.", fact=fact),
                    )
                    for fact in unknown
                ],
            )

    def facts(self, session: Session, subject_id: uuid.UUID) -> dict[str, Any]:
        """What the plugins tell of a member; a gate is a term of the programme, which holds for
        everybody alike, so it asks no consent to profiling."""
        now = self._platform.clock.now()
        return facts_of(self._platform, session, [subject_id], now)[subject_id]

    def why_not(self, source: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Problem]:
        """Why a member with these facts does not meet a condition; nothing when they do."""
        if not source:
            return []
        at = Situation(now=self._platform.clock.now(), zone=self._zone)
        failing = [
            part
            for part in _parts(json.dumps(source, sort_keys=True))
            if not part.matches(facts, at)
        ]
        of_tier = [part for part in failing if any(_is_tier(fact) for fact in part.facts)]
        found: list[Problem] = []
        if of_tier:
            found.append(refusals.tier_required())
        if len(of_tier) < len(failing):
            found.append(refusals.not_eligible())
        return found

    def _known(self, session: Session) -> set[str]:
        context = FactFieldsContext(session=session, platform=self._platform)
        answers = self._platform.plugins.call(Plugin.fact_fields, context)
        return {SEGMENTS_FACT} | {field.name for answer in answers for field in answer.value}


@lru_cache(maxsize=512)
def _parts(source: str) -> Sequence[Condition]:
    """The members of a condition, which are joined by and, each by itself."""
    return tuple(compile_condition({key: value}) for key, value in json.loads(source).items())


def _is_tier(fact: str) -> bool:
    return fact == _TIER or fact.startswith((f"{_TIER}.", f"{_TIER}_"))


def _told(fact: str, known: set[str]) -> bool:
    """Whether some plugin tells it; dots lead into values."""
    parts = fact.split(".")
    return any(".".join(parts[:length]) in known for length in range(1, len(parts) + 1))
