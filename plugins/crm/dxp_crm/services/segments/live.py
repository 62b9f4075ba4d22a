"""The segments that are kept up to date, compiled once in a process for each version."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Condition, FactField, compile_condition
from dxp.contracts import CustomerRegistered
from dxp_crm.models import Segment
from dxp_crm.models.segment import LIVE, STATIC
from dxp_crm.services.segments.catalogue import find_field


@dataclass(frozen=True, kw_only=True)
class LiveSegment:
    """A segment with its compiled condition; None of a list made by hand."""

    id: uuid.UUID
    key: str
    version: int
    condition: Condition | None


class LiveSegments:
    """Reads the live segments in one small query, and knows which of them an event touches."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[uuid.UUID, int], Condition] = {}

    def read(self, session: Session) -> list[LiveSegment]:
        """All live segments, those that others ask about before them."""
        rows = session.execute(
            select(Segment.id, Segment.key, Segment.version, Segment.kind, Segment.condition).where(
                Segment.status.in_(LIVE)
            )
        ).all()
        found = {
            row.key: LiveSegment(
                id=row.id,
                key=row.key,
                version=row.version,
                condition=None
                if row.kind == STATIC
                else self._condition(row.id, row.version, row.condition),
            )
            for row in rows
        }
        return [found[key] for key in in_order(found.values())]

    def _condition(
        self, segment_id: uuid.UUID, version: int, source: Mapping[str, object]
    ) -> Condition:
        held = self._compiled.get((segment_id, version))
        if held is None:
            held = compile_condition(source, events=True)
            self._compiled[segment_id, version] = held
        return held


def in_order(segments: Iterable[LiveSegment]) -> list[str]:
    """Keys, each after those that its condition asks about.

    Raises:
        graphlib.CycleError: they ask about one another in a circle.
    """
    asked = {
        one.key: one.condition.segments if one.condition is not None else frozenset()
        for one in segments
    }
    sorter = TopologicalSorter({key: keys & asked.keys() for key, keys in asked.items()})
    return list(sorter.static_order())


def cycle_of(segments: Mapping[str, Collection[str]]) -> list[str] | None:
    """A circle of segments that ask about one another, its first key also last; or None."""
    try:
        TopologicalSorter(segments).prepare()
    except CycleError as error:
        return [str(key) for key in reversed(error.args[1])]
    return None


def touched_by(
    segments: Iterable[LiveSegment], types: set[str], fields: Mapping[str, FactField]
) -> list[LiveSegment]:
    """Those whose answer may be another after events of `types`; all, for somebody new."""
    if CustomerRegistered.type in types:
        return [one for one in segments if one.condition is not None]
    changed = {name for name, field in fields.items() if not types.isdisjoint(field.changed_by)}
    return [
        one
        for one in segments
        if one.condition is not None
        and (
            any(event.type in types for event in one.condition.events)
            or any(_head(fields, name) in changed for name in one.condition.facts)
        )
    ]


def asking_about(segments: Iterable[LiveSegment], keys: Collection[str]) -> list[LiveSegment]:
    """Those whose condition asks about one of `keys`."""
    return [
        one
        for one in segments
        if one.condition is not None and not one.condition.segments.isdisjoint(keys)
    ]


def _head(fields: Mapping[str, FactField], name: str) -> str | None:
    field = find_field(fields, name)
    return None if field is None else field.name
