"""Subjects and their keys."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, Id


class Subject(Base):
    """Somebody whom the platform can tell apart from others, and nothing more.

    Attributes:
        anonymous: a browser of which nobody has said whose it is.
        merged_into_id: the person that this one turned out to be; never one merged in turn.
    """

    __tablename__ = "dxp_subject"
    __table_args__ = (Index(None, "merged_into_id"),)

    id: Mapped[Id]
    created_at: Mapped[datetime]
    anonymous: Mapped[bool] = mapped_column(default=False, server_default=false())
    merged_into_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))
    erased_at: Mapped[datetime | None]


class SubjectKey(Base):
    """A name that the outside world uses for a subject, as an HMAC of (scheme, value).

    Schemes: `ref` (the storefront's number), `email`, `anonymous` (a browser's id).
    """

    __tablename__ = "dxp_subject_key"
    __table_args__ = (Index(None, "subject_id"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    scheme: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    created_at: Mapped[datetime]
