"""The job table, the schedules' memory, and the leases of those who keep house."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from dxp.db import Base, Id

READY = "ready"
RUNNING = "running"
DONE = "done"
DEAD = "dead"
STATES = (READY, RUNNING, DONE, DEAD)


def _partial(name: str, columns: tuple[str, ...], where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class JobRow(Base):
    """One piece of work. Every row is in at most one of the partial indexes, so that claiming
    costs the same however many jobs were done before.

    Attributes:
        run_at: not before this moment (wall clock).
        attempts: how often it was taken up, also by workers that died with it.
        lease_token: of the attempt that runs; whoever does not hold it may not finish the job.
        dedupe_key: at most one row carries it, until done rows are pruned.
        request_id: of the request that asked for it, for the logs.
        sent_at: when a message about it was last handed to a broker.
        parked_at: when a worker found that nothing installed can run it.
    """

    __tablename__ = "dxp_job"
    __table_args__ = (
        _partial("ix_dxp_job_ready", ("run_at", "id"), "state = 'ready' AND parked_at IS NULL"),
        _partial("ix_dxp_job_parked", ("id",), "state = 'ready' AND parked_at IS NOT NULL"),
        _partial("ix_dxp_job_running", ("lease_until",), "state = 'running'"),
        _partial("ix_dxp_job_done", ("finished_at",), "state = 'done'"),
        _partial("ix_dxp_job_dead", ("id",), "state = 'dead'"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(100))
    queue: Mapped[str] = mapped_column(String(50))
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10))
    run_at: Mapped[datetime]
    attempts: Mapped[int]
    max_attempts: Mapped[int]
    lease_token: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    dedupe_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    request_id: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]


class ScheduleRun(Base):
    """A due moment (domain time) that was taken; its uniqueness makes a schedule run once."""

    __tablename__ = "dxp_schedule_run"

    schedule: Mapped[str] = mapped_column(String(100), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class Lease(Base):
    """Who does a thing that one process should do. It saves work; correctness never hangs on it."""

    __tablename__ = "dxp_lease"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    owner: Mapped[str] = mapped_column(String(100))
    until: Mapped[datetime]
