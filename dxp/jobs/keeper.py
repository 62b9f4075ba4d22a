"""One thread in each process that runs jobs: polls, and keeps house for all when it is its turn."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from dxp.jobs.leases import hold_lease, release_lease
from dxp.jobs.runner import Runner
from dxp.jobs.scheduler import Scheduler
from dxp.jobs.transport import Transport

if TYPE_CHECKING:
    from dxp.platform import Platform

log = structlog.get_logger(__name__)
LEASE = "jobs.keeper"
# Schedules may be so late when the keeper's process dies.
_LEASE_SECONDS = 15.0
_UNPARK_EVERY_SECONDS = 60.0


class Keeper:
    """Frees jobs of dead workers, wakes the transport, and, in one process at a time, takes due
    schedules and makes up for lost messages.
    """

    def __init__(
        self, platform: Platform, *, runner: Runner, scheduler: Scheduler, transport: Transport
    ) -> None:
        self._platform = platform
        self._runner = runner
        self._scheduler = scheduler
        self._transport = transport
        self._owner = f"{socket.gethostname()[:50]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._unpark_at = 0.0

    def start(self) -> None:
        """Begin to keep house."""
        self._over.clear()
        self._thread = threading.Thread(target=self._run, name="dxp-jobs-keeper", daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin nothing more. Does not wait."""
        self._over.set()

    def stop(self, timeout: float) -> None:
        """End, and let another process take over at once."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(timeout)
            ended = not self._thread.is_alive()
            self._thread = None
            if not ended:
                return
            self._guard(lambda: release_lease(self._platform.db, name=LEASE, owner=self._owner))

    def _run(self) -> None:
        while not self._over.is_set():
            self._guard(self._runner.recover)
            self._guard(self._keep_house)
            self._guard(self._transport.poll)
            self._over.wait(self._platform.settings.jobs.poll_seconds)

    def _keep_house(self) -> None:
        if not hold_lease(
            self._platform.db,
            self._platform.clock,
            name=LEASE,
            owner=self._owner,
            seconds=min(_LEASE_SECONDS, self._platform.settings.jobs.lease_seconds),
        ):
            return
        self._scheduler.pulse()
        if time.monotonic() >= self._unpark_at:
            self._unpark_at = time.monotonic() + _UNPARK_EVERY_SECONDS
            self._runner.unpark()
        self._transport.sweep()

    @staticmethod
    def _guard(duty: Callable[[], object]) -> None:
        """The database may be away for a while; the thread must outlive that."""
        try:
            duty()
        except Exception:
            log.exception("jobs.keeper_stumbled")
