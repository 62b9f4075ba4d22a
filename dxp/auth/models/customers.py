"""Customers' refresh tokens, and codes sent by mail."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, Id


class RefreshFamily(Base):
    """One sign-in of a customer: all refresh tokens that descend from it.

    Attributes:
        revoked_reason: `signed_out`, `reused`, or `erased`.
    """

    __tablename__ = "dxp_refresh_family"
    __table_args__ = (Index(None, "subject_id"), Index(None, "expires_at"))

    id: Mapped[Id]
    subject_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_subject.id"))
    key_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_api_key.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(20))


class RefreshToken(Base):
    """Good for one use; used again, it takes its whole family down."""

    __tablename__ = "dxp_refresh_token"
    __table_args__ = (Index(None, "family_id"),)

    id: Mapped[Id]
    family_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_refresh_family.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class MailCode(Base):
    """A short code that was sent to an address, or would have been if anybody had it.

    Attributes:
        purpose: `customer_sign_in` or `staff_reset`.
        owner_id: the subject or staff member; None for an address that nobody has.
    """

    __tablename__ = "dxp_mail_code"
    __table_args__ = (
        Index(None, "purpose", "address_digest", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[Id]
    purpose: Mapped[str] = mapped_column(String(30))
    address_digest: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[uuid.UUID | None]
    code_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]
