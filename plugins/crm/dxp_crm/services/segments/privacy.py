"""One person's segments: exported, forgotten, moved to another person, and given back."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dxp.api import MergeContext, SubjectContext, UnmergeContext, dialect_insert
from dxp_crm.models import Segment, SegmentDue, SegmentMember
from dxp_crm.models.segment import STATIC
from dxp_crm.services.segments.updates import look_again


def export_segments(ctx: SubjectContext) -> list[dict[str, Any]]:
    """The segments that the person is in."""
    rows = ctx.session.execute(
        select(Segment.key, SegmentMember.since)
        .join(SegmentMember, SegmentMember.segment_id == Segment.id)
        .where(SegmentMember.subject_id == ctx.subject_id)
        .order_by(Segment.key)
    )
    return [{"segment": row.key, "since": row.since.isoformat()} for row in rows]


def forget_segments(session: Session, subject_ids: Collection[uuid.UUID]) -> None:
    """Take those who are going out of all segments."""
    for model in (SegmentMember, SegmentDue):
        session.execute(delete(model).where(model.subject_id.in_(subject_ids)))


def merge_segments(ctx: MergeContext) -> dict[str, Any]:
    """Put the winner on the lists that the loser is on; the rest follows from what they are now.

    Returns what `unmerge_segments` needs.
    """
    lists, own = _lists(ctx.session, ctx.loser_id), _lists(ctx.session, ctx.winner_id)
    gained = {key: since for key, since in lists.items() if key not in own}
    forget_segments(ctx.session, [ctx.loser_id])
    _join(ctx.session, ctx.winner_id, gained)
    look_again(ctx.platform, ctx.session, ctx.winner_id)
    return {"lists": lists, "gained": sorted(gained)}


def unmerge_segments(ctx: UnmergeContext, undo: Mapping[str, Any]) -> None:
    """Give the loser's places on lists back."""
    gained = [uuid.UUID(key) for key in undo.get("gained", ())]
    ctx.session.execute(
        delete(SegmentMember).where(
            SegmentMember.subject_id == ctx.winner_id, SegmentMember.segment_id.in_(gained)
        )
    )
    lists = {uuid.UUID(key) for key in undo.get("lists", ())}
    there = set(ctx.session.scalars(select(Segment.id).where(Segment.id.in_(lists))))
    kept = {key: since for key, since in undo.get("lists", {}).items() if uuid.UUID(key) in there}
    _join(ctx.session, ctx.loser_id, kept)
    look_again(ctx.platform, ctx.session, ctx.winner_id, ctx.loser_id)


def _lists(session: Session, subject_id: uuid.UUID) -> dict[str, str]:
    rows = session.execute(
        select(SegmentMember.segment_id, SegmentMember.since)
        .join(Segment, Segment.id == SegmentMember.segment_id)
        .where(SegmentMember.subject_id == subject_id, Segment.kind == STATIC)
    )
    return {str(row.segment_id): row.since.isoformat() for row in rows}


def _join(session: Session, subject_id: uuid.UUID, lists: Mapping[str, str]) -> None:
    if lists:
        session.execute(
            dialect_insert(session, SegmentMember).on_conflict_do_nothing(),
            [
                {
                    "segment_id": uuid.UUID(key),
                    "subject_id": subject_id,
                    "since": datetime.fromisoformat(since),
                }
                for key, since in lists.items()
            ],
        )
