"""What the plugin machinery stores."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base


class PluginFailure(Base):
    """How often a hook of a plugin failed, in all processes. Times are the wall's.

    `last_error` names the exception and the line that raised it, and not its message, which may
    hold what somebody typed; that stands in the log.
    """

    __tablename__ = "dxp_plugin_failure"

    plugin: Mapped[str] = mapped_column(String(100), primary_key=True)
    hook: Mapped[str] = mapped_column(String(100), primary_key=True)
    total: Mapped[int]
    last_at: Mapped[datetime]
    last_error: Mapped[str] = mapped_column(String(300))
