"""Which accounts hold points that have expired."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp_loyalty.models import Lot


def accounts_with_overdue_lots(
    session: Session, now: datetime, *, limit: int
) -> Sequence[uuid.UUID]:
    """Accounts with expired lots that no hold has wholly, at most `limit` of them."""
    return session.scalars(
        select(Lot.account_id)
        .where(Lot.expires_at <= now, Lot.remaining > Lot.held)
        .group_by(Lot.account_id)
        .limit(limit)
    ).all()
