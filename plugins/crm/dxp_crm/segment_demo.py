"""Demo segments: what CDNOW's customers did, and what is about to happen to our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from dxp.api import DemoContext, HealthCheck
from dxp_crm.models import Customer, Segment, SegmentMember
from dxp_crm.services import Crm
from dxp_crm.services.segments.building import count_sizes

_OF_CDNOW: Mapping[str, Any] = {"crm.tags": {"$in": ["cdnow"]}}
SEGMENTS: Mapping[str, tuple[Mapping[str, str], Mapping[str, Any]]] = {
    "repeat-buyers": (
        {"en": "Bought again", "fr": "Ont racheté", "ar": "اشتروا مرة أخرى", "fa": "دوباره خریدند"},
        {"$and": [_OF_CDNOW, {"$event": {"type": "order.placed", "count": {"$gte": 2}}}]},
    ),
    "one-time-buyers": (
        {"en": "Bought once", "fr": "Un achat", "ar": "اشتروا مرة", "fa": "یک بار خریدند"},
        {"$and": [_OF_CDNOW, {"$event": {"type": "order.placed", "count": {"$eq": 1}}}]},
    ),
    "birthday-soon": (
        {"en": "Birthday soon", "fr": "Anniversaire proche", "ar": "عيد قريب", "fa": "تولد نزدیک"},
        {"$and": [{"crm.birthday": {"$anniversary": {"within": "7d"}}}]},
    ),
    "active-lately": (
        {"en": "Bought lately", "fr": "Achats récents", "ar": "اشتروا مؤخرًا", "fa": "خرید اخیر"},
        {"$and": [{"$event": {"type": "order.placed", "count": {"$gte": 1}, "within": "30d"}}]},
    ),
}  # fmt: skip


def load_segments(ctx: DemoContext) -> int:
    """Make the segments that are not there, and fill them here and now; returns their number."""
    segments = ctx.platform.services.get(Crm).segments
    with ctx.platform.db.write() as session:
        there = set(session.scalars(select(Segment.key)))
        made = []
        for key, (names, condition) in SEGMENTS.items():
            if key not in there:
                data = {"key": key, "names": names, "condition": condition}
                segments.definitions.create(session, ctx.actor, data)
                found = segments.definitions.activate(session, ctx.actor, key=key)
                made.append((found.id, found.version))
    for segment_id, version in made:
        segments.builder.build(segment_id, version)
    with ctx.platform.db.write() as session:
        count_sizes(ctx.platform, session)
    return len(SEGMENTS)


def check_segments(ctx: DemoContext, *, customers: int) -> HealthCheck:
    """Every customer of CDNOW bought once or again, so the two segments share them all."""
    with ctx.platform.db.read() as session:
        rows = session.scalars(
            select(SegmentMember.subject_id)
            .join(Segment, Segment.id == SegmentMember.segment_id)
            .join(Customer, Customer.subject_id == SegmentMember.subject_id)
            .where(
                Segment.key.in_(("repeat-buyers", "one-time-buyers")),
                Customer.ref.like("cdnow-%"),
            )
        ).all()
    return HealthCheck(
        name="CDNOW segments",
        ok=len(rows) == customers == len(set(rows)),
        detail=f"{len(rows)} of {customers} are in one of two",
        advice=""
        if len(rows) == customers
        else "wait for the jobs, or load again: dxp demo --load",
    )
