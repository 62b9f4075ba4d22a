"""Two persons who turn out to be one; and one who turns out to be two after all."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import null, or_, select, update
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.contracts import CustomersMerged, CustomersSplit
from dxp.errors import Conflict, NotFound, Unprocessable
from dxp.events import EventRow
from dxp.i18n import gettext
from dxp.plugins.contexts import MergeContext, UnmergeContext
from dxp.plugins.spec import Plugin
from dxp.privacy.models import Merge
from dxp.privacy.rows import PersonalRows
from dxp.subjects import Subject

if TYPE_CHECKING:
    from dxp.platform import Platform

UNDO_DAYS = 30
IDENTIFIED = "identified"
EVENTS = PersonalRows("events", EventRow, show=vars)


class Merges:
    """The only writer of merges.

    A merge can be undone for 30 days, of two known persons the latest first. What the loser
    brought goes back, and so does what came since under the loser's own names; all else stays.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def merge(
        self,
        session: Session,
        actor: Actor,
        *,
        winner_id: uuid.UUID,
        loser_id: uuid.UUID,
        choices: Mapping[str, str] | None = None,
        reason: str = "person",
        under: uuid.UUID | None = None,
    ) -> Merge:
        """Make `loser_id` lead to `winner_id`, with all that plugins hold of it.

        Args:
            choices: by field, `winner` or `loser`; see `MergeContext`.
            reason: `person` or `identified`.
            under: the id by which the winner was named, when it leads to `winner_id`.

        Raises:
            NotFound: one of them is unknown or erased (`unknown_subject`).
            Unprocessable: they are one already, or the loser is known and the winner only a
                browser (`cannot_merge`).
        """
        winner, loser = self._lock(session, winner_id, loser_id)
        for subject in (winner, loser):
            if subject.merged_into_id is not None:
                raise _cannot(
                    gettext("One of the two was merged before; use the customer it leads to")
                )
        if winner.id == loser.id:
            raise _cannot(gettext("These are one customer already, so there is nothing to merge"))
        if winner.anonymous and not loser.anonymous:
            raise _cannot(
                gettext("A browser cannot take over a known customer; merge the other way round")
            )
        now = self._platform.clock.now()
        context = MergeContext(
            session=session,
            platform=self._platform,
            winner_id=winner.id,
            loser_id=loser.id,
            actor=actor,
            choices=dict(choices or {}),
        )
        answers = self._platform.plugins.call(Plugin.merge_subjects, context)
        # Last, for what plugins published of the loser meanwhile.
        EVENTS.merge(context)
        self._platform.subjects.lead(session, [context.loser_id], to=context.winner_id)
        merge = Merge(
            winner_id=under or context.winner_id,
            loser_id=context.loser_id,
            reason=reason,
            merged_at=now,
            by=actor.key,
            undo={answer.plugin: dict(answer.value) for answer in answers},
            undo_until=now + timedelta(days=UNDO_DAYS),
        )
        session.add(merge)
        session.flush()
        self._platform.events.publish(
            session, CustomersMerged(loser=str(merge.loser_id)), subject_id=context.winner_id
        )
        self._record(session, actor, merge, "merged")
        return merge

    def undo(self, session: Session, actor: Actor, *, merge_id: uuid.UUID) -> Merge:
        """Make two persons of one again.

        Raises:
            NotFound: there is no such merge (`unknown_merge`).
            Conflict: `merge_undone`, `merge_expired`, or a later merge has to be undone first
                (`merge_in_the_way`).
        """
        merge = self.get(session, merge_id)
        winner, _loser = self._lock(session, merge.winner_id, merge.loser_id)
        session.refresh(merge)
        problem = self._obstacle(session, merge, winner)
        if problem is not None:
            raise problem
        members = self._beneath(session, merge.loser_id)
        undo = merge.undo or {}
        others = [member for member in members if member != merge.loser_id]
        self._platform.subjects.lead(session, [merge.loser_id], to=None)
        if others:
            self._platform.subjects.lead(session, others, to=merge.loser_id)
        merge.undone_at, merge.undone_by = self._platform.clock.now(), actor.key
        merge.undo = None
        session.flush()
        session.expire_all()
        context = UnmergeContext(
            session=session,
            platform=self._platform,
            winner_id=winner.merged_into_id or winner.id,
            loser_id=merge.loser_id,
            actor=actor,
            members=members,
        )
        EVENTS.unmerge(context)
        self._platform.plugins.call_each(
            Plugin.unmerge_subjects,
            lambda loaded: replace(context, undo=undo.get(loaded.name, {})),
        )
        self._platform.events.publish(
            session, CustomersSplit(loser=str(merge.loser_id)), subject_id=context.winner_id
        )
        self._record(session, actor, merge, "split")
        return merge

    def get(self, session: Session, merge_id: uuid.UUID) -> Merge:
        """A merge.

        Raises:
            NotFound: there is none with this id (`unknown_merge`).
        """
        merge = session.get(Merge, merge_id)
        if merge is None:
            raise NotFound(
                gettext("There is no merge with this id; look at the customer's merges"),
                code="unknown_merge",
            )
        return merge

    def of_subject(self, session: Session, subject_id: uuid.UUID) -> Sequence[Merge]:
        """Merges that made this person, the latest first."""
        members = self._platform.subjects.members(session, subject_id)
        return session.scalars(
            select(Merge)
            .where(or_(Merge.winner_id.in_(members), Merge.loser_id.in_(members)))
            .order_by(Merge.id.desc())
        ).all()

    def why_not_undo(self, session: Session, merge: Merge) -> Conflict | None:
        """Why a merge cannot be undone, or None."""
        winner = session.get_one(Subject, merge.winner_id)
        return self._obstacle(session, merge, winner)

    def kept_of(
        self, session: Session, loser_ids: Collection[uuid.UUID], *, plugin: str
    ) -> list[Mapping[str, Any]]:
        """What a plugin's `merge_subjects` returned of these, as far as it may still be undone."""
        rows = session.scalars(
            select(Merge.undo).where(Merge.loser_id.in_(loser_ids), Merge.undo.is_not(None))
        )
        return [undo[plugin] for undo in rows if undo and undo.get(plugin)]

    def drop_overdue(self, session: Session) -> int:
        """Forget what undoing would need, once its time is over; returns of how many merges."""
        dropped = session.scalars(
            update(Merge)
            .where(
                Merge.undo_until <= self._platform.clock.now(),
                Merge.undo.is_not(None),
                Merge.undone_at.is_(None),
            )
            .values(undo=null())
            .returning(Merge.id)
        )
        return len(dropped.all())

    def _obstacle(self, session: Session, merge: Merge, winner: Subject) -> Conflict | None:
        if merge.undone_at is not None:
            return Conflict(
                gettext("The merge was undone before, so there is nothing left to undo"),
                code="merge_undone",
            )
        if winner.erased_at is not None:
            return Conflict(
                gettext("The customer was erased, so nothing is left that could be split"),
                code="merge_expired",
            )
        if merge.undo_until <= self._platform.clock.now() or merge.undo is None:
            return Conflict(
                gettext(
                    "The merge is more than %(days)s days old, and what undoing needs was "
                    "deleted; register the other customer anew",
                    days=UNDO_DAYS,
                ),
                code="merge_expired",
            )
        if merge.reason == IDENTIFIED:
            # A browser has no profile, and its rows name it: nothing builds upon them.
            return None
        later = select(Merge.id).where(
            Merge.undone_at.is_(None),
            Merge.reason != IDENTIFIED,
            Merge.id > merge.id,
            or_(Merge.winner_id == merge.winner_id, Merge.loser_id == merge.winner_id),
        )
        if session.scalar(later.limit(1)) is not None:
            return Conflict(
                gettext(
                    "A later merge of the same customer builds upon this one; undo the latest "
                    "merge first"
                ),
                code="merge_in_the_way",
            )
        return None

    def _beneath(self, session: Session, subject_id: uuid.UUID) -> list[uuid.UUID]:
        """A subject and all whose merges lead to it."""
        found = [subject_id]
        edge = [subject_id]
        while edge:
            edge = list(
                session.scalars(
                    select(Merge.loser_id).where(
                        Merge.winner_id.in_(edge), Merge.undone_at.is_(None)
                    )
                )
            )
            found += edge
        return found

    def _lock(
        self, session: Session, first_id: uuid.UUID, second_id: uuid.UUID
    ) -> tuple[Subject, Subject]:
        """Both subjects, locked in the order of their ids; erased and unknown ones are refused."""
        rows = session.scalars(
            select(Subject)
            .where(Subject.id.in_([first_id, second_id]))
            .order_by(Subject.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found = {subject.id: subject for subject in rows}
        for subject_id in (first_id, second_id):
            if subject_id not in found or found[subject_id].erased_at is not None:
                self._platform.subjects.get(session, subject_id)
        return found[first_id], found[second_id]

    def _record(self, session: Session, actor: Actor, merge: Merge, what: str) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"core.customer.{what}",
            object_type="customer",
            object_id=merge.winner_id,
            subject_id=merge.winner_id,
            after={"other": str(merge.loser_id), "reason": merge.reason},
        )


def _cannot(text: str) -> Unprocessable:
    return Unprocessable(text, code="cannot_merge")
