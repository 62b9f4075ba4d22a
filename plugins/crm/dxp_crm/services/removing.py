"""Taking back customers who should never have been made."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import delete
from sqlalchemy.orm import Session

from dxp.api import Actor, EventRow, Platform


def remove_customers(
    platform: Platform, session: Session, actor: Actor, *, subject_ids: Collection[uuid.UUID]
) -> None:
    """Erase customers, as if they had asked for it, and what was noted as having happened.

    The subjects stay as empty rows: the audit log and the ledger refer to them.
    """
    platform.privacy.erasure.erase_many(session, actor, subject_ids=subject_ids, asked=False)
    session.execute(
        delete(EventRow)
        .where(EventRow.subject_id.in_(subject_ids))
        .execution_options(synchronize_session=False)
    )
