"""Jobs in worker processes that dramatiq wakes, through Redis or RabbitMQ.

A message carries a job's id and nothing else; the worker looks at the table whether there is
still something to do. So the broker may lose, double or delay messages, or be away: jobs are
committed all the same, and the sweep sends what was not sent.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from dxp.errors import ConfigurationError
from dxp.jobs import store
from dxp.jobs.registry import JobRegistry
from dxp.jobs.runner import Runner
from dxp.jobs.transport import Hint
from dxp.settings import Settings

if TYPE_CHECKING:
    from dramatiq import Broker, Worker

    from dxp.platform import Platform

log = structlog.get_logger(__name__)
ACTOR = "dxp.run_job"
# Hints beyond this are dropped, and the sweep sends them later.
_OUTBOX = 10_000
_SWEEP_IDLE = 1000
_SWEEP_BUSY = 50
_BUSY = timedelta(seconds=5)
_PAUSE_SECONDS = 1.0


class DramatiqTransport:
    """Sends hints from a thread of its own, so that no request waits for the broker."""

    sends = True

    def __init__(self, platform: Platform, runner: Runner, registry: JobRegistry) -> None:
        self._platform = platform
        self._runner = runner
        self._registry = registry
        self._namespace = namespace_of(platform.settings, platform.db.engine.url.database or "")
        self._broker: Broker | None = None
        self._worker: Worker | None = None
        self._outbox: deque[Hint] = deque(maxlen=_OUTBOX)
        self._bell = threading.Condition()
        self._sender: threading.Thread | None = None
        self._stopping = False
        self._closed = False
        self._reachable = True

    def hint(self, hints: Sequence[Hint]) -> None:
        with self._bell:
            self._outbox.extend(hints)
            if self._sender is None:
                self._stopping = self._closed = False
                self._sender = threading.Thread(
                    target=self._send_all, name="dxp-jobs-sender", daemon=True
                )
                self._sender.start()
            self._bell.notify()

    def start(self, *, threads: int, queues: Collection[str] | None) -> None:
        from dramatiq import Worker

        self._closed = False
        broker = self._connect()
        wanted = self._registry.queues if queues is None else frozenset(queues)
        self._worker = Worker(
            broker,
            queues={self._queue(name) for name in wanted},
            worker_threads=threads,
            worker_timeout=max(50, int(self._platform.settings.jobs.poll_seconds * 1000)),
        )
        self._worker.start()

    def stop(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        if self._worker is not None:
            self._worker.stop(timeout=int(timeout * 1000))
            self._worker = None
        sender = self._sender
        if sender is not None:
            with self._bell:
                self._stopping = True
                self._bell.notify()
            sender.join(max(0.1, deadline - time.monotonic()))
            self._sender = None
        with self._bell:
            self._closed = True
            broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()

    def poll(self) -> None:
        """Nothing to look for: messages come by themselves."""

    def sweep(self) -> None:
        """Send messages for due jobs that none was sent for, or so long ago that it got lost.

        A backlog is not a loss: while workers get on, few messages are repeated.
        """
        now = self._platform.clock.wall()
        patience = timedelta(seconds=self._platform.settings.jobs.lease_seconds)
        with self._platform.db.read() as session:
            if not store.any_due(session, now=now):
                return
            busy = store.finished_since(session, now - _BUSY)
        with self._platform.db.write() as session:
            hints = store.take_unsent(session, now=now, limit=_SWEEP_IDLE)
            hints += store.take_stale(
                session,
                now=now,
                stale=now - patience,
                limit=_SWEEP_BUSY if busy else _SWEEP_IDLE,
            )
        self._send(hints)

    def _send_all(self) -> None:
        while True:
            with self._bell:
                self._bell.wait_for(lambda: self._outbox or self._stopping)
                hints = list(self._outbox)
                self._outbox.clear()
                if not hints:
                    return
            if not self._send(hints) and not self._stopping:
                time.sleep(_PAUSE_SECONDS)

    def _send(self, hints: Sequence[Hint]) -> bool:
        """Hand messages to the broker; what it does not take is marked as not sent."""
        for position, (job_id, queue) in enumerate(hints):
            try:
                self._send_one(job_id, queue)
            except Exception as error:
                if self._reachable:
                    log.warning("jobs.broker_unreachable", error=type(error).__name__)
                self._reachable = False
                self._give_back(job_id for job_id, _ in hints[position:])
                return False
        if hints and not self._reachable:
            log.info("jobs.broker_reachable_again")
            self._reachable = True
        return True

    def _send_one(self, job_id: uuid.UUID, queue: str) -> None:
        from dramatiq import Message

        self._connect().enqueue(
            Message(
                queue_name=self._queue(queue),
                actor_name=ACTOR,
                args=(str(job_id),),
                kwargs={},
                options={},
            )
        )

    def _give_back(self, ids: Iterable[uuid.UUID]) -> None:
        try:
            with self._platform.db.write() as session:
                store.mark_unsent(session, ids)
        except Exception:
            # They count as sent, so the sweep waits for a lease's length instead.
            log.exception("jobs.hints_lost")

    def _queue(self, name: str) -> str:
        return f"{self._namespace}.{name}"

    def _connect(self) -> Broker:
        with self._bell:
            if self._closed:
                raise RuntimeError("the transport is stopped")
            if self._broker is None:
                self._broker = self._make_broker()
            return self._broker

    def _make_broker(self) -> Broker:
        url = self._platform.settings.jobs.broker_url
        broker = make_broker(url, namespace=self._namespace)
        import dramatiq

        queues = sorted(self._registry.queues)
        dramatiq.actor(actor_name=ACTOR, queue_name=self._queue(queues[0]), broker=broker)(
            self._run
        )
        for name in queues:
            broker.declare_queue(self._queue(name))
        return broker

    def _run(self, job_id: str) -> None:
        try:
            self._runner.run_by_id(uuid.UUID(job_id))
        except Exception:
            # The database may be away. The message is spent; the sweep sends another.
            log.exception("jobs.worker_stumbled")


def make_broker(url: str, *, namespace: str) -> Broker:
    """A dramatiq broker without dramatiq's own retries and time limits: the job table has them.

    Raises:
        ConfigurationError: the URL is neither Redis nor RabbitMQ, or the client is missing.
    """
    scheme = url.partition("://")[0]
    try:
        if scheme in ("redis", "rediss"):
            from dramatiq.brokers.redis import RedisBroker

            return RedisBroker(  # type: ignore[no-untyped-call]
                url=url, middleware=[], namespace=namespace
            )
        if scheme in ("amqp", "amqps"):
            from dramatiq.brokers.rabbitmq import RabbitmqBroker

            return RabbitmqBroker(url=url, middleware=[])
    except ImportError as error:
        extra = "rabbitmq" if scheme.startswith("amqp") else "redis"
        raise ConfigurationError(
            f"jobs.transport is dramatiq, but {error.name!r} is not installed; "
            f"install it with: pip install 'dxp[{extra}]'"
        ) from error
    raise ConfigurationError(
        f"jobs.broker_url starts with {scheme!r}, which dramatiq cannot use here; give a Redis or "
        "RabbitMQ URL, such as redis://127.0.0.1:6379/0 or amqp://user:password@127.0.0.1:5672/"
    )


def namespace_of(settings: Settings, database: str) -> str:
    """What this installation's queues and keys start with.

    The same in all processes of one installation, different in any other that shares the
    broker: it comes from the database's name and the secret key.
    """
    key = settings.secret("jobs.namespace")
    return f"dxp.{hmac.new(key, database.encode(), hashlib.sha256).hexdigest()[:12]}"
