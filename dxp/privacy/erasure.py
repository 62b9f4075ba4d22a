"""Erasing persons: all plugins and the core, in one transaction or not at all."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import String, cast, delete, or_, select, update
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.auth.models import MailCode
from dxp.events import EventRow
from dxp.jobs import DELIVER_EVENT, JobRow
from dxp.mail import SEND_MAIL
from dxp.plugins.contexts import ErasureContext
from dxp.plugins.spec import Plugin
from dxp.privacy.models import Export, ExportPart, Merge, NotDuplicate, PrivacyRequest
from dxp.subjects import SubjectKey

if TYPE_CHECKING:
    from dxp.platform import Platform

ERASED = "core.customer.erased"
CLOCK_SKEW_MS = 3_600_000
_FEW = 20
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Erasing:
    """What a part of the core needs to forget persons.

    Attributes:
        members: all ids of the persons: those in use, then those merged into them.
    """

    session: Session
    platform: Platform
    actor: Actor
    members: Sequence[uuid.UUID]


class Erasure:
    """Forgets persons. Layers above add what they keep by `add_part`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._parts: list[Callable[[Erasing], None]] = [
            _forget_jobs,
            _forget_sign_ins,
            _blank_events,
            _forget_copies,
        ]

    def add_part(self, part: Callable[[Erasing], None]) -> None:
        """Let `part` take part in every erasure; it writes through the session only."""
        self._parts.append(part)

    def erase(self, session: Session, actor: Actor, *, subject_id: uuid.UUID) -> None:
        """Forget a person and everybody merged into them; see `erase_many`.

        Raises:
            NotFound: there is no such person, or they were erased before (`unknown_subject`).
        """
        root_id = self._platform.subjects.get(session, subject_id)
        self.erase_many(session, actor, subject_ids=[root_id])

    def erase_many(
        self,
        session: Session,
        actor: Actor,
        *,
        subject_ids: Collection[uuid.UUID],
        asked: bool = True,
    ) -> None:
        """Forget persons and everybody merged into them. There is no way back.

        The number of statements does not grow with that of the persons, so hundreds may go in
        one transaction. Who is unknown, or was erased before, is passed over.

        What stays: opaque ids, the ledgers' numbers with their hash chains, that something
        happened and when, and that it was erased. Whatever raises undoes it all, because it is
        the caller's transaction.

        Args:
            asked: see `ErasureContext`.
        """
        subjects = self._platform.subjects
        subjects.lock(session, subject_ids)
        roots = sorted(set(subjects.get_many(session, subject_ids).values()))
        subjects.lock(session, roots)
        merged = subjects.merged_into(session, roots)
        subjects.lock(session, merged)
        # Those merged in first: what is still theirs must not find its way to the other.
        for persons in (merged, roots):
            if persons:
                context = ErasureContext(
                    session=session,
                    platform=self._platform,
                    subject_ids=persons,
                    actor=actor,
                    asked=asked,
                )
                self._platform.plugins.call(Plugin.erase_subjects, context)
        if not roots:
            return
        members = [*roots, *merged]
        session.flush()
        erasing = Erasing(session=session, platform=self._platform, actor=actor, members=members)
        for part in self._parts:
            part(erasing)
        self._platform.subjects.forget(session, members)
        self._platform.audit.blank_subjects(session, set(members))
        for root_id in roots:
            self._platform.audit.record(
                session,
                actor,
                action=ERASED,
                object_type="customer",
                object_id=root_id,
                subject_id=root_id,
            )


def _blank_events(erasing: Erasing) -> None:
    """That something happened stays, for ledgers and totals; what it was is forgotten."""
    erasing.session.execute(
        update(EventRow)
        .where(
            or_(EventRow.subject_id.in_(erasing.members), EventRow.origin_id.in_(erasing.members))
        )
        .values(data={})
        .execution_options(synchronize_session=False)
    )


def _forget_sign_ins(erasing: Erasing) -> None:
    erasing.platform.accounts.customer_tokens.revoke_all(
        erasing.session, erasing.members, reason="erased"
    )
    erasing.session.execute(delete(MailCode).where(MailCode.owner_id.in_(erasing.members)))


