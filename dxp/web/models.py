"""What the web layer stores: answers of requests that must not act twice, and the demo's day."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base


class IdempotencyKey(Base):
    """The answer to a request with an Idempotency-Key, written with the request's effects.

    `fingerprint` is a SHA-256 over method, address and body, so that the same key with another
    request is noticed. Times are the wall's: no shift of the demo's day may forget a key.
    `subject_id` is the customer whom the answer tells of, so that erasing them takes it along.
    """

    __tablename__ = "dxp_idempotency_key"
    __table_args__ = (Index(None, "expires_at"), Index(None, "subject_id"))

    actor: Mapped[str] = mapped_column(String(100), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject_id: Mapped[uuid.UUID | None]
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ClockRow(Base):
    """How far the demo's day is shifted. At most one row."""

    __tablename__ = "dxp_clock"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset_seconds: Mapped[int]
    changed_at: Mapped[datetime]
