"""Entries that a reference points at, as the chooser shows them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from dxp.api import AdminCall, gettext
from dxp_cms.models import Entry
from dxp_cms.web.admin.languages import chosen_language
from dxp_cms.web.admin.pages import rows_of


def targets_of(call: AdminCall, ids: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each id, in order. One that is gone says so: dropping it is the editor's choice."""
    wanted: dict[str, uuid.UUID] = {}
    for text in ids:
        try:
            wanted[text] = uuid.UUID(text)
        except ValueError:
            continue
    if not wanted:
        return []
    known = list(
        call.session.scalars(
            select(Entry).where(Entry.id.in_(wanted.values()), Entry.trashed_at.is_(None))
        )
    )
    rows = {
        row["entry"].id: {**row, "id": str(row["entry"].id)}
        for row in rows_of(call, known, locale=chosen_language(call, None))
    }
    return [
        rows.get(entry_id, {"id": text, "title": gettext("Gone"), "badges": [], "gone": True})
        for text, entry_id in wanted.items()
    ]
