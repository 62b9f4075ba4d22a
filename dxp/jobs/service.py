"""The jobs of a platform: declaring, writing, running and looking after them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from dxp.audit.context import request_id as current_request_id
from dxp.auth.actors import Actor, SystemActor
from dxp.errors import Conflict, NotFound
from dxp.jobs import store
from dxp.jobs.brokers import DramatiqTransport
from dxp.jobs.delivery import DELIVERY
from dxp.jobs.embedded import EmbeddedTransport
from dxp.jobs.housekeeping import PRUNE_JOBS, PRUNE_SCHEDULE
from dxp.jobs.keeper import Keeper
from dxp.jobs.models import DEAD, READY, JobRow
from dxp.jobs.registry import DELIVER_EVENT, JobRegistry
from dxp.jobs.retention import FORGET_EVENTS, FORGET_SCHEDULE
from dxp.jobs.runner import Runner
from dxp.jobs.scheduler import Scheduler, ScheduleState
from dxp.jobs.store import JobStats, NewJob
from dxp.jobs.transport import Hint, Transport
from dxp.jobs.types import Job, Schedule

if TYPE_CHECKING:
    from dxp.platform import Platform

_HINTS = "dxp_job_hints"
_RETRY_AT_ONCE = 100


class Jobs:
    """One object for all who have to do with jobs: plugins, the outbox, commands, the admin.

    Attributes:
        runner: makes single attempts; for workers.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._registry = JobRegistry(platform.events)
        self.runner = Runner(platform, self._registry)
        self._scheduler = Scheduler(platform, self._registry, self._enqueue_due)
        self._transport = self._make_transport()
        self._keeper: Keeper | None = None
        self.declare(DELIVERY)
        self.declare(PRUNE_JOBS)
        self.schedule(PRUNE_SCHEDULE)
        self.declare(FORGET_EVENTS)
        self.schedule(FORGET_SCHEDULE)

    @property
    def declared(self) -> Mapping[str, Job]:
        """Declared jobs by name."""
        return self._registry.jobs

    @property
    def queues(self) -> frozenset[str]:
        """The queues of the declared jobs."""
        return self._registry.queues

    def declare(self, job: Job) -> None:
        """Make a job known; its name must be unique.

        Raises:
            ConfigurationError: another job has that name, or it allows no attempt.
        """
        self._registry.declare(job)

    def schedule(self, schedule: Schedule) -> None:
        """Make a schedule known; its job may be declared later.

        Raises:
            ConfigurationError: the name is taken, or the expression or the zone is wrong.
        """
        self._registry.schedule(schedule)

    def check(self) -> None:
        """Refuse schedules of jobs that nobody declared; `start` does it too.

        Raises:
            ConfigurationError: names the schedule.
        """
        self._registry.check()

    def enqueue(
        self,
        session: Session,
        name: str,
        payload: Mapping[str, Any] | None = None,
        *,
        run_at: datetime | None = None,
        dedupe_key: str | None = None,
    ) -> uuid.UUID | None:
        """Write a job in the transaction of `session`: it runs if, and only if, that commits.

        Args:
            payload: JSON-ready values.
            run_at: not before this moment of the wall clock; at once when None.
            dedupe_key: at most one job carries it, done ones included for 7 days.

        Returns:
            the job's id; None when another job has the key.

        Raises:
            ConfigurationError: no such job is declared.
        """
        job = self._new(name, payload or {}, run_at=run_at, dedupe_key=dedupe_key)
        if dedupe_key is None:
            job_id = store.insert_jobs(session, [job])[0]
        else:
            inserted = store.insert_unique(session, job)
            if inserted is None:
                return None
            job_id = inserted
        if run_at is None or job.run_at <= job.created_at:
            self._hint_later(session, [(job_id, job.queue)])
        return job_id

    def enqueue_many(
        self,
        session: Session,
        name: str,
        payloads: Sequence[Mapping[str, Any]],
        *,
        run_at: datetime | None = None,
    ) -> list[uuid.UUID]:
        """Write one job for each payload, in one statement. See `enqueue`."""
        if not payloads:
            return []
        jobs = [self._new(name, payload, run_at=run_at) for payload in payloads]
        ids = store.insert_jobs(session, jobs)
        if jobs[0].run_at <= jobs[0].created_at:
            self._hint_later(session, [(job_id, jobs[0].queue) for job_id in ids])
        return ids

    def outbox(self, session: Session, due: Sequence[tuple[str, uuid.UUID]]) -> None:
        """Write one delivery for each (subscription name, event id); the event bus calls it."""
        self.enqueue_many(
            session,
            DELIVER_EVENT,
            [
                {"subscription": subscription, "event_id": str(event_id)}
                for subscription, event_id in due
            ],
        )

    def run_pending(self, limit: int | None = None) -> int:
        """Run due jobs here and now, one after another, until there is none.

        Returns:
            the number of attempts made, failed ones included.
        """
        self.runner.unpark()
        self.runner.recover()
        return self.runner.drain(limit=limit)

    def tick(self, now: datetime | None = None) -> list[uuid.UUID]:
        """Take all due schedules; returns the ids of the jobs written. Harmless to repeat.

        Args:
            now: domain time; the platform's when None.
        """
        self.check()
        return self._scheduler.tick(now)

    def start(self) -> None:
        """A web process begins: with the embedded transport it runs jobs too.

        Raises:
            ConfigurationError: a schedule names a job that nobody declared.
        """
        self.check()
        settings = self._platform.settings.jobs
        if not self._transport.sends and settings.threads:
            self.start_worker(threads=settings.threads)

    def start_worker(self, *, threads: int, queues: Collection[str] | None = None) -> None:
        """Begin to run jobs in this process, whatever the transport, and to keep house.

        Does nothing when it has begun already.
        """
        self.check()
        if self._keeper is not None:
            return
        self._keeper = Keeper(
            self._platform,
            runner=self.runner,
            scheduler=self._scheduler,
            transport=self._transport,
        )
        self._transport.start(threads=threads, queues=queues)
        self._keeper.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End what was begun; running jobs get `timeout` seconds. Harmless to repeat."""
        deadline = time.monotonic() + timeout
        if self._keeper is not None:
            self._keeper.ask_to_stop()
        self._transport.stop(timeout)
        if self._keeper is not None:
            self._keeper.stop(max(0.0, deadline - time.monotonic()))
            self._keeper = None

    def stats(self, session: Session) -> JobStats:
        """How the table stands now."""
        return store.count(session, now=self._platform.clock.wall())

    def schedules(self, session: Session) -> list[ScheduleState]:
        """All schedules with their next and last due moments, in domain time."""
        return self._scheduler.states(session)

    def find(self, session: Session, job_id: uuid.UUID) -> JobRow:
        """One job.

        Raises:
            NotFound: there is none of that id, or it was done and pruned.
        """
        job = session.get(JobRow, job_id)
        if job is None:
            raise NotFound(
                f"There is no job {job_id}: the id is wrong, or the job was done and pruned; "
                "`dxp jobs list` shows those there are",
                code="job_not_found",
            )
        return job

    def matching(self, *, state: str | None = None) -> Select[JobRow]:
        """The statement that selects jobs, not yet sorted."""
        statement = select(JobRow)
        return statement if state is None else statement.where(store.in_state(state))

    def latest(
        self, session: Session, *, state: str | None = None, limit: int = 50, offset: int = 0
    ) -> list[JobRow]:
        """Jobs, newest first."""
        newest = self.matching(state=state).order_by(JobRow.id.desc())
        return list(session.scalars(newest.limit(limit).offset(offset)))

    def dead_letters(self, session: Session, *, limit: int = 50) -> list[JobRow]:
        """Jobs that failed too often, newest first."""
        return self.latest(session, state=DEAD, limit=limit)

    def retry(self, session: Session, job_id: uuid.UUID, *, actor: Actor | None = None) -> JobRow:
        """Let a dead or waiting job run now, with all its attempts anew.

        Raises:
            NotFound: there is no such job.
            Conflict: it is running or done.
        """
        job = self._locked(session, job_id, verb="retried")
        before = _summary(job)
        now = self._platform.clock.wall()
        job.state = READY
        job.attempts = 0
        job.run_at = now
        job.finished_at = None
        job.parked_at = None
        job.sent_at = now if self._transport.sends else None
        session.flush()
        self._audit(session, actor, "retried", job, before=before, after=_summary(job))
        self._hint_later(session, [(job.id, job.queue)])
        return job

    def retry_all_dead(self, *, actor: Actor | None = None) -> int:
        """Let every dead job run now, in small transactions; returns how many."""
        sent = 0
        while True:
            with self._platform.db.write() as session:
                dead = self.dead_letters(session, limit=_RETRY_AT_ONCE)
                for job in dead:
                    self.retry(session, job.id, actor=actor)
            sent += len(dead)
            if len(dead) < _RETRY_AT_ONCE:
                return sent

    def discard(self, session: Session, job_id: uuid.UUID, *, actor: Actor | None = None) -> None:
        """Delete a dead or waiting job; the audit log keeps what it was.

        Raises:
            NotFound: there is no such job.
            Conflict: it is running or done.
        """
        job = self._locked(session, job_id, verb="discarded")
        self._audit(session, actor, "discarded", job, before=_summary(job), after=None)
        session.delete(job)
        session.flush()

    def _locked(self, session: Session, job_id: uuid.UUID, *, verb: str) -> JobRow:
        job = session.get(JobRow, job_id, with_for_update=True, populate_existing=True)
        job = job or self.find(session, job_id)
        if job.state not in (READY, DEAD):
            raise Conflict(
                f"Job {job_id} cannot be {verb}: it is {job.state}, and only ready and dead "
                "jobs can; look at it again when it has ended",
                code="job_state_conflict",
            )
        return job

    def _audit(
        self,
        session: Session,
        actor: Actor | None,
        verb: str,
        job: JobRow,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        self._platform.audit.record(
            session,
            actor or SystemActor(),
            action=f"core.job.{verb}",
            object_type="job",
            object_id=str(job.id),
            before=before,
            after=after,
        )

    def _new(
        self,
        name: str,
        payload: Mapping[str, Any],
        *,
        run_at: datetime | None = None,
        dedupe_key: str | None = None,
    ) -> NewJob:
        job = self._registry.get(name)
        now = self._platform.clock.wall()
        due_now = run_at is None or run_at <= now
        return NewJob(
            name=name,
            queue=job.queue,
            payload=payload,
            max_attempts=job.max_attempts,
            run_at=run_at or now,
            created_at=now,
            request_id=current_request_id.get(),
            dedupe_key=dedupe_key,
            # The message goes out after the commit. Should it get lost on the way, the sweep
            # sends another when this is older than a lease.
            sent_at=now if due_now and self._transport.sends else None,
        )

    def _hint_later(self, session: Session, hints: Sequence[Hint]) -> None:
        waiting: list[Hint] | None = session.info.get(_HINTS)
        if waiting is None:
            waiting = session.info[_HINTS] = []
            self._platform.db.after_commit(session, lambda: self._transport.hint(waiting))
        waiting.extend(hints)

    def _enqueue_due(self, session: Session, schedule: Schedule) -> uuid.UUID:
        job_id = self.enqueue(session, schedule.job, schedule.payload)
        assert job_id is not None
        return job_id

    def _make_transport(self) -> Transport:
        if self._platform.settings.jobs.transport == "dramatiq":
            return DramatiqTransport(self._platform, self.runner, self._registry)
        return EmbeddedTransport(self._platform, self.runner)


def _summary(job: JobRow) -> dict[str, Any]:
    return {"name": job.name, "state": job.state, "attempts": job.attempts}
