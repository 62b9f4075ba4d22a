"""Recording, reading, checking and blanking the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import ColumnElement, Select, event, insert, null, or_, select, update
from sqlalchemy.orm import Session, SessionTransaction

from dxp.audit import chain
from dxp.audit.chain import GENESIS, Anchor, Verification
from dxp.audit.context import request_id as current_request_id
from dxp.audit.details import changed
from dxp.audit.models import AuditEntry
from dxp.db.locks import transaction_lock

if TYPE_CHECKING:
    from dxp.platform import Platform

_PENDING = "dxp_audit_pending"
_MAX_LABEL = 200
_COLUMNS = tuple(AuditEntry.__table__.columns.keys())
_STREAM_ROWS = 500


class Doer(Protocol):
    """Whoever does something; `dxp.auth.Actor` and its kin."""

    @property
    def key(self) -> str: ...

    @property
    def label(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """What to list. Empty fields do not restrict.

    Attributes:
        who: an actor's key, or part of an actor's name.
        action: an action, or its beginning up to a dot: `core.staff` finds `core.staff.created`.
        since, until: a half-open span of time.
    """

    who: str = ""
    action: str = ""
    object_type: str = ""
    object_id: str = ""
    subject_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class Audit:
    """The only writer of the audit log.

    Entries are buffered with the session and chained in the instant before its commit: the
    chain's lock is then the last one that a transaction takes, so it is held shortly and can be
    part of no deadlock. What a rolled-back savepoint did is dropped with it.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def record(
        self,
        session: Session,
        actor: Doer,
        *,
        action: str,
        object_type: str,
        object_id: object,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        subject_id: uuid.UUID | None = None,
    ) -> None:
        """Note a change; it is written if and when `session` commits.

        Args:
            action: `<plugin>.<thing>.<past participle>`, such as `crm.customer.updated`.
            before, after: the object's fields; only those that differ are kept, and what is
                named like a secret is left out.
            request_id: that of the request being served when None.
            subject_id: the customer whom it concerns, for timelines and for erasure.
        """
        old, new = changed(before, after)
        entry = AuditEntry(
            at=self._platform.clock.wall(),
            actor_key=actor.key,
            actor_label=actor.label[:_MAX_LABEL],
            action=action,
            object_type=object_type,
            object_id=str(object_id),
            subject_id=subject_id,
            request_id=request_id or current_request_id.get(),
            before=old,
            after=new,
        )
        self._pending(session).append((entry, _transaction_of(session)))

    def matching(self, wanted: AuditFilter | None = None) -> Select[AuditEntry]:
        """The entries that a filter lets through, not yet sorted."""
        return select(AuditEntry).where(*_conditions(wanted or AuditFilter()))

    def entries(
        self,
        session: Session,
        *,
        wanted: AuditFilter | None = None,
        before_seq: int | None = None,
        limit: int = 50,
    ) -> Sequence[AuditEntry]:
        """Entries, newest first.

        Args:
            before_seq: only entries older than this one, for the next page.
        """
        query = self.matching(wanted).order_by(AuditEntry.seq.desc()).limit(limit)
        if before_seq is not None:
            query = query.where(AuditEntry.seq < before_seq)
        return session.scalars(query).all()

    def head(self, session: Session) -> Anchor | None:
        """The newest link, to be noted where the database's writers cannot reach."""
        row = session.execute(
            select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
        ).first()
        return None if row is None else Anchor(seq=row.seq, hash=row.hash)

    def verify(
        self,
        session: Session,
        *,
        progress: Callable[[int], None] | None = None,
        anchor: Anchor | None = None,
    ) -> Verification:
        """Check the whole chain, streaming, up to the first entry that does not fit.

        Args:
            progress: told the number of entries checked so far, now and then.
            anchor: a link noted earlier; without one, entries cut off at the end go unnoticed.
        """
        rows = session.scalars(
            select(AuditEntry)
            .order_by(AuditEntry.seq)
            .execution_options(yield_per=_STREAM_ROWS, populate_existing=True)
        )
        try:
            return chain.verify(self._key(), rows, anchor=anchor, progress=progress)
        finally:
            rows.close()

    def blank(self, session: Session, object_type: str, object_id: object) -> int:
        """Erase what entries tell of one object's values; that something was done stays.

        Returns the number of entries. The chain still verifies.
        """
        text = str(object_id)
        return self._blank(
            session,
            lambda entry: (entry.object_type, entry.object_id) == (object_type, text),
            AuditEntry.object_type == object_type,
            AuditEntry.object_id == text,
        )

    def blank_subjects(self, session: Session, subject_ids: Collection[uuid.UUID]) -> int:
        """Erase what entries tell of customers, whatever the object."""
        return self._blank(
            session,
            lambda entry: entry.subject_id in subject_ids,
            AuditEntry.subject_id.in_(subject_ids),
        )

    @staticmethod
    def _blank(
        session: Session,
        concerns: Callable[[AuditEntry], bool],
        *conditions: ColumnElement[bool],
    ) -> int:
        for entry, _transaction in session.info.get(_PENDING, ()):
            if concerns(entry):
                entry.before = entry.after = None
        blanked = session.scalars(
            update(AuditEntry)
            .where(*conditions, AuditEntry.salt.is_not(None))
            .values(before=null(), after=null(), salt=null())
            .returning(AuditEntry.seq)
            .execution_options(synchronize_session=False)
        )
        return len(blanked.all())

    def _pending(self, session: Session) -> list[tuple[AuditEntry, SessionTransaction | None]]:
        pending: list[tuple[AuditEntry, SessionTransaction | None]] | None
        pending = session.info.get(_PENDING)
        if pending is None:
            pending = session.info[_PENDING] = []
            event.listen(session, "before_commit", self._append)
            event.listen(session, "after_soft_rollback", _drop_undone)
        return pending

    def _append(self, session: Session) -> None:
        if session.in_nested_transaction():
            return
        pending = session.info[_PENDING]
        if not pending:
            return
        session.flush()
        transaction_lock(session, "dxp.audit")
        head = self.head(session)
        seq, prev_hash = (head.seq, head.hash) if head else (0, GENESIS)
        key = self._key()
        for entry, _transaction in pending:
            seq += 1
            chain.link(key, entry, seq=seq, prev_hash=prev_hash)
            prev_hash = entry.hash
        # Nobody reads them in this session, so it need not keep track of thousands.
        rows = [{name: getattr(entry, name) for name in _COLUMNS} for entry, _ in pending]
        session.execute(insert(AuditEntry), rows)
        pending.clear()

    def _key(self) -> bytes:
        return self._platform.settings.secret("audit")


def _transaction_of(session: Session) -> SessionTransaction | None:
    return session.get_nested_transaction() or session.get_transaction()


def _drop_undone(session: Session, undone: SessionTransaction) -> None:
    """Forget what was noted inside the transaction that was rolled back, or below it."""
    pending = session.info.get(_PENDING, [])
    pending[:] = [item for item in pending if not _lies_in(item[1], undone)]


def _lies_in(transaction: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is outer:
            return True
        transaction = transaction.parent
    return False


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.who:
        found.append(
            or_(
                AuditEntry.actor_key == wanted.who,
                AuditEntry.actor_label.icontains(wanted.who, autoescape=True),
            )
        )
    if wanted.action:
        found.append(
            or_(
                AuditEntry.action == wanted.action,
                AuditEntry.action.startswith(f"{wanted.action}.", autoescape=True),
            )
        )
    if wanted.object_type:
        found.append(AuditEntry.object_type == wanted.object_type)
    if wanted.object_id:
        found.append(AuditEntry.object_id == wanted.object_id)
    if wanted.subject_id is not None:
        found.append(AuditEntry.subject_id == wanted.subject_id)
    if wanted.since is not None:
        found.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditEntry.at < wanted.until)
    return found
