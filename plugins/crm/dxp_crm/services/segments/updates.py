"""What happens, and the passing of time, brought to the segments that they touch."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from dxp.api import EventRecord, Platform
from dxp_crm.services.segments.catalogue import OWN_EVENTS, FieldCatalogue
from dxp_crm.services.segments.evaluating import Evaluator
from dxp_crm.services.segments.live import touched_by

AT_ONCE = 50
"""So many people are looked at in the transaction of what happened; more in a job right after."""

TOUCHED_JOB = "crm.segments.touched"


class Updates:
    """Decides who has to be looked at for which segments, and when."""

    def __init__(self, platform: Platform, catalogue: FieldCatalogue, evaluator: Evaluator) -> None:
        self._platform = platform
        self._catalogue = catalogue
        self._evaluator = evaluator

    def take(self, session: Session, records: Sequence[EventRecord]) -> None:
        """Events were published: look at whom they touch, now or in a job after the commit."""
        told = [
            record
            for record in records
            if record.subject_id is not None and record.type not in OWN_EVENTS
        ]
        if not told:
            return
        everything = self._evaluator.live.read(session)
        if all(one.condition is None for one in everything):
            return
        types = {record.type for record in told}
        touched = touched_by(everything, types, self._catalogue.fields(session))
        if not touched:
            return
        subject_ids = {record.subject_id for record in told if record.subject_id is not None}
        if len(subject_ids) <= AT_ONCE:
            self._evaluator.evaluate(session, subject_ids, touched, everything=everything)
            return
        self._platform.jobs.enqueue(
            session,
            TOUCHED_JOB,
            {"subject_ids": sorted(map(str, subject_ids)), "types": sorted(types)},
        )

    def work(self, session: Session, payload: Mapping[str, Any]) -> None:
        """Look at the people of a job; without types of events, for all segments."""
        everything = self._evaluator.live.read(session)
        segments = everything
        if payload["types"] is not None:
            fields = self._catalogue.fields(session)
            segments = touched_by(everything, set(payload["types"]), fields)
        subject_ids = [uuid.UUID(text) for text in payload["subject_ids"]]
        self._evaluator.evaluate(session, subject_ids, segments, everything=everything)


def look_again(platform: Platform, session: Session, *subject_ids: uuid.UUID) -> None:
    """Look at people for all segments right after the commit: much of them was changed at once."""
    platform.jobs.enqueue(
        session, TOUCHED_JOB, {"subject_ids": sorted(map(str, subject_ids)), "types": None}
    )
