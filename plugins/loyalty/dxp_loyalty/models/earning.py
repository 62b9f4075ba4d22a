"""Earning rules and their versions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class EarningRule(Base):
    """A rule under its lasting name. `version` is the number of the one in force."""

    __tablename__ = "loyalty_earning_rule"
    __table_args__ = (Index(None, "event_type", "active"),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    event_type: Mapped[str] = mapped_column(String(100))
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class EarningRuleVersion(Base):
    """What a rule said from `created_at` on. Never changed: each entry names the version that
    made it, and an event that is told late earns by the version of the time when it happened.

    `definition` is described by `dxp_loyalty.services.rule_language`.
    """

    __tablename__ = "loyalty_earning_rule_version"
    __table_args__ = (UniqueConstraint("rule_id", "number"),)

    id: Mapped[Id]
    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("loyalty_earning_rule.id"))
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    event_type: Mapped[str] = mapped_column(String(100))
    active: Mapped[bool] = mapped_column(default=True)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))
