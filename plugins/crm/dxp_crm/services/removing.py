"""Taking back a customer who should never have been made."""

from __future__ import annotations

import uuid

from sqlalchemy import delete
from sqlalchemy.orm import Session

from dxp.api import Actor, EventRow, Platform, Plugin, SubjectContext, SubjectKey


def remove_customer(
    platform: Platform, session: Session, actor: Actor, *, subject_id: uuid.UUID
) -> None:
    """Let every plugin forget the customer, and free the number and the e-mail address.

    The subject stays as an empty row: the audit log and the ledger refer to it.
    """
    context = SubjectContext(session=session, platform=platform, subject_id=subject_id, actor=actor)
    platform.plugins.call(Plugin.erase_subject, context)
    session.execute(delete(EventRow).where(EventRow.subject_id == subject_id))
    session.execute(delete(SubjectKey).where(SubjectKey.subject_id == subject_id))
    platform.audit.record(
        session,
        actor,
        action="crm.customer.removed",
        object_type="customer",
        object_id=str(subject_id),
        subject_id=subject_id,
    )
    platform.audit.blank_subject(session, subject_id)
