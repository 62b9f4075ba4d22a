"""Deciding: gather what is known, run the pipeline for each slot, log the outcome."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dxp.api import (
    DecideContext,
    FieldError,
    Platform,
    Plugin,
    Proposal,
    Unprocessable,
    compile_condition,
    facts_of,
    uuid7,
)
from dxp.contracts import PURPOSE_PROFILING, Consents, PublishedContent, PublishedEntry
from dxp_personalization.models import Candidate, Decision, Slot
from dxp_personalization.services.pipeline import Choice, Option, choose


class DecisionService:
    """Implements `dxp.contracts.Selection`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def decide(
        self,
        session: Session,
        *,
        subject_id: uuid.UUID | None,
        anonymous_id: str | None,
        origin_id: uuid.UUID | None = None,
        slots: Sequence[Mapping[str, Any]],
        context: Mapping[str, Any],
        now: datetime,
        explain: bool = False,
        log: bool = True,
    ) -> Mapping[str, Any]:
        """Fill several slots for one person.

        Nothing stored about a person is used without their consent to profiling: the facts are
        then those of a stranger. A number of queries that does not grow with slots or candidates.

        Args:
            session: only read; the log is written in a transaction of its own.
            origin_id: by whose id the person was named, when a merge led on from there.
            slots: each with `key`, and optionally `k`, how many items are wanted.
            context: `locale`, and what else the storefront knows: `channel`, `device`.
            log: False for simulations.

        Raises:
            Unprocessable: a slot does not exist (`unknown_slot`).
        """
        known = self._load(session, slots)
        locale = str(context.get("locale") or self._platform.settings.locale.default)
        personal = subject_id is not None and self._may_profile(session, subject_id)
        facts = self._facts(session, subject_id if personal else None, now) | {
            f"context.{name}": value for name, value in context.items()
        }
        contents = self._contents(session, known, locale)
        decisions: list[dict[str, Any]] = []
        rows: list[Decision] = []
        for wanted in slots:
            slot, options = known[wanted["key"]]
            proposals = (
                self._proposals(session, slot, options, subject_id, facts, now, locale)
                if personal
                else {}
            )
            choice = choose(
                options,
                size=min(int(wanted.get("k") or slot.size), slot.size),
                now=now,
                live=contents.keys(),
                facts=facts,
                proposals=proposals,
            )
            decisions.append(_answer(slot, choice, contents, explain=explain, personal=personal))
            rows.append(self._log_row(decisions[-1], slot, choice, context, now))
        if log:
            # Of its own and last, so that deciding itself never waits for a writer.
            with self._platform.db.write() as writing:
                whose = self._person(writing, subject_id, anonymous_id, origin_id)
                for row in rows:
                    row.pseudonym, row.origin = whose
                writing.add_all(rows)
        return {
            "decisions": decisions,
            "ttl": self._platform.plugins.settings_of("personalization")["answer_seconds"],
        }

    def pseudonym(self, person: str) -> str:
        """The log's name of a person: an HMAC, so that the log alone tells nobody's id."""
        secret = self._platform.settings.secret("personalization-log")
        return hmac.new(secret, person.encode(), hashlib.sha256).hexdigest()

    def _person(
        self,
        session: Session,
        subject_id: uuid.UUID | None,
        anonymous_id: str | None,
        origin_id: uuid.UUID | None,
    ) -> tuple[str | None, str | None]:
        """Pseudonyms of the person, and of whom a merge made theirs and the question named.

        A browser becomes a subject with its first decision, so that whoever signs in on it
        takes its decisions over, and erasing them reaches these too.
        """
        if subject_id is not None:
            named = None if origin_id is None else self.pseudonym(str(origin_id))
            return self.pseudonym(str(subject_id)), named
        if anonymous_id is None:
            return None, None
        trace = self._platform.subjects.meet(session, [anonymous_id]).get(anonymous_id)
        if trace is None:
            return None, None
        origin = None if trace.origin_id is None else self.pseudonym(str(trace.origin_id))
        return self.pseudonym(str(trace.subject_id)), origin

    def prune(self, session: Session, *, before: datetime, limit: int = 5_000) -> int:
        """Delete at most `limit` decisions older than `before`; the number deleted."""
        old = select(Decision.id).where(Decision.decided_at < before).limit(limit)
        found = session.scalars(old).all()
        session.execute(delete(Decision).where(Decision.id.in_(found)))
        return len(found)

    def _load(
        self, session: Session, wanted: Sequence[Mapping[str, Any]]
    ) -> dict[str, tuple[Slot, list[Option]]]:
        keys = [item["key"] for item in wanted]
        slots = {slot.key: slot for slot in session.scalars(select(Slot).where(Slot.key.in_(keys)))}
        missing = [
            FieldError(
                pointer=f"/slots/{index}/key",
                code="unknown_slot",
                detail=f"There is no slot {key!r}.",
            )
            for index, key in enumerate(keys)
            if key not in slots
        ]
        if missing:
            raise Unprocessable(
                "The question names slots that do not exist, so they cannot be filled; correct "
                "their keys, or make the slots in the admin",
                code="unknown_slot",
                errors=missing,
            )
        options: dict[uuid.UUID, list[Option]] = {slot.id: [] for slot in slots.values()}
        for row in session.scalars(select(Candidate).where(Candidate.slot_id.in_(options))):
            options[row.slot_id].append(_option(row))
        return {key: (slot, options[slot.id]) for key, slot in slots.items()}

    def _may_profile(self, session: Session, subject_id: uuid.UUID) -> bool:
        consents = self._platform.services.find(Consents)
        return consents is not None and consents.granted(session, subject_id, PURPOSE_PROFILING)

    def _facts(
        self, session: Session, subject_id: uuid.UUID | None, now: datetime
    ) -> dict[str, Any]:
        if subject_id is None:
            return {"known": False}
        return {"known": True} | facts_of(self._platform, session, [subject_id], now)[subject_id]

    def _contents(
        self, session: Session, known: Mapping[str, tuple[Slot, list[Option]]], locale: str
    ) -> Mapping[uuid.UUID, PublishedEntry]:
        content = self._platform.services.find(PublishedContent)
        if content is None:
            return {}
        ids = {option.content_id for _slot, options in known.values() for option in options}
        return content.by_ids(session, sorted(ids), locale=locale)

    def _proposals(
        self,
        session: Session,
        slot: Slot,
        options: Sequence[Option],
        subject_id: uuid.UUID | None,
        facts: Mapping[str, Any],
        now: datetime,
        locale: str,
    ) -> dict[str, tuple[str, Proposal]]:
        context = DecideContext(
            session=session,
            platform=self._platform,
            slot=slot.key,
            subject_id=subject_id,
            facts=facts,
            tags={option.key: option.tags for option in options},
            now=now,
            locale=locale,
        )
        found: dict[str, tuple[str, Proposal]] = {}
        for answer in self._platform.plugins.call(Plugin.decide, context):
            for proposal in answer.value:
                present = found.get(proposal.candidate)
                if present is None or proposal.priority > present[1].priority:
                    found[proposal.candidate] = (answer.plugin, proposal)
        return found

    def _log_row(
        self,
        answer: Mapping[str, Any],
        slot: Slot,
        choice: Choice,
        context: Mapping[str, Any],
        now: datetime,
    ) -> Decision:
        return Decision(
            id=answer["decision_id"],
            slot=slot.key,
            slot_version=slot.version,
            decided_at=now,
            source=choice.source,
            propensity=answer["propensity"],
            eligible=choice.eligible,
            chosen=[option.key for option in choice.chosen],
            context={k: v for k, v in context.items() if k in ("locale", "channel", "device")},
        )


def _option(row: Candidate) -> Option:
    return Option(
        key=row.key,
        content_id=row.content_id,
        condition=compile_condition(row.condition),
        priority=row.priority,
        fallback=row.fallback,
        tags=tuple(row.tags),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def _answer(
    slot: Slot,
    choice: Choice,
    contents: Mapping[uuid.UUID, PublishedEntry],
    *,
    explain: bool,
    personal: bool,
) -> dict[str, Any]:
    """One decision as the API answers it. The rules decide without chance: propensity is 1."""
    answer: dict[str, Any] = {
        "decision_id": uuid7(),
        "slot": slot.key,
        "items": [
            {
                "candidate": option.key,
                "content_id": option.content_id,
                "variant": None,
                "position": position,
                "content": orjson.Fragment(contents[option.content_id].body),
            }
            for position, option in enumerate(choice.chosen)
        ],
        "source": choice.source,
        "personalised": personal,
        "propensity": 1.0,
        "in_holdout": False,
    }
    if explain:
        answer["why"] = [step.as_dict() for step in choice.why]
    return answer
