"""API keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, Id


class ApiKey(Base):
    """A storefront's or server's credential.

    `prefix` names the key in the open; of the whole key only a SHA-256 is kept, which is enough
    because its secret part is random and long.

    Attributes:
        origins: the sites that may use it, such as `https://shop.example`. A key with origins is
            for browsers and lies open in their pages; one without is a server's, and secret.
    """

    __tablename__ = "dxp_api_key"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    prefix: Mapped[str] = mapped_column(String(20), unique=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    origins: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
