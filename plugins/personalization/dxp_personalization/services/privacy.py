"""One person's share of the log of decisions: exported, erased, moved, and split back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update

from dxp.api import ErasureContext, MergeContext, SubjectContext, UnmergeContext
from dxp_personalization.models import Decision
from dxp_personalization.services import Personalization

MAX_EXPORTED = 10_000


def export_subject(ctx: SubjectContext) -> Mapping[str, Any]:
    """What the person was shown, latest first."""
    rows = ctx.session.scalars(
        select(Decision)
        .where(Decision.pseudonym == _pseudonym(ctx, ctx.subject_id))
        .order_by(Decision.decided_at.desc())
        .limit(MAX_EXPORTED)
    )
    return {
        "decisions": [
            {"slot": row.slot, "at": row.decided_at.isoformat(), "shown": row.chosen}
            for row in rows
        ]
    }


def erase_subjects(ctx: ErasureContext) -> None:
    """The decisions stay for the totals; whose they were is forgotten, and what they were told."""
    ctx.session.execute(
        update(Decision)
        .where(Decision.pseudonym.in_([_pseudonym(ctx, person) for person in ctx.subject_ids]))
        .values(pseudonym=None, origin=None, context={})
    )


def merge_subjects(ctx: MergeContext) -> Mapping[str, Any]:
    """The loser's decisions become the winner's."""
    loser, winner = _pseudonym(ctx, ctx.loser_id), _pseudonym(ctx, ctx.winner_id)
    ctx.session.execute(
        update(Decision)
        .where(Decision.pseudonym == loser)
        .values(pseudonym=winner, origin=func.coalesce(Decision.origin, loser))
    )
    return {}


def unmerge_subjects(ctx: UnmergeContext) -> None:
    """Decisions that were made for the loser become the loser's again."""
    loser, winner = _pseudonym(ctx, ctx.loser_id), _pseudonym(ctx, ctx.winner_id)
    members = [_pseudonym(ctx, member) for member in ctx.members]
    ctx.session.execute(
        update(Decision)
        .where(Decision.pseudonym == winner, Decision.origin.in_(members))
        .values(pseudonym=loser, origin=func.nullif(Decision.origin, loser))
    )


def _pseudonym(ctx: SubjectContext | ErasureContext | MergeContext, person: object) -> str:
    decisions = ctx.platform.services.get(Personalization).decisions
    return decisions.pseudonym(str(person))
