"""The SQL of the job table: each function is one step, in the caller's transaction.

States are written into the SQL as literals: neither SQLite nor a prepared plan of PostgreSQL
uses a partial index when the state is a parameter.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from dxp.db import dialect_insert, uuid7
from dxp.jobs.models import JobRow
from dxp.jobs.transport import Hint

DIED = (
    "The worker ended or stalled while it ran this job, and its lease ran out; "
    "look at that process's log for the time of the attempt."
)


_JOB = cast("Table", JobRow.__table__)


def in_state(state: str) -> ColumnElement[bool]:
    """A condition that the partial indexes answer."""
    return _JOB.c.state == literal_column(f"'{state}'")


_WAITING = and_(in_state("ready"), _JOB.c.parked_at.is_(None))
_PARKED = and_(in_state("ready"), _JOB.c.parked_at.is_not(None))
_RUNNING = in_state("running")


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job about to be written."""

    name: str
    queue: str
    payload: Mapping[str, Any]
    max_attempts: int
    run_at: datetime
    created_at: datetime
    request_id: str | None = None
    dedupe_key: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to run one job for the length of a lease."""

    id: uuid.UUID
    token: uuid.UUID
    name: str
    queue: str
    payload: Mapping[str, Any]
    attempt: int
    max_attempts: int
    request_id: str | None


@dataclass(frozen=True, kw_only=True)
class JobStats:
    """How the table stands.

    Attributes:
        due: ready and its time has come.
        waiting: ready, for a later moment (retries, planned jobs).
        parked: nothing installed can run them.
        lag_seconds: how long the oldest due job has been waiting; 0 when none is.
    """

    due: int
    waiting: int
    parked: int
    running: int
    dead: int
    lag_seconds: float

    @property
    def ready(self) -> int:
        return self.due + self.waiting


def insert_jobs(session: Session, jobs: Sequence[NewJob]) -> list[uuid.UUID]:
    """Write job rows in one statement."""
    rows = [_values(job) for job in jobs]
    session.execute(insert(_JOB), rows)
    return [row["id"] for row in rows]


def insert_unique(session: Session, job: NewJob) -> uuid.UUID | None:
    """Write a job row, unless one with its key is there already."""
    statement = (
        dialect_insert(session, JobRow)
        .values(_values(job))
        .on_conflict_do_nothing(index_elements=["dedupe_key"])
        .returning(JobRow.id)
    )
    found: uuid.UUID | None = session.scalar(statement)
    return found


def _values(job: NewJob) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "name": job.name,
        "queue": job.queue,
        "payload": dict(job.payload),
        "state": "ready",
        "run_at": job.run_at,
        "attempts": 0,
        "max_attempts": job.max_attempts,
        "lease_token": None,
        "lease_until": None,
        "last_error": None,
        "dedupe_key": job.dedupe_key,
        "request_id": job.request_id,
        "created_at": job.created_at,
        "finished_at": None,
        "sent_at": job.sent_at,
        "parked_at": None,
    }


def claim(
    session: Session,
    *,
    now: datetime,
    lease: timedelta,
    queues: Collection[str] | None = None,
    job_id: uuid.UUID | None = None,
) -> Claim | None:
    """Take the oldest due job, or `job_id` if it is due. None: there is nothing to take.

    Several workers may ask at once: on PostgreSQL they skip the rows that others are taking,
    on SQLite there is one writer at a time.
    """
    token = uuid.uuid4()
    values: dict[str, Any] = {"at": now, "token": token, "until": now + lease}
    if job_id is not None:
        values["wanted"] = job_id
    if queues is not None:
        values["queues"] = sorted(queues)
    statement = _claiming(one=job_id is not None, some=queues is not None)
    row = session.execute(statement, values).one_or_none()
    if row is None:
        return None
    return Claim(
        id=row.id,
        token=token,
        name=row.name,
        queue=row.queue,
        payload=row.payload,
        attempt=row.attempts,
        max_attempts=row.max_attempts,
        request_id=row.request_id,
    )


@cache
def _claiming(*, one: bool, some: bool) -> Any:
    """The statement that claims, built once: building it costs more than running it."""
    candidate = select(_JOB.c.id).where(_WAITING, _JOB.c.run_at <= bindparam("at"))
    if one:
        candidate = candidate.where(_JOB.c.id == bindparam("wanted"))
    else:
        candidate = candidate.order_by(_JOB.c.run_at, _JOB.c.id).limit(1)
    if some:
        candidate = candidate.where(_JOB.c.queue.in_(bindparam("queues", expanding=True)))
    return (
        update(_JOB)
        .where(_JOB.c.id == candidate.with_for_update(skip_locked=True).scalar_subquery())
        .values(
            state="running",
            attempts=_JOB.c.attempts + 1,
            lease_token=bindparam("token"),
            lease_until=bindparam("until"),
        )
        .returning(
            _JOB.c.id,
            _JOB.c.name,
            _JOB.c.queue,
            _JOB.c.payload,
            _JOB.c.attempts,
            _JOB.c.max_attempts,
            _JOB.c.request_id,
        )
    )


@cache
def _holding() -> Any:
    return select(_JOB.c.id).where(_held()).with_for_update()


@cache
def _finishing() -> Any:
    values: dict[str, Any] = {
        "state": "done",
        "finished_at": bindparam("at"),
        "lease_token": None,
        "lease_until": None,
        "last_error": None,
    }
    return update(_JOB).where(_held()).values(values).returning(_JOB.c.id)


def _held() -> ColumnElement[bool]:
    return and_(_JOB.c.id == bindparam("held"), _JOB.c.lease_token == bindparam("token"), _RUNNING)


def _mine(held: Claim) -> ColumnElement[bool]:
    return and_(JobRow.id == held.id, JobRow.lease_token == held.token, _RUNNING)


def hold(session: Session, held: Claim) -> bool:
    """Lock the row for this transaction. False: the job is no longer ours to run."""
    return session.scalar(_holding(), {"held": held.id, "token": held.token}) is not None


def _change(session: Session, condition: ColumnElement[bool], **values: Any) -> int:
    statement = (
        update(JobRow)
        .where(condition)
        .values(**values)
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(statement).all())


def renew(session: Session, held: Claim, *, until: datetime) -> bool:
    """Prolong the lease of a running job. False: somebody else has it by now."""
    return _change(session, _mine(held), lease_until=until) == 1


def _release(session: Session, held: Claim, **values: Any) -> bool:
    return _change(session, _mine(held), lease_token=None, lease_until=None, **values) == 1


def finish(session: Session, held: Claim, *, now: datetime) -> bool:
    """Mark a job done. False: it was no longer ours."""
    values = {"held": held.id, "token": held.token, "at": now}
    return session.scalar(_finishing(), values) is not None


def postpone(session: Session, held: Claim, *, run_at: datetime, error: str) -> bool:
    """Give a failed job back, to be tried again at `run_at`."""
    return _release(session, held, state="ready", run_at=run_at, last_error=error, sent_at=None)


def bury(session: Session, held: Claim, *, now: datetime, error: str) -> bool:
    """Give a job up: it is dead until staff look at it."""
    return _release(session, held, state="dead", finished_at=now, last_error=error)


def park(session: Session, held: Claim, *, now: datetime, reason: str) -> None:
    """Lay a job aside that nothing installed can run, and all others of its kind.

    The attempt does not count. Doing the whole kind at once keeps a removed plugin's backlog
    from standing in front of everybody else's jobs.
    """
    _release(
        session,
        held,
        state="ready",
        attempts=held.attempt - 1,
        last_error=reason,
        parked_at=now,
        sent_at=None,
    )
    kind = _of_kind(held.name, held.payload.get("subscription"))
    others = update(JobRow).where(_WAITING, kind).values(parked_at=now, last_error=reason)
    session.execute(others.execution_options(synchronize_session=False))


def parked_targets(session: Session) -> list[tuple[str, str | None]]:
    """Job name, and subscription for deliveries, of what is laid aside; one of each."""
    subscription = JobRow.payload["subscription"].as_string()
    statement = select(JobRow.name, subscription).where(_PARKED).distinct()
    return [(name, found) for name, found in session.execute(statement)]


def unpark(session: Session, name: str, subscription: str | None) -> int:
    """Put laid-aside jobs of one kind back in line; returns how many."""
    kind = and_(_PARKED, _of_kind(name, subscription))
    return _change(session, kind, parked_at=None, last_error=None)


def _of_kind(name: str, subscription: str | None) -> ColumnElement[bool]:
    if subscription is None:
        return JobRow.name == name
    return and_(JobRow.name == name, JobRow.payload["subscription"].as_string() == subscription)


def expired(session: Session, *, now: datetime) -> bool:
    """Whether a running job's lease ran out."""
    condition = and_(_RUNNING, JobRow.lease_until < now)
    return bool(session.scalar(select(exists().where(condition))))


