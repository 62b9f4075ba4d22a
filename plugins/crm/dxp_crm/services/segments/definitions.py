"""Making, changing and switching segments; lists made by hand."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Conflict,
    FieldError,
    NotFound,
    Platform,
    PreconditionFailed,
    Unprocessable,
    compile_condition,
    dialect_insert,
)
from dxp_crm.models import Customer, Segment, SegmentDue, SegmentMember, SegmentSize
from dxp_crm.models.segment import ACTIVE, DRAFT, DYNAMIC, STATIC
from dxp_crm.services.segments.building import count_members, start_build
from dxp_crm.services.segments.catalogue import FieldCatalogue
from dxp_crm.services.segments.evaluating import Evaluator
from dxp_crm.services.segments.live import asking_about, cycle_of


@dataclass(frozen=True, kw_only=True)
class ListChange:
    """What became of customers who were put on a list, or taken off it."""

    changed: int
    unknown: Sequence[str]


class SegmentService:
    """The only writer of segments, and of the members of lists."""

    def __init__(self, platform: Platform, catalogue: FieldCatalogue, evaluator: Evaluator) -> None:
        self._platform = platform
        self._catalogue = catalogue
        self._evaluator = evaluator

    def get(self, session: Session, key: str, *, lock: bool = False) -> Segment:
        """One segment.

        Raises:
            NotFound: there is none with this key (`unknown_segment`).
        """
        query = select(Segment).where(Segment.key == key)
        found = session.scalar(query.with_for_update() if lock else query)
        if found is None:
            raise NotFound(
                f"There is no segment {key!r}; look at the list of segments for the right key",
                code="unknown_segment",
            )
        return found

    def create(self, session: Session, actor: Actor, data: Mapping[str, Any]) -> Segment:
        """Make a segment; a list is ready at once, another is a draft until `activate`.

        Args:
            data: `key`, `names`, `kind` and, of a dynamic one, `condition`.

        Raises:
            Conflict: the key is taken (`segment_exists`).
            Unprocessable: the condition cannot be used (`invalid_condition`, `segment_cycle`).
        """
        kind = data.get("kind", DYNAMIC)
        condition = data.get("condition") or {}
        if session.scalar(select(Segment.id).where(Segment.key == data["key"])) is not None:
            raise Conflict(
                f"There is already a segment {data['key']!r}; choose another key, or change that "
                "segment",
                code="segment_exists",
            )
        self._check(session, data["key"], kind, condition)
        now = self._platform.clock.now()
        segment = Segment(
            key=data["key"],
            names=dict(data["names"]),
            kind=kind,
            condition=dict(condition),
            status=ACTIVE if kind == STATIC else DRAFT,
            created_at=now,
            updated_at=now,
        )
        session.add(segment)
        session.flush()
        self._audit(session, actor, "created", segment, before=None)
        return segment

    def update(
        self,
        session: Session,
        actor: Actor,
        *,
        key: str,
        changes: Mapping[str, Any],
        version: int | None = None,
    ) -> Segment:
        """Change names, condition or status; those that `changes` does not name stay.

        A live segment whose condition changes is built anew, and serves its old members until a
        customer is looked at. The status `active` switches a draft on, `draft` switches off.

        Args:
            version: that the change was made upon; None when the caller does not care.

        Raises:
            PreconditionFailed: somebody else changed the segment meanwhile.
            Unprocessable: the condition cannot be used (`invalid_condition`, `segment_cycle`).
            Conflict: it is switched off while others ask about it (`segment_in_use`).
        """
        segment = self.get(session, key, lock=True)
        if version is not None and version != segment.version:
            raise PreconditionFailed(
                "The segment was changed since you read it, and saving would undo that; read it "
                "again, then repeat your change"
            )
        before = segment.snapshot()
        if "names" in changes:
            segment.names = dict(changes["names"])
        changed = "condition" in changes and dict(changes["condition"]) != segment.condition
        if changed:
            self._check(session, key, segment.kind, changes["condition"])
            segment.condition = dict(changes["condition"])
        segment.updated_at = self._platform.clock.now()
        wanted = changes.get("status", segment.status)
        if segment.kind == DYNAMIC and wanted != DRAFT and (changed or segment.status == DRAFT):
            start_build(self._platform, session, segment)
        elif segment.kind == DYNAMIC and wanted == DRAFT and segment.status != DRAFT:
            self._refuse_use(session, segment, "switched off")
            self._empty(session, segment)
            segment.status, segment.size = DRAFT, 0
            segment.version += 1
        else:
            segment.version += 1
        session.flush()
        self._audit(session, actor, "updated", segment, before=before)
        return segment

    def activate(self, session: Session, actor: Actor, *, key: str) -> Segment:
        """Switch a segment on: everybody is looked at in a job, then it follows what happens."""
        return self.update(session, actor, key=key, changes={"status": ACTIVE})

    def delete(self, session: Session, actor: Actor, *, key: str) -> None:
        """Remove a segment.

        Raises:
            Conflict: other segments ask about it (`segment_in_use`).
        """
        segment = self.get(session, key, lock=True)
        self._refuse_use(session, segment, "deleted")
        before = segment.snapshot()
        self._empty(session, segment)
        session.execute(delete(SegmentSize).where(SegmentSize.segment_id == segment.id))
        session.delete(segment)
        session.flush()
        self._audit(session, actor, "deleted", segment, before=before)

    def add_to_list(
        self, session: Session, actor: Actor, *, key: str, refs: Sequence[str]
    ) -> ListChange:
        """Put customers on a list, by the shop's own numbers.

        Raises:
            Conflict: the segment has a condition and no list (`segment_not_static`).
        """
        segment, known, unknown = self._listed(session, key, refs)
        insert = dialect_insert(session, SegmentMember).on_conflict_do_nothing()
        now = self._platform.clock.now()
        added = (
            session.scalars(
                insert.returning(SegmentMember.subject_id),
                [
                    {"segment_id": segment.id, "subject_id": subject_id, "since": now}
                    for subject_id in known
                ],
            ).all()
            if known
            else []
        )
        self._list_changed(session, actor, segment, added, "added")
        return ListChange(changed=len(added), unknown=unknown)

    def remove_from_list(
        self, session: Session, actor: Actor, *, key: str, refs: Sequence[str]
    ) -> ListChange:
        """Take customers off a list, by the shop's own numbers.

        Raises:
            Conflict: the segment has a condition and no list (`segment_not_static`).
        """
        segment, known, unknown = self._listed(session, key, refs)
        removed = session.scalars(
            delete(SegmentMember)
            .where(SegmentMember.segment_id == segment.id, SegmentMember.subject_id.in_(known))
            .returning(SegmentMember.subject_id)
        ).all()
        self._list_changed(session, actor, segment, removed, "removed")
        return ListChange(changed=len(removed), unknown=unknown)

    def _listed(
        self, session: Session, key: str, refs: Sequence[str]
    ) -> tuple[Segment, list[uuid.UUID], list[str]]:
        segment = self.get(session, key, lock=True)
        if segment.kind != STATIC:
            raise Conflict(
                "The members of this segment follow from its condition, so nobody can be put on "
                "it or taken off it by hand; change the condition, or make a list",
                code="segment_not_static",
            )
        rows = session.execute(
            select(Customer.ref, Customer.subject_id).where(Customer.ref.in_(set(refs)))
        )
        known = {row.ref: row.subject_id for row in rows}
        return segment, sorted(known.values()), [ref for ref in refs if ref not in known]

    def _list_changed(
        self,
        session: Session,
        actor: Actor,
        segment: Segment,
        subject_ids: Sequence[uuid.UUID],
        action: str,
    ) -> None:
        if not subject_ids:
            return
        segment.size = count_members(session, segment.id)
        segment.updated_at = self._platform.clock.now()
        session.flush()
        everything = self._evaluator.live.read(session)
        dependents = asking_about(everything, {segment.key})
        self._evaluator.evaluate(session, subject_ids, dependents, everything=everything)
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.segment.members_{action}",
            object_type="segment",
            object_id=segment.key,
            after={"customers": len(subject_ids)},
        )

    def _check(self, session: Session, key: str, kind: str, source: Mapping[str, Any]) -> None:
        if kind == STATIC:
            if source:
                raise Unprocessable(
                    "A list made by hand has no condition; leave the condition out, or make a "
                    "dynamic segment",
                    code="invalid_condition",
                    errors=[FieldError(pointer="/condition", code="not_here", detail="a list")],
                )
            return
        condition = compile_condition(source, events=True)
        asked = {
            row.key: compile_condition(row.condition, events=True).segments
            for row in session.execute(select(Segment.key, Segment.condition))
        }
        asked[key] = condition.segments
        self._catalogue.check(session, condition, known=asked)
        cycle = cycle_of(asked)
        if cycle is not None:
            path = " → ".join(cycle)
            raise Unprocessable(
                f"The segment would ask about itself: {path}; take one of these segments out of "
                "the condition",
                code="segment_cycle",
                errors=[FieldError(pointer="/condition", code="segment_cycle", detail=path)],
            )

    def _refuse_use(self, session: Session, segment: Segment, done: str) -> None:
        users = [
            row.key
            for row in session.execute(select(Segment.key, Segment.condition))
            if segment.key in compile_condition(row.condition, events=True).segments
        ]
        if users:
            raise Conflict(
                f"The segment {segment.key!r} cannot be {done}, because other segments ask about "
                f"it: {', '.join(sorted(users))}; change those first",
                code="segment_in_use",
            )

    @staticmethod
    def _empty(session: Session, segment: Segment) -> None:
        for model in (SegmentMember, SegmentDue):
            session.execute(delete(model).where(model.segment_id == segment.id))

    def _audit(
        self,
        session: Session,
        actor: Actor,
        action: str,
        segment: Segment,
        *,
        before: dict[str, Any] | None,
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.segment.{action}",
            object_type="segment",
            object_id=segment.key,
            before=before,
            after=None if action == "deleted" else segment.snapshot(),
        )
