"""Creating, naming and finding subjects."""

from __future__ import annotations

import hmac
import unicodedata
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, any_, delete, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from dxp.db import dialect_insert, uuid7
from dxp.errors import Conflict, NotFound
from dxp.subjects.models import Subject, SubjectKey

if TYPE_CHECKING:
    from dxp.platform import Platform


ANONYMOUS = "anonymous"
"""The scheme of a browser's own id."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Whom a name leads to.

    Attributes:
        subject_id: the person to use, after merges.
        origin_id: the person whose name it is, when merges lead on from there; else None. What
            is kept of a person keeps this beside it, so that undoing a merge splits it back.
    """

    subject_id: uuid.UUID
    origin_id: uuid.UUID | None = None


class Subjects:
    """The only writer of subjects and their keys."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def digest(self, scheme: str, value: str) -> str:
        """The stored form of a key: HMAC-SHA256 under the platform's secret.

        Values are compared as people mean them: NFKC, trimmed, and e-mail addresses without
        regard to case.
        """
        text = unicodedata.normalize("NFKC", value).strip()
        if scheme == "email":
            text = text.casefold()
        message = f"{scheme}\x00{text}".encode()
        return hmac.digest(self._secret, message, "sha256").hex()

    @cached_property
    def _secret(self) -> bytes:
        return self._platform.settings.secret("subject-keys")

    def create(self, session: Session, *, keys: Sequence[tuple[str, str]] = ()) -> Subject:
        """A new subject, named by `keys` of (scheme, value); a browser if that is all they say.

        Raises:
            Conflict: another subject already has one of the keys (`subject_key_taken`).
        """
        subject = Subject(created_at=self._now(), anonymous=_anonymous(keys))
        session.add(subject)
        session.flush()
        for scheme, value in keys:
            self._link(session, subject.id, scheme=scheme, value=value)
        return subject

    def create_many(
        self, session: Session, names: Sequence[Sequence[tuple[str, str]]]
    ) -> list[uuid.UUID]:
        """A new subject for each list of (scheme, value) keys, in three statements for all.

        Raises:
            Conflict: another subject has one of the keys, or two of these want the same one
                (`subject_key_taken`); nothing is left behind if a savepoint is around it.
        """
        now = self._now()
        ids = [uuid7() for _keys in names]
        keys = {
            self.digest(scheme, value): (scheme, subject_id)
            for subject_id, wanted in zip(ids, names, strict=True)
            for scheme, value in wanted
        }
        if len(keys) < sum(len(wanted) for wanted in names):
            raise _taken("key")
        if not ids:
            return []
        rows = [
            {"id": subject_id, "created_at": now, "anonymous": _anonymous(wanted)}
            for subject_id, wanted in zip(ids, names, strict=True)
        ]
        session.execute(insert(Subject), rows)
        if keys:
            added = session.scalars(
                dialect_insert(session, SubjectKey)
                .on_conflict_do_nothing()
                .returning(SubjectKey.digest),
                [
                    {
                        "digest": digest,
                        "scheme": scheme,
                        "subject_id": subject_id,
                        "created_at": now,
                    }
                    for digest, (scheme, subject_id) in keys.items()
                ],
            ).all()
            if len(added) < len(keys):
                raise _taken("key")
        return ids

    def taken(self, session: Session, names: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of the (scheme, value) names that somebody has, also when they were erased."""
        digests = {name: self.digest(*name) for name in names}
        if not digests:
            return set()
        query = select(SubjectKey.digest).where(SubjectKey.digest.in_(set(digests.values())))
        held = set(session.scalars(query))
        return {name for name, digest in digests.items() if digest in held}

    def meet(self, session: Session, browser_ids: Collection[str]) -> dict[str, Trace]:
        """The subjects of browsers, following merges; made for those that were never seen.

        Five statements at most. A browser whose subject was erased is absent.
        """
        names = {(ANONYMOUS, value) for value in browser_ids}
        known = self.trace_many(session, names, hold=True)
        unknown = names - known.keys()
        if unknown:
            self._make_browsers(session, unknown)
            known |= self.trace_many(session, unknown, hold=True)
        return {value: trace for (_scheme, value), trace in known.items()}

    def _make_browsers(self, session: Session, names: Collection[tuple[str, str]]) -> None:
        now = self._now()
        # In one order, so that two requests with the same browsers never wait for each other.
        made = {digest: uuid7() for digest in sorted(self.digest(*name) for name in names)}
        session.execute(
            insert(Subject),
            [{"id": made_id, "created_at": now, "anonymous": True} for made_id in made.values()],
        )
        linked = session.scalars(
            dialect_insert(session, SubjectKey)
            .on_conflict_do_nothing()
            .returning(SubjectKey.subject_id),
            [
                {"digest": digest, "scheme": ANONYMOUS, "subject_id": made_id, "created_at": now}
                for digest, made_id in made.items()
            ],
        )
        surplus = set(made.values()) - set(linked)
        if surplus:
            # Another request met them first, or they were erased.
            session.execute(delete(Subject).where(Subject.id.in_(surplus)))

    def link(self, session: Session, subject_id: uuid.UUID, *, scheme: str, value: str) -> None:
        """Give a subject another name.

        Raises:
            Conflict: the name is another subject's (`subject_key_taken`).
        """
        self._link(session, subject_id, scheme=scheme, value=value)
        if scheme != ANONYMOUS:
            session.execute(
                update(Subject)
                .where(Subject.id == subject_id, Subject.anonymous)
                .values(anonymous=False)
            )

    def _link(self, session: Session, subject_id: uuid.UUID, *, scheme: str, value: str) -> None:
        digest = self.digest(scheme, value)
        adding = dialect_insert(session, SubjectKey).values(
            digest=digest, scheme=scheme, subject_id=subject_id, created_at=self._now()
        )
        added = session.scalars(
            adding.on_conflict_do_nothing().returning(SubjectKey.subject_id)
        ).first()
        if added is None:
            owner = session.scalar(select(SubjectKey.subject_id).where(SubjectKey.digest == digest))
            if owner != subject_id:
                raise _taken(scheme)

    def unlink(self, session: Session, subject_id: uuid.UUID, *, scheme: str, value: str) -> None:
        """Take a name from a subject that should never have had it; another's stays."""
        session.execute(
            delete(SubjectKey).where(
                SubjectKey.digest == self.digest(scheme, value),
                SubjectKey.subject_id == subject_id,
            )
        )

    def find(self, session: Session, scheme: str, value: str) -> uuid.UUID | None:
        """The subject that has this name, following merges; None when nobody has it."""
        row = session.execute(
            select(Subject.id, Subject.merged_into_id)
            .join(SubjectKey, SubjectKey.subject_id == Subject.id)
            .where(SubjectKey.digest == self.digest(scheme, value), Subject.erased_at.is_(None))
        ).first()
        return None if row is None else row.merged_into_id or row.id

    def find_many(
        self, session: Session, names: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], uuid.UUID]:
        """The subjects of many (scheme, value) names, following merges; unknown ones are absent."""
        return {name: found.subject_id for name, found in self.trace_many(session, names).items()}

    def trace_many(
        self, session: Session, names: Collection[tuple[str, str]], *, hold: bool = False
    ) -> dict[tuple[str, str], Trace]:
        """As `find_many`, and whose name each was before it was merged.

        Args:
            hold: nobody is merged or erased until `session` has committed, for who writes rows
                about them and must not write them about somebody who is gone by then.
        """
        digests = {name: self.digest(*name) for name in names}
        if not digests:
            return {}
        query = (
            select(SubjectKey.digest, Subject.id, Subject.merged_into_id)
            .join(Subject, SubjectKey.subject_id == Subject.id)
            .where(_among(session, list(digests.values())), Subject.erased_at.is_(None))
        )
        rows = session.execute(_held(query) if hold else query)
        known = {row.digest: _trace(row.id, row.merged_into_id) for row in rows}
        return {name: known[digest] for name, digest in digests.items() if digest in known}

    def get_many(
        self, session: Session, subject_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, uuid.UUID]:
        """The ids to use for many, following merges; unknown and erased ones are absent."""
        traces = self.trace_ids(session, subject_ids)
        return {given: found.subject_id for given, found in traces.items()}

    def trace_ids(
        self, session: Session, subject_ids: Collection[uuid.UUID], *, hold: bool = False
    ) -> dict[uuid.UUID, Trace]:
        """As `get_many`, and which were merged; `hold` as of `trace_many`."""
        if not subject_ids:
            return {}
        query = select(Subject.id, Subject.merged_into_id).where(
            Subject.id.in_(list(subject_ids)), Subject.erased_at.is_(None)
        )
        rows = session.execute(_held(query) if hold else query)
        return {row.id: _trace(row.id, row.merged_into_id) for row in rows}

    def trace(self, session: Session, subject_id: uuid.UUID) -> Trace:
        """As `get`, and whether `subject_id` was merged.

        Raises:
            NotFound: there is no such subject, or it was erased (`unknown_subject`).
        """
        root_id = self.get(session, subject_id)
        return _trace(subject_id, None if root_id == subject_id else root_id)

    def get(self, session: Session, subject_id: uuid.UUID) -> uuid.UUID:
        """The id to use for `subject_id`, following a merge.

        Raises:
            NotFound: there is no such subject, or it was erased (`unknown_subject`).
        """
        row = session.execute(
            select(Subject.id, Subject.merged_into_id, Subject.erased_at).where(
                Subject.id == subject_id
            )
        ).first()
        if row is None or row.erased_at is not None:
            raise NotFound(
                "There is no customer with this id; register the customer first, "
                "or check which environment the id comes from",
                code="unknown_subject",
            )
        found: uuid.UUID = row.merged_into_id or row.id
        return found

    def merged_into(self, session: Session, root_ids: Collection[uuid.UUID]) -> list[uuid.UUID]:
        """The ids of all who were merged into these, oldest first."""
        merged = select(Subject.id).where(Subject.merged_into_id.in_(root_ids))
        return list(session.scalars(merged.order_by(Subject.id)))

    def lock(self, session: Session, subject_ids: Collection[uuid.UUID]) -> None:
        """Wait for all who write about these, and let nobody else begin to before the commit."""
        query = select(Subject.id).where(Subject.id.in_(list(subject_ids)))
        session.execute(query.order_by(Subject.id).with_for_update()).all()

    def members(self, session: Session, subject_id: uuid.UUID) -> list[uuid.UUID]:
        """All ids of one person: the one to use first, then those merged into it."""
        root_id = self.get(session, subject_id)
        return [root_id, *self.merged_into(session, [root_id])]

    def lead(
        self, session: Session, subject_ids: Sequence[uuid.UUID], *, to: uuid.UUID | None
    ) -> None:
        """Let subjects, and those merged into them before, lead to another; None: to themselves."""
        moved = or_(Subject.id.in_(subject_ids), Subject.merged_into_id.in_(subject_ids))
        if to is None:
            moved = Subject.id.in_(subject_ids)
        session.execute(
            update(Subject)
            .where(moved)
            .values(merged_into_id=to)
            .execution_options(synchronize_session=False)
        )

    def forget(self, session: Session, subject_ids: Sequence[uuid.UUID]) -> None:
        """Take all names from subjects and mark them as erased; the opaque ids stay."""
        session.execute(delete(SubjectKey).where(SubjectKey.subject_id.in_(subject_ids)))
        session.execute(
            update(Subject)
            .where(Subject.id.in_(subject_ids), Subject.erased_at.is_(None))
            .values(erased_at=self._now())
            .execution_options(synchronize_session=False)
        )

    def _now(self) -> datetime:
        return self._platform.clock.now()


def _among(session: Session, digests: list[str]) -> ColumnElement[bool]:
    """One parameter on PostgreSQL, where a thousand cost more than the look-up itself."""
    if session.get_bind().dialect.name == "postgresql":
        return SubjectKey.digest == any_(literal(digests, ARRAY(SubjectKey.digest.type)))
    return SubjectKey.digest.in_(digests)


def _held(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The lock that a foreign key takes anyway, taken when the row is read."""
    return query.order_by(Subject.id).with_for_update(read=True, key_share=True, of=Subject)


def _taken(what: str) -> Conflict:
    return Conflict(
        f"Another customer already has this {what}; "
        "use that customer, or merge the two in the admin",
        code="subject_key_taken",
    )


def _anonymous(keys: Sequence[tuple[str, str]]) -> bool:
    """Whether these names tell of a browser, and of nobody whom the shop knows."""
    return bool(keys) and all(scheme == ANONYMOUS for scheme, _value in keys)


def _trace(subject_id: uuid.UUID, root_id: uuid.UUID | None) -> Trace:
    if root_id is None:
        return Trace(subject_id=subject_id)
    return Trace(subject_id=root_id, origin_id=subject_id)
