"""Making and changing slots and their candidates."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Conflict,
    NotFound,
    Platform,
    PreconditionFailed,
    Unprocessable,
    compile_condition,
)
from dxp_personalization.models import Candidate, Slot

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


class SlotService:
    """The only writer of slots and candidates."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def all(self, session: Session) -> list[tuple[Slot, int]]:
        """Every slot with the number of its candidates, by key."""
        count = func.count(Candidate.id)
        rows = session.execute(
            select(Slot, count)
            .outerjoin(Candidate, Candidate.slot_id == Slot.id)
            .group_by(Slot.id)
            .order_by(Slot.key)
        )
        return [(slot, number) for slot, number in rows]

    def get(self, session: Session, key: str, *, lock: bool = False) -> Slot:
        """One slot.

        Raises:
            NotFound: there is none with this key (`unknown_slot_key`).
        """
        query = select(Slot).where(Slot.key == key)
        slot = session.scalar(query.with_for_update() if lock else query)
        if slot is None:
            raise NotFound(
                f"There is no slot {key!r}; look at the list of slots, or make it first",
                code="unknown_slot_key",
            )
        return slot

    def candidates(self, session: Session, slot: Slot) -> list[Candidate]:
        """The candidates of a slot, fallbacks last, high priority first."""
        return list(
            session.scalars(
                select(Candidate)
                .where(Candidate.slot_id == slot.id)
                .order_by(Candidate.fallback, Candidate.priority.desc(), Candidate.key)
            )
        )

    def create(self, session: Session, actor: Actor, data: Mapping[str, Any]) -> Slot:
        """A new slot.

        Raises:
            Conflict: the key is taken (`slot_exists`).
        """
        if session.scalar(select(Slot.id).where(Slot.key == data["key"])) is not None:
            raise Conflict(
                f"There is a slot {data['key']!r} already; choose another key, or change that one",
                code="slot_exists",
            )
        now = self._platform.clock.now()
        slot = Slot(
            key=data["key"],
            title=data["title"],
            size=data.get("size", 1),
            created_at=now,
            updated_at=now,
        )
        session.add(slot)
        session.flush()
        self._audit(session, actor, "personalization.slot.created", slot, None, dict(data))
        return slot

    def put_candidate(
        self,
        session: Session,
        actor: Actor,
        *,
        slot_key: str,
        key: str,
        data: Mapping[str, Any],
        version: int | None = None,
    ) -> Candidate:
        """Make or replace a candidate of a slot.

        Args:
            data: `content_id`, and optionally `condition`, `priority`, `fallback`, `tags`,
                `starts_at`, `ends_at`.
            version: of the slot that the change was made upon; None when the caller does not care.

        Raises:
            NotFound: there is no such slot.
            PreconditionFailed: the slot was changed meanwhile.
            Unprocessable: the key is malformed (`invalid_key`).
            Unprocessable: the condition is not in the condition language (`invalid_condition`).
        """
        if not _KEY.fullmatch(key):
            raise Unprocessable(
                f"{key!r} cannot name a candidate, because keys are lower-case letters, digits, "
                "dots and dashes; send one such as spring-sale",
                code="invalid_key",
            )
        slot = self.get(session, slot_key, lock=True)
        self._check_version(slot, version)
        compile_condition(data.get("condition", {}))
        now = self._platform.clock.now()
        candidate = session.scalar(
            select(Candidate).where(Candidate.slot_id == slot.id, Candidate.key == key)
        )
        before = candidate.snapshot() if candidate else None
        if candidate is None:
            candidate = Candidate(slot_id=slot.id, key=key, created_at=now)
            session.add(candidate)
        candidate.content_id = data["content_id"]
        candidate.condition = dict(data.get("condition", {}))
        candidate.priority = data.get("priority", 0)
        candidate.fallback = data.get("fallback", False)
        candidate.tags = list(data.get("tags", ()))
        candidate.starts_at = data.get("starts_at")
        candidate.ends_at = data.get("ends_at")
        candidate.updated_at = now
        self._touch(session, slot)
        self._audit(
            session,
            actor,
            "personalization.candidate.saved",
            slot,
            before,
            candidate.snapshot(),
        )
        return candidate

    def delete_candidate(self, session: Session, actor: Actor, *, slot_key: str, key: str) -> None:
        """Take a candidate out of a slot.

        Raises:
            NotFound: the slot has no such candidate (`unknown_candidate`).
        """
        slot = self.get(session, slot_key, lock=True)
        candidate = self.candidate(session, slot, key)
        before = candidate.snapshot()
        session.delete(candidate)
        self._touch(session, slot)
        self._audit(session, actor, "personalization.candidate.deleted", slot, before, None)

    def candidate(self, session: Session, slot: Slot, key: str) -> Candidate:
        """One candidate of a slot.

        Raises:
            NotFound: the slot has no such candidate (`unknown_candidate`).
        """
        found = session.scalar(
            select(Candidate).where(Candidate.slot_id == slot.id, Candidate.key == key)
        )
        if found is None:
            raise NotFound(
                f"The slot {slot.key!r} has no candidate {key!r}; look at the slot's list",
                code="unknown_candidate",
            )
        return found

    def uses_of(self, session: Session, content_id: uuid.UUID) -> list[str]:
        """Keys of the slots in which some content is a candidate."""
        return list(
            session.scalars(
                select(Slot.key)
                .join(Candidate, Candidate.slot_id == Slot.id)
                .where(Candidate.content_id == content_id)
                .order_by(Slot.key)
            )
        )

    def _touch(self, session: Session, slot: Slot) -> None:
        slot.version += 1
        slot.updated_at = self._platform.clock.now()
        session.flush()

    @staticmethod
    def _check_version(slot: Slot, version: int | None) -> None:
        if version is not None and version != slot.version:
            raise PreconditionFailed(
                "The slot was changed by somebody else since you read it, and saving would undo "
                "that; read it again, then repeat your change"
            )

    def _audit(
        self,
        session: Session,
        actor: Actor,
        action: str,
        slot: Slot,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=action,
            object_type="slot",
            object_id=slot.key,
            before=before,
            after=after,
        )