def _forget_jobs(erasing: Erasing) -> None:
    """Jobs that name the persons, mails to them, and what failed deliveries said of their events.

    Jobs are looked through once, whatever the number of persons.
    """
    session = erasing.session
    gone = _naming(erasing)
    gone += _mails_to(erasing)
    session.execute(delete(JobRow).where(JobRow.id.in_(gone)))
    failed = session.execute(
        select(JobRow.id, JobRow.payload).where(JobRow.last_error.is_not(None))
    ).all()
    told = {
        job.id: uuid.UUID(job.payload["event_id"]) for job in failed if "event_id" in job.payload
    }
    about = set(
        session.scalars(
            select(EventRow.id).where(
                EventRow.id.in_(set(told.values())), EventRow.subject_id.in_(erasing.members)
            )
        )
    )
    blank = [job_id for job_id, event_id in told.items() if event_id in about]
    session.execute(update(JobRow).where(JobRow.id.in_(blank)).values(last_error=None))


def _naming(erasing: Erasing) -> list[uuid.UUID]:
    """Jobs in whose payload the id of a person stands.

    Deliveries name an event and nobody else. No job is older than whom it names: ids tell when
    they were made, and hosts may differ by an hour.
    """
    text = cast(JobRow.payload, String)
    first = min(_floor(member) for member in erasing.members)
    query = select(JobRow.id, text.label("text")).where(
        JobRow.id >= first, JobRow.name != DELIVER_EVENT
    )
    if len(erasing.members) <= _FEW:
        query = query.where(or_(*(text.contains(str(key)) for key in erasing.members)))
    wanted = {str(key) for key in erasing.members}
    rows = erasing.session.execute(query.execution_options(yield_per=100))
    return [row.id for row in rows if not wanted.isdisjoint(_ID.findall(row.text))]


def _floor(made: uuid.UUID) -> uuid.UUID:
    """The lowest id that may be of a job about `made`; version 7 begins with the milliseconds of
    when it was made (RFC 9562).
    """
    if made.version != 7:
        return uuid.UUID(int=0)
    return uuid.UUID(int=max((made.int >> 80) - CLOCK_SKEW_MS, 0) << 80)


def _mails_to(erasing: Erasing) -> list[uuid.UUID]:
    """Mails of any state whose address is a name of a person. Mails are stored sealed."""
    digests = set(
        erasing.session.scalars(
            select(SubjectKey.digest).where(
                SubjectKey.subject_id.in_(erasing.members), SubjectKey.scheme == "email"
            )
        )
    )
    if not digests:
        return []
    rows = erasing.session.execute(
        select(JobRow.id, JobRow.payload)
        .where(JobRow.name == SEND_MAIL)
        .execution_options(yield_per=500)
    )
    mail, subjects = erasing.platform.mail, erasing.platform.subjects
    return [
        row.id for row in rows if subjects.digest("email", mail.recipient(row.payload)) in digests
    ]


def _forget_copies(erasing: Erasing) -> None:
    """Exports, what undoing a merge would need, and the words of requests; that they were stays."""
    session, members = erasing.session, erasing.members
    exports = select(Export.id).where(Export.subject_id.in_(members))
    session.execute(delete(ExportPart).where(ExportPart.export_id.in_(exports)))
    session.execute(
        update(Export)
        .where(Export.subject_id.in_(members), Export.state.in_(["queued", "ready"]))
        .values(state="expired", size=0)
    )
    session.execute(
        update(Merge)
        .where(or_(Merge.winner_id.in_(members), Merge.loser_id.in_(members)))
        .values(undo=None)
    )
    session.execute(
        update(PrivacyRequest)
        .where(PrivacyRequest.subject_id.in_(members))
        .values(details="", answer="")
    )
    # What else they asked for can be answered no more.
    session.execute(
        update(PrivacyRequest)
        .where(PrivacyRequest.subject_id.in_(members), PrivacyRequest.state == "open")
        .values(
            state="refused",
            closed_at=erasing.platform.clock.now(),
            closed_by=erasing.actor.key,
        )
    )
    session.execute(
        delete(NotDuplicate).where(
            or_(NotDuplicate.low_id.in_(members), NotDuplicate.high_id.in_(members))
        )
    )
