"""Per-user selection as other plugins may ask for it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session


class Selection(Protocol):
    """Chooses content for slots."""

    def decide(
        self,
        session: Session,
        *,
        subject_id: uuid.UUID | None,
        anonymous_id: str | None,
        slots: Sequence[Mapping[str, Any]],
        context: Mapping[str, Any],
        now: datetime,
        explain: bool = False,
    ) -> Mapping[str, Any]:
        """The answer of `POST /api/v1/decide`, as plain data."""
