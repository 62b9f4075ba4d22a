"""Declared jobs and schedules."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from dxp.platform import Platform


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What a job's handler gets.

    Attributes:
        session: of the transaction in which the job is also marked done; only for transactional
            jobs, reading it in another raises.
        attempt: 1 at the first try.
        now: domain time at which the attempt began.
    """

    platform: Platform
    job_id: uuid.UUID
    payload: Mapping[str, Any]
    attempt: int
    now: datetime
    own_session: Session | None = field(default=None, repr=False)

    @property
    def session(self) -> Session:
        if self.own_session is None:
            raise RuntimeError(
                "this job is not transactional, so it has no session of its own; "
                "open ctx.platform.db.write() for each step"
            )
        return self.own_session


@dataclass(frozen=True, kw_only=True)
class Job:
    """A declared kind of job.

    Attributes:
        name: stable, unique, dotted with the plugin's name.
        handler: its docstring is the documentation.
        transactional: True: effect and completion commit together, so the effect happens exactly
            once; keep it short. False: runs at least once under a lease that is renewed while it
            runs; make it repeatable.
        max_attempts: after so many failures the job is dead and waits for staff.
        queue: workers may be told to serve some queues only.
    """

    name: str
    handler: Callable[[JobContext], None]
    transactional: bool = True
    max_attempts: int = 8
    queue: str = "default"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a job is due, as a five-field cron expression in `timezone` (an IANA name).

    One row a due moment is unique in the database, so that any number of workers run it once.
    After an outage only the latest missed moment runs: a job looks at the time, not at how often
    it was called.
    """

    name: str
    cron: str
    job: str
    timezone: str = "UTC"
    payload: Mapping[str, Any] = field(default_factory=dict)
