"""The audit log's one table."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, BigIdType


class AuditEntry(Base):
    """One change. Rows are only ever added; `before`, `after` and `salt` may be blanked.

    `hash` covers all columns but those three, and covers them through `details_digest`, so that
    a person's data can be erased while the chain still verifies. The salt keeps a blanked value
    from being guessed back out of its digest. There is no foreign key to the subject: the log
    outlives what it tells of.
    """

    __tablename__ = "dxp_audit_entry"
    __table_args__ = (
        Index(None, "object_type", "object_id", "seq"),
        Index(None, "actor_key", "seq"),
        Index(None, "subject_id", "seq"),
        Index(None, "at"),
    )

    seq: Mapped[int] = mapped_column(BigIdType, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_key: Mapped[str] = mapped_column(String(100))
    actor_label: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(100))
    object_type: Mapped[str] = mapped_column(String(100))
    object_id: Mapped[str] = mapped_column(String(200))
    subject_id: Mapped[uuid.UUID | None]
    request_id: Mapped[str | None] = mapped_column(String(100))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    salt: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    details_digest: Mapped[str] = mapped_column(String(64))
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
