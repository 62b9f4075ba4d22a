"""Tags: words for records, kept as a list that staff can rename and merge."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, FieldError, NotFound, Platform, dialect_insert, uuid7
from dxp_crm.models import Tag, TagChange, TagLink
from dxp_crm.services.records import Record, id_of, kind_of
from dxp_crm.services.tag_changes import TagChanges, follow_changes

COLORS = ("neutral", "accent", "success", "info", "warning", "danger")


class TagService:
    """The list of tags as staff keep it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.changes = TagChanges(platform)

    def listed(self, session: Session) -> list[Tag]:
        """All tags, by name."""
        return list(session.scalars(select(Tag).order_by(Tag.name)))

    def counts(self, session: Session) -> dict[uuid.UUID, dict[str, int]]:
        """How many records of each kind carry each tag."""
        rows = session.execute(
            select(TagLink.tag_id, TagLink.record, func.count()).group_by(
                TagLink.tag_id, TagLink.record
            )
        )
        found: dict[uuid.UUID, dict[str, int]] = {}
        for tag_id, record, count in rows:
            found.setdefault(tag_id, {})[record] = count
        return found

    def colors(self, session: Session) -> dict[str, str]:
        """The colour of each tag that has one, by name."""
        rows = session.execute(select(Tag.name, Tag.color).where(Tag.color != COLORS[0]))
        return {row.name: row.color for row in rows}

    def get(self, session: Session, tag_id: uuid.UUID) -> Tag:
        """One tag.

        Raises:
            NotFound: there is none with this id (`unknown_tag`).
        """
        tag = session.get(Tag, tag_id)
        if tag is None:
            raise NotFound(
                "There is no tag with this id; it may have been merged; look at the list",
                code="unknown_tag",
            )
        return tag

    def create(self, session: Session, actor: Actor, *, name: str, color: str) -> Tag:
        """A tag before anything carries it.

        Raises:
            Conflict: there is one of that name (`tag_exists`), or was until a moment ago
                (`tag_busy`).
        """
        self.changes.refuse_if_busy(session, name=name)
        tag = Tag(name=name, color=color, created_at=self._platform.clock.now())
        try:
            with session.begin_nested():
                session.add(tag)
                session.flush()
        except IntegrityError as error:
            raise _exists(name) from error
        self._record(session, actor, tag, "created", after={"name": name, "color": color})
        return tag

    def update(
        self, session: Session, actor: Actor, *, tag_id: uuid.UUID, name: str, color: str
    ) -> Tag:
        """Rename or colour a tag; records that carry it follow, many of them in a job.

        Raises:
            Conflict: there is one of the new name (`tag_exists`); merge the two instead. Or the
                last change of the tag is not done yet (`tag_busy`).
        """
        tag = self._locked(session, tag_id)
        before = {"name": tag.name, "color": tag.color}
        tag.color = color
        if name != tag.name:
            self.changes.refuse_if_busy(session, tag_id, name=name)
            if session.scalar(select(Tag.id).where(Tag.name == name)) is not None:
                raise _exists(name)
            tag.name = name
            session.flush()
            self.changes.start(session, tag, old_name=before["name"], into_id=tag.id)
        session.flush()
        after = {"name": name, "color": color}
        self._record(session, actor, tag, "updated", before=before, after=after)
        return tag

    def merge(self, session: Session, actor: Actor, *, tag_id: uuid.UUID, into: uuid.UUID) -> Tag:
        """Let everything that carries a tag carry another one instead, many in a job.

        Raises:
            Conflict: both are the same tag (`tag_exists`), or the last change of one of them is
                not done yet (`tag_busy`).
        """
        loser, winner = self._locked(session, tag_id), self.get(session, into)
        if loser.id == winner.id:
            raise _exists(winner.name)
        self.changes.refuse_if_busy(session, tag_id, into)
        self._record(
            session,
            actor,
            winner,
            "merged",
            before={"name": loser.name},
            after={"into": winner.name},
        )
        self.changes.start(session, loser, old_name=loser.name, into_id=winner.id)
        return winner

    def delete(self, session: Session, actor: Actor, *, tag_id: uuid.UUID) -> None:
        """Take a tag off everything, off many in a job, and then off the list.

        Raises:
            Conflict: the last change of the tag is not done yet (`tag_busy`).
        """
        tag = self._locked(session, tag_id)
        self.changes.refuse_if_busy(session, tag_id)
        self._record(session, actor, tag, "deleted", before={"name": tag.name})
        self.changes.start(session, tag, old_name=tag.name, into_id=None)

    def _locked(self, session: Session, tag_id: uuid.UUID) -> Tag:
        """A tag after all who are writing its name, and before all who will."""
        tag = self.get(session, tag_id)
        self.changes.lock_few(session, tag_id)
        session.refresh(tag, with_for_update=True)
        return tag

    def _record(self, session: Session, actor: Actor, tag: Tag, what: str, **sides: Any) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.tag.{what}",
            object_type="crm.tag",
            object_id=tag.id,
            **sides,
        )


