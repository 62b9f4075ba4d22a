"""What all plugins know of people, for conditions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from dxp.plugins.contexts import FactsContext
from dxp.plugins.spec import Plugin

if TYPE_CHECKING:
    from dxp.platform import Platform


def facts_of(
    platform: Platform,
    session: Session,
    subject_ids: Sequence[uuid.UUID],
    now: datetime,
    *,
    failed: set[str] | None = None,
) -> dict[uuid.UUID, dict[str, Any]]:
    """The facts that `Plugin.facts` of all plugins answer, for each subject by name.

    The number of statements does not grow with the number of subjects. What a person's data may
    be used for is the caller's to ask before.

    Args:
        failed: gets how the names of facts begin whose plugin gave no answer, such as `loyalty.`.
    """
    found: dict[uuid.UUID, dict[str, Any]] = {subject_id: {} for subject_id in subject_ids}
    if not found:
        return found
    context = FactsContext(session=session, platform=platform, subject_ids=list(found), now=now)
    silent = set(platform.plugins.implementers("facts"))
    for answer in platform.plugins.call(Plugin.facts, context):
        silent.discard(answer.plugin)
        for subject_id, values in answer.value.items():
            if subject_id in found:
                found[subject_id].update(values)
    if failed is not None:
        failed.update(f"{plugin}." for plugin in silent)
    return found
