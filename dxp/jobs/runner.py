"""Running jobs so that a crash at any moment neither loses nor doubles their effect.

One transaction claims a job and counts the attempt. A second one locks the row, makes sure that
the claim still holds, runs the handler, marks the job done and claims the next, so that effect
and completion commit together and a busy worker pays one commit a job. If anything fails, the
second transaction is undone whole and a third one records the failure.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import structlog
from sqlalchemy.orm import Session

from dxp.audit.context import request_id as current_request_id
from dxp.jobs import store
from dxp.jobs.backoff import retry_delay
from dxp.jobs.failures import describe_error, is_transient
from dxp.jobs.heartbeat import Heartbeat
from dxp.jobs.metrics import JobMetrics
from dxp.jobs.pacing import Pace
from dxp.jobs.registry import JobRegistry
from dxp.jobs.store import Claim
from dxp.jobs.types import Job, JobContext

if TYPE_CHECKING:
    from dxp.platform import Platform

log = structlog.get_logger(__name__)
T = TypeVar("T")
ClaimNext = Callable[[Session], Claim | None]
QUICK_RETRIES = 4
_RANDOM = random.SystemRandom()


class LeaseLost(Exception):
    """Another worker has the job by now; whatever this one did for it must not count."""


class Runner:
    """Claims and runs jobs of one platform. Used by threads, brokers' workers and commands."""

    def __init__(self, platform: Platform, registry: JobRegistry) -> None:
        self._platform = platform
        self._registry = registry
        self._metrics = JobMetrics(platform)

    def drain(
        self,
        *,
        queues: Collection[str] | None = None,
        limit: int | None = None,
        stopping: Callable[[], bool] = lambda: False,
        pace: Pace | None = None,
    ) -> int:
        """Run due jobs until there is none, `limit` is reached, or `stopping` says so.

        Args:
            pace: shared by the threads that are to leave room for other writers.

        Returns:
            the number of attempts made, failed ones included.
        """
        done = 0
        held: Claim | None = None
        while held is not None or not stopping():
            held = held or self.take(queues)
            if held is None:
                break
            done += 1
            if done == limit:
                self.run(held)
                break
            transactional = self._registry.get(held.name).transactional
            with pace.turn() if pace is not None and transactional else nullcontext():
                held = self.run(held, following=lambda: not stopping(), queues=queues)
        return done

    def run_by_id(self, job_id: uuid.UUID) -> bool:
        """Run one job if it is due. False: it is not, or somebody else has it."""
        with self._platform.db.write() as session:
            held = self._claim(session, None, job_id=job_id)
        if held is None:
            return False
        self.run(held)
        return True

    def take(self, queues: Collection[str] | None = None) -> Claim | None:
        """Claim the oldest due job."""
        with self._platform.db.read() as session:
            if not store.any_due(session, now=self._platform.clock.wall(), queues=queues):
                return None
        with self._platform.db.write() as session:
            return self._claim(session, queues)

    def recover(self) -> int:
        """Free the jobs of workers that died; returns how many."""
        now = self._platform.clock.wall()
        with self._platform.db.read() as session:
            if not store.expired(session, now=now):
                return 0
        with self._platform.db.write() as session:
            lost = store.recover(session, now=now)
        for job_id, state in lost:
            log.warning("jobs.lease_expired", job_id=str(job_id), state=state)
        return len(lost)

    def unpark(self) -> int:
        """Put jobs back in line whose plugin has come back; returns how many."""
        with self._platform.db.read() as session:
            kinds = store.parked_targets(session)
        runnable = [
            (name, subscription)
            for name, subscription in kinds
            if self._registry.missing(name, {"subscription": subscription}) is None
        ]
        if not runnable:
            return 0
        with self._platform.db.write() as session:
            return sum(store.unpark(session, name, target) for name, target in runnable)

    def run(
        self,
        held: Claim,
        *,
        following: Callable[[], bool] = lambda: False,
        queues: Collection[str] | None = None,
    ) -> Claim | None:
        """Make one attempt at a claimed job.

        Args:
            following: whether to claim the next job in the transaction that marks this one done;
                asked when the handler has returned.

        Returns:
            the next job, claimed.
        """
        job = self._registry.get(held.name)
        names = {"job": held.name, "job_id": str(held.id), "attempt": held.attempt}
        if held.request_id is not None:
            names["request_id"] = held.request_id
        asked_by = current_request_id.set(held.request_id)
        claimed: Claim | None = None
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(**names):
            try:
                attempt = self._run_inside if job.transactional else self._run_beside
                claimed = attempt(
                    job, held, lambda s: self._claim(s, queues) if following() else None
                )
                outcome = "done"
                log.debug("jobs.done")
            except LeaseLost:
                outcome = "lost"
                log.warning("jobs.lease_lost")
            except (Exception, SystemExit) as error:
                outcome = self._record_failure(held, error)
            finally:
                current_request_id.reset(asked_by)
        self._metrics.observe(held.name, outcome, seconds=time.monotonic() - began)
        return claimed

    def _claim(
        self, session: Session, queues: Collection[str] | None, job_id: uuid.UUID | None = None
    ) -> Claim | None:
        """Claim a job that can be run here; lay aside those that cannot, all of a kind at once."""
        while True:
            now = self._platform.clock.wall()
            lease = timedelta(seconds=self._platform.settings.jobs.lease_seconds)
            held = store.claim(session, now=now, lease=lease, queues=queues, job_id=job_id)
            if held is None:
                return None
            reason = self._registry.missing(held.name, held.payload)
            if reason is None:
                return held
            store.park(session, held, now=now, reason=reason)
            log.warning("jobs.parked", job=held.name, reason=reason)

    def _run_inside(self, job: Job, held: Claim, claim_next: ClaimNext) -> Claim | None:
        def once() -> Claim | None:
            with self._platform.db.write() as session:
                if not store.hold(session, held):
                    raise LeaseLost
                job.handler(self._context(held, session))
                # What the handler left to be written must fail here, as its own error.
                session.flush()
                store.finish(session, held, now=self._platform.clock.wall())
                return claim_next(session)

        return _insist(once)

    def _run_beside(self, job: Job, held: Claim, claim_next: ClaimNext) -> Claim | None:
        with Heartbeat(self._platform, held):
            job.handler(self._context(held, None))

        def once() -> Claim | None:
            with self._platform.db.write() as session:
                if not store.finish(session, held, now=self._platform.clock.wall()):
                    raise LeaseLost
                return claim_next(session)

        return _insist(once)

    def _context(self, held: Claim, session: Session | None) -> JobContext:
        return JobContext(
            platform=self._platform,
            job_id=held.id,
            payload=held.payload,
            attempt=held.attempt,
            now=self._platform.clock.now(),
            own_session=session,
        )

    def _record_failure(self, held: Claim, error: BaseException) -> str:
        settings = self._platform.settings.jobs
        text = describe_error(error)
        final = held.attempt >= held.max_attempts
        delay = retry_delay(
            held.attempt, base=settings.backoff_base_seconds, cap=settings.backoff_max_seconds
        )

        def once() -> bool:
            now = self._platform.clock.wall()
            with self._platform.db.write() as session:
                if final:
                    return store.bury(session, held, now=now, error=text)
                run_at = now + timedelta(seconds=delay)
                return store.postpone(session, held, run_at=run_at, error=text)

        if not _insist(once):
            log.warning("jobs.lease_lost", error=text)
            return "lost"
        if final:
            log.error("jobs.dead", error=text, max_attempts=held.max_attempts)
            return "dead"
        log.warning("jobs.failed", error=text, retry_seconds=round(delay, 3))
        return "failed"


def _insist(transaction: Callable[[], T]) -> T:
    """Run a transaction anew when the database says that it only met another one."""
    for again in range(QUICK_RETRIES):
        try:
            return transaction()
        except Exception as error:
            if not is_transient(error):
                raise
            time.sleep(_RANDOM.uniform(0.0, 0.02 * 2**again))
    return transaction()