def recover(session: Session, *, now: datetime, limit: int = 100) -> list[tuple[uuid.UUID, str]]:
    """Free the jobs of workers that died: back to ready, or dead when that was the last attempt.

    A job whose transaction still runs is locked and therefore left alone.

    Returns:
        id and new state of each.
    """
    lost = (
        select(JobRow.id)
        .where(_RUNNING, JobRow.lease_until < now)
        .order_by(JobRow.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(lost))
    if not ids:
        return []
    final = JobRow.attempts >= JobRow.max_attempts
    statement = (
        update(JobRow)
        .where(JobRow.id.in_(ids))
        .values(
            state=case((final, "dead"), else_="ready"),
            finished_at=case((final, now), else_=None),
            run_at=case((final, JobRow.run_at), else_=now),
            lease_token=None,
            lease_until=None,
            last_error=DIED,
            sent_at=None,
        )
        .returning(JobRow.id, JobRow.state)
        .execution_options(synchronize_session=False)
    )
    return [(row.id, row.state) for row in session.execute(statement)]


def any_due(session: Session, *, now: datetime, queues: Collection[str] | None = None) -> bool:
    """Whether a job could be claimed; reads only, so that idle workers take no write lock."""
    condition = and_(_WAITING, JobRow.run_at <= now)
    if queues is not None:
        condition = and_(condition, JobRow.queue.in_(sorted(queues)))
    return bool(session.scalar(select(exists().where(condition))))


def take_unsent(session: Session, *, now: datetime, limit: int) -> list[Hint]:
    """Mark due jobs as handed to the broker for which no message was sent."""
    return _take_for_sending(session, JobRow.sent_at.is_(None), now=now, limit=limit)


def take_stale(session: Session, *, now: datetime, stale: datetime, limit: int) -> list[Hint]:
    """Mark due jobs as handed to the broker whose message was sent before `stale`."""
    return _take_for_sending(session, JobRow.sent_at < stale, now=now, limit=limit)


def _take_for_sending(
    session: Session, condition: ColumnElement[bool], *, now: datetime, limit: int
) -> list[Hint]:
    candidates = (
        select(JobRow.id)
        .where(_WAITING, JobRow.run_at <= now, condition)
        .order_by(JobRow.run_at, JobRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(candidates))
    if not ids:
        return []
    statement = (
        update(JobRow)
        .where(JobRow.id.in_(ids))
        .values(sent_at=now)
        .returning(JobRow.id, JobRow.queue)
        .execution_options(synchronize_session=False)
    )
    return [(row.id, row.queue) for row in session.execute(statement)]


def mark_unsent(session: Session, ids: Iterable[uuid.UUID]) -> None:
    """Take back the mark of messages that could not be sent."""
    _change(session, and_(in_state("ready"), JobRow.id.in_(list(ids))), sent_at=None)


def finished_since(session: Session, moment: datetime) -> bool:
    """Whether any job was done after `moment`: the workers are at work."""
    condition = and_(in_state("done"), JobRow.finished_at > moment)
    return bool(session.scalar(select(exists().where(condition))))


def prune(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` jobs done before a moment; returns how many."""
    old = (
        select(JobRow.id)
        .where(in_state("done"), JobRow.finished_at < before)
        .order_by(JobRow.finished_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(old))
    if ids:
        session.execute(
            delete(JobRow).where(JobRow.id.in_(ids)).execution_options(synchronize_session=False)
        )
    return len(ids)


def count(session: Session, *, now: datetime) -> JobStats:
    """Count what is not done; done jobs are many and of no interest."""
    due = JobRow.run_at <= now
    waiting = session.execute(
        select(
            func.count(case((due, 1))),
            func.count(case((~due, 1))),
            func.min(JobRow.run_at),
        ).where(_WAITING)
    ).one()

    def total(*conditions: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(JobRow).where(*conditions)
        return session.scalar(statement) or 0

    oldest: datetime | None = waiting[2]
    return JobStats(
        due=waiting[0],
        waiting=waiting[1],
        parked=total(_PARKED),
        running=total(_RUNNING),
        dead=total(in_state("dead")),
        lag_seconds=max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0,
    )
