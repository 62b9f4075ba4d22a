"""Rewriting what carries a tag, a batch at a time, however many records that are."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from dxp.api import Conflict, Platform
from dxp_crm.models import PERSON, Tag, TagChange, TagLink
from dxp_crm.services.records import Record, model_of
from dxp_crm.services.segments.updates import look_again

CHANGE_JOB = "crm.tags.change"
BATCH = 500
"""Records in one transaction. So many are rewritten at once, more in a job."""


class TagChanges:
    """Carries out what becomes of the records of a tag that is renamed, merged or deleted."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def start(
        self, session: Session, tag: Tag, *, old_name: str, into_id: uuid.UUID | None
    ) -> None:
        """Rewrite the records that carry `tag`: a few at once, many in a job.

        Args:
            old_name: what they say now.
            into_id: the tag that they carry afterwards; None: none.
        """
        total = session.scalar(select(func.count()).where(TagLink.tag_id == tag.id)) or 0
        change = TagChange(tag_id=tag.id, old_name=old_name, into_id=into_id, done=0, total=total)
        session.add(change)
        session.flush()
        if total > BATCH or self._step(session, change):
            self._platform.jobs.enqueue(session, CHANGE_JOB, {"tag_id": str(tag.id)})

    @staticmethod
    def lock_few(session: Session, tag_id: uuid.UUID) -> None:
        """Lock the records that `start` is going to rewrite at once.

        Who writes a record locks it before its tags. Who locked the tag first could wait for them
        while they wait for the tag.
        """
        query = select(TagLink.record, TagLink.record_id).where(TagLink.tag_id == tag_id)
        links = session.execute(query.limit(BATCH + 1)).all()
        for kind in sorted({link.record for link in links} if len(links) <= BATCH else ()):
            model: Any = model_of(kind)
            key = model.__mapper__.primary_key[0]
            ids = [link.record_id for link in links if link.record == kind]
            session.execute(select(key).where(key.in_(ids)).order_by(key).with_for_update())

    def carry_on(self, tag_id: uuid.UUID) -> None:
        """Do the rest of a change, each batch in a transaction of its own."""
        more = True
        while more:
            with self._platform.db.write() as session:
                change = session.get(TagChange, tag_id, with_for_update=True)
                more = change is not None and self._step(session, change)

    @staticmethod
    def under_way(session: Session) -> Mapping[uuid.UUID, TagChange]:
        """The changes that are not done yet, by the tag that is changed."""
        return {change.tag_id: change for change in session.scalars(select(TagChange))}

    @staticmethod
    def refuse_if_busy(session: Session, *tag_ids: uuid.UUID, name: str | None = None) -> None:
        """Let one change of a tag, or of a name, be done before the next begins.

        Raises:
            Conflict: one is under way (`tag_busy`).
        """
        found = session.scalar(
            select(TagChange.old_name).where(
                or_(
                    TagChange.tag_id.in_(tag_ids),
                    TagChange.into_id.in_(tag_ids),
                    TagChange.old_name == name,
                )
            )
        )
        if found is not None:
            raise Conflict(
                f"The records with the tag {found!r} are still being rewritten in the background, "
                "so nothing was changed; wait until the list of tags shows no progress, then "
                "try again",
                code="tag_busy",
            )

    def _step(self, session: Session, change: TagChange) -> bool:
        """Rewrite the next batch; whether there may be more."""
        query = select(TagLink.record, TagLink.record_id).where(TagLink.tag_id == change.tag_id)
        if change.record_id is not None:
            place = tuple_(TagLink.record, TagLink.record_id)
            query = query.where(place > (change.record, change.record_id))
        links = session.execute(
            query.order_by(TagLink.record, TagLink.record_id).limit(BATCH)
        ).all()
        new_name = None
        if change.into_id is not None:
            new_name = session.get_one(Tag, change.into_id).name
        for kind in sorted({link.record for link in links}):
            ids = [link.record_id for link in links if link.record == kind]
            self._rewrite(session, kind, ids, old=change.old_name, new=new_name)
            if change.into_id != change.tag_id:
                _move_links(session, change, kind, ids)
        change.done += len(links)
        if len(links) == BATCH:
            change.record, change.record_id = links[-1]
            session.flush()
            return True
        tag = None if change.into_id == change.tag_id else session.get_one(Tag, change.tag_id)
        session.delete(change)
        session.flush()
        if tag is not None:
            session.delete(tag)
            session.flush()
        return False

    def _rewrite(
        self, session: Session, kind: str, ids: Sequence[uuid.UUID], *, old: str, new: str | None
    ) -> None:
        """Each record that is rewritten gets a new version, and segments look at it again."""
        model: Any = model_of(kind)
        key = model.__mapper__.primary_key[0]
        rows = session.execute(
            select(key, model.tags, model.version)
            .where(key.in_(ids))
            .order_by(key)
            .with_for_update()
        ).all()
        told = [
            {
                key.name: row[0],
                "tags": replaced(row.tags, {old: new}),
                "version": row.version + 1,
                "updated_at": self._platform.clock.now(),
            }
            for row in rows
            if old in row.tags
        ]
        if not told:
            return
        session.execute(update(model), told)
        for held in session.identity_map.values():
            if isinstance(held, model):
                session.expire(held)
        if kind == PERSON:
            look_again(self._platform, session, *(row[key.name] for row in told))


def _move_links(session: Session, change: TagChange, kind: str, ids: Sequence[uuid.UUID]) -> None:
    own = [TagLink.tag_id == change.tag_id, TagLink.record == kind, TagLink.record_id.in_(ids)]
    if change.into_id is not None:
        other = aliased(TagLink)
        there = select(other.record_id).where(
            other.tag_id == change.into_id, other.record == kind, other.record_id.in_(ids)
        )
        session.execute(
            update(TagLink)
            .where(*own, TagLink.record_id.not_in(there))
            .values(tag_id=change.into_id)
            .execution_options(synchronize_session=False)
        )
    session.execute(delete(TagLink).where(*own).execution_options(synchronize_session=False))


def follow_changes(session: Session, records: Sequence[Record]) -> None:
    """Write what a tag is becoming where records were given its old name meanwhile."""
    names = {name for record in records for name in record.tags}
    if not names:
        return
    rows = session.execute(
        select(TagChange.old_name, Tag.name)
        .outerjoin(Tag, Tag.id == TagChange.into_id)
        .where(TagChange.old_name.in_(names))
    )
    becoming: dict[str, str | None] = {row.old_name: row.name for row in rows}
    for record in records if becoming else ():
        if not becoming.keys().isdisjoint(record.tags):
            record.tags = replaced(record.tags, becoming)


def replaced(tags: Collection[str], becoming: Mapping[str, str | None]) -> list[str]:
    """Names with others in their place, each once; those that become None are left out."""
    changed = [becoming.get(tag, tag) for tag in tags]
    return list(dict.fromkeys(tag for tag in changed if tag is not None))
