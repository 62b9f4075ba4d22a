"""Staff, their roles, their sessions, their second factor."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, Id


class Staff(Base):
    """Somebody who may sign in to the admin. Never deleted: the audit log refers to them.

    `totp_secret` is sealed; it counts only once `totp_confirmed_at` is set. `totp_last_step` is
    the latest time step that was used, so that a code serves once.
    """

    __tablename__ = "dxp_staff"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    locale: Mapped[str | None] = mapped_column(String(20))
    timezone: Mapped[str | None] = mapped_column(String(64))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    password_changed_at: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    totp_secret: Mapped[str | None] = mapped_column(Text)
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class Role(Base):
    """A named set of permissions; `["*"]` holds all of them, also those declared later.

    With `require_totp` the role gives nothing to a session without a second factor. A `builtin`
    role cannot be changed or deleted.
    """

    __tablename__ = "dxp_role"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    permissions: Mapped[list[str]]
    require_totp: Mapped[bool] = mapped_column(default=False)
    builtin: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class StaffRole(Base):
    """Who has which role."""

    __tablename__ = "dxp_staff_role"
    __table_args__ = (Index(None, "role_id"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_staff.id"), primary_key=True)
    role_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_role.id"), primary_key=True)


class StaffSession(Base):
    """One signed-in browser. The cookie holds a random token, the row only its hash."""

    __tablename__ = "dxp_staff_session"
    __table_args__ = (Index(None, "staff_id"), Index(None, "expires_at"))

    id: Mapped[Id]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_staff.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    second_factor: Mapped[bool] = mapped_column(default=False)
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(300))


class RecoveryCode(Base):
    """Lets somebody in once without their second factor."""

    __tablename__ = "dxp_recovery_code"
    __table_args__ = (Index(None, "staff_id"),)

    id: Mapped[Id]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dxp_staff.id"))
    code_digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class SignInCount(Base):
    """Failed sign-ins of one address, whether or not an account has it.

    Unknown addresses are counted and locked like known ones, so that a lock tells nothing.
    """

    __tablename__ = "dxp_sign_in_count"
    __table_args__ = (Index(None, "updated_at"),)

    address_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    updated_at: Mapped[datetime]