def write_tags(session: Session, records: Sequence[Record], *, now: datetime) -> None:
    """Bring the list of tags, and what is linked to them, to what the records carry.

    Call it whenever `tags` of records were written and flushed; a constant number of statements
    for any number of records.
    """
    if not records:
        return
    follow_changes(session, records)
    wanted = {id_of(record): list(dict.fromkeys(record.tags)) for record in records}
    kinds = {id_of(record): kind_of(record) for record in records}
    rows = session.execute(
        select(TagLink.record_id, TagLink.tag_id).where(TagLink.record_id.in_(wanted))
    )
    linked = {(row.record_id, row.tag_id) for row in rows}
    ids = _ids_of(session, {name for names in wanted.values() for name in names}, now=now)
    right = {(record_id, ids[name]) for record_id, names in wanted.items() for name in names}
    for record_id in {record_id for record_id, _tag in linked - right}:
        gone = [tag_id for owner, tag_id in linked - right if owner == record_id]
        session.execute(
            delete(TagLink).where(TagLink.record_id == record_id, TagLink.tag_id.in_(gone))
        )
    session.add_all(
        TagLink(tag_id=tag_id, record=kinds[record_id], record_id=record_id)
        for record_id, tag_id in sorted(right - linked)
    )
    session.flush()


def forget_tags(session: Session, record_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Take records that are going out of the index; the ids of the tags that they carried."""
    gone = delete(TagLink).where(TagLink.record_id.in_(record_ids)).returning(TagLink.tag_id)
    return set(session.scalars(gone.execution_options(synchronize_session=False)))


def drop_unused_tags(session: Session, tag_ids: Collection[uuid.UUID]) -> None:
    """Delete those of these tags that no record carries any more."""
    if not tag_ids:
        return
    used = select(TagLink.tag_id).where(TagLink.tag_id == Tag.id).exists()
    ends = or_(TagChange.tag_id == Tag.id, TagChange.into_id == Tag.id)
    changing = select(TagChange.tag_id).where(ends).exists()
    session.execute(
        delete(Tag)
        .where(Tag.id.in_(tag_ids), ~used, ~changing)
        .execution_options(synchronize_session=False)
    )


def _ids_of(session: Session, names: Collection[str], *, now: datetime) -> dict[str, uuid.UUID]:
    """Ids by name; a name that is new becomes a tag, also when somebody else just made it."""
    known = _known(session, names)
    new = sorted(name for name in names if name not in known)
    if not new:
        return known
    rows = [{"id": uuid7(), "name": n, "color": COLORS[0], "created_at": now} for n in new]
    insert = dialect_insert(session, Tag).values(rows)
    session.execute(insert.on_conflict_do_nothing(index_elements=["name"]))
    return _known(session, names)


def _known(session: Session, names: Collection[str]) -> dict[str, uuid.UUID]:
    # Locked, so that none of them is renamed or gone before these links are seen.
    rows = session.execute(
        select(Tag.name, Tag.id)
        .where(Tag.name.in_(names))
        .order_by(Tag.name)
        .with_for_update(read=True, key_share=True)
    )
    return {row.name: row.id for row in rows}


def carrying(record: str, name: str) -> Any:
    """The ids of the records that carry a tag, for the condition of a list."""
    return (
        select(TagLink.record_id)
        .join(Tag, Tag.id == TagLink.tag_id)
        .where(Tag.name == name, TagLink.record == record)
    )


def _exists(name: str) -> Conflict:
    return Conflict(
        f"There already is a tag {name!r}; choose another name, or merge the two tags",
        code="tag_exists",
        errors=[FieldError(pointer="/name", code="taken", detail="Already in use.")],
    )
