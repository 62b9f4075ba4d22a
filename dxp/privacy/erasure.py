"""Erasing one person: all plugins and the core, in one transaction or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import String, cast, delete, or_, select, update
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.auth.models import MailCode
from dxp.events import EventRow
from dxp.jobs import JobRow
from dxp.mail import SEND_MAIL
from dxp.plugins.contexts import SubjectContext
from dxp.plugins.spec import Plugin
from dxp.privacy.models import Export, ExportPart, Merge, NotDuplicate, PrivacyRequest
from dxp.subjects import SubjectKey

if TYPE_CHECKING:
    from dxp.platform import Platform

ERASED = "core.customer.erased"


@dataclass(frozen=True, kw_only=True)
class Erasing:
    """What a part of the core needs to forget a person.

    Attributes:
        members: all ids of the person: the one in use, then those merged into it.
    """

    session: Session
    platform: Platform
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
        """Forget a person and everybody merged into them. There is no way back.

        What stays: opaque ids, the ledgers' numbers with their hash chains, that something
        happened and when, and that it was erased. Whatever raises undoes it all, because it is
        the caller's transaction.

        Raises:
            NotFound: there is no such person, or they were erased before (`unknown_subject`).
        """
        members = self._platform.subjects.members(session, subject_id)
        # Those merged in first: what is still theirs must not find its way to the other.
        for member in reversed(members):
            context = SubjectContext(
                session=session, platform=self._platform, subject_id=member, actor=actor
            )
            self._platform.plugins.call(Plugin.erase_subject, context)
        session.flush()
        erasing = Erasing(session=session, platform=self._platform, members=members)
        for part in self._parts:
            part(erasing)
        self._platform.subjects.forget(session, members)
        for member in members:
            self._platform.audit.blank_subject(session, member)
        self._platform.audit.record(
            session,
            actor,
            action=ERASED,
            object_type="customer",
            object_id=members[0],
            subject_id=members[0],
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
    for member in erasing.members:
        erasing.platform.accounts.customer_tokens.revoke_all(
            erasing.session, member, reason="erased"
        )
    erasing.session.execute(delete(MailCode).where(MailCode.owner_id.in_(erasing.members)))


def _forget_jobs(erasing: Erasing) -> None:
    """Jobs that name the person, mails to them, and what failed deliveries said of their events."""
    session = erasing.session
    text = cast(JobRow.payload, String)
    gone = list(
        session.scalars(
            select(JobRow.id).where(or_(*(text.contains(str(key)) for key in erasing.members)))
        )
    )
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


def _mails_to(erasing: Erasing) -> list[uuid.UUID]:
    """Mails of any state whose address is a name of the person. Mails are stored sealed."""
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
    session.execute(
        delete(NotDuplicate).where(
            or_(NotDuplicate.low_id.in_(members), NotDuplicate.high_id.in_(members))
        )
    )
