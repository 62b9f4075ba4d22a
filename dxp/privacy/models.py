"""Merges that may be undone, requests of persons about their data, and exports."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, Id

KINDS = ("access", "rectification", "erasure", "objection")
VERIFIED = ("signed_in", "email", "document", "phone", "other")


class Merge(Base):
    """Two persons who turned out to be one.

    Attributes:
        reason: `person` when staff said so, `identified` when a browser's owner signed in.
        by: key of the actor; `undone_by` too.
        undo: by plugin, what undoing needs besides the rows; None once that is over.
        undo_until: from then on the merge stands.
    """

    __tablename__ = "dxp_merge"
    __table_args__ = (
        CheckConstraint("reason IN ('person', 'identified')", name="reason"),
        CheckConstraint("winner_id <> loser_id", name="two"),
        Index(None, "winner_id", "id"),
        Index(None, "loser_id", "id"),
        Index(None, "undo_until"),
    )

    id: Mapped[Id]
    winner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    loser_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    reason: Mapped[str] = mapped_column(String(12))
    merged_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(100))
    undo: Mapped[dict[str, Any] | None]
    undo_until: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(100))


class NotDuplicate(Base):
    """Staff looked at two persons and found that they are two. `low_id` < `high_id`."""

    __tablename__ = "dxp_not_duplicate"
    __table_args__ = (Index(None, "high_id"),)

    low_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    high_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"), primary_key=True)
    decided_at: Mapped[datetime]
    decided_by: Mapped[str] = mapped_column(String(100))


class PrivacyRequest(Base):
    """A person asked for something about their data.

    Attributes:
        kind: `access`, `rectification`, `erasure` or `objection`.
        channel: how it came in, such as `storefront`.
        verified_by: how it was made sure that it is that person; None: not yet.
        details, answer: in words; blanked when the person is erased.
        due_at: by when it has to be answered.
        state: `open`, `done` or `refused`.
    """

    __tablename__ = "dxp_privacy_request"
    __table_args__ = (
        CheckConstraint("kind IN ('access', 'rectification', 'erasure', 'objection')", name="kind"),
        CheckConstraint("state IN ('open', 'done', 'refused')", name="state"),
        Index(None, "subject_id", "id"),
        Index(None, "state", "due_at", "id"),
        Index(None, "due_at", "id"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(15))
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    asked_by: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(30))
    verified_by: Mapped[str | None] = mapped_column(String(15))
    details: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="open")
    answer: Mapped[str] = mapped_column(Text, default="")
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(100))


class Export(Base):
    """A copy of one person's data, to be fetched once.

    Attributes:
        state: `queued`, `ready`, `fetched` or `expired`; only a ready one has parts.
        locale: of the readable page.
        asked_by: key of the actor.
    """

    __tablename__ = "dxp_privacy_export"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'ready', 'fetched', 'expired')", name="state"),
        Index(None, "subject_id", "id"),
        Index(None, "expires_at"),
    )

    id: Mapped[Id]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    state: Mapped[str] = mapped_column(String(10), default="queued")
    locale: Mapped[str] = mapped_column(String(20))
    asked_by: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(default=0)


class ExportPart(Base):
    """Up to a mebibyte of an export's ZIP file."""

    __tablename__ = "dxp_privacy_export_part"
    __table_args__ = (UniqueConstraint("export_id", "number"),)

    id: Mapped[Id]
    export_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_privacy_export.id"))
    number: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)
