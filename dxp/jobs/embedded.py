"""Jobs in threads of this process: the default, with nothing else to install."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import structlog

from dxp.jobs import store
from dxp.jobs.pacing import Pace
from dxp.jobs.runner import Runner
from dxp.jobs.transport import Hint

if TYPE_CHECKING:
    from dxp.platform import Platform

log = structlog.get_logger(__name__)


class EmbeddedTransport:
    """Threads that sleep until a commit in this process, or the poll, wakes them."""

    sends = False

    def __init__(self, platform: Platform, runner: Runner) -> None:
        self._platform = platform
        self._runner = runner
        self._threads: list[threading.Thread] = []
        self._queues: Collection[str] | None = None
        self._bell = threading.Condition()
        self._rung = 0
        self._stopping = threading.Event()
        self._pace = Pace() if platform.db.dialect == "sqlite" else None

    def hint(self, hints: Sequence[Hint]) -> None:
        if self._threads and hints:
            self._wake()

    def start(self, *, threads: int, queues: Collection[str] | None) -> None:
        self._stopping.clear()
        self._queues = queues
        for number in range(1, threads + 1):
            thread = threading.Thread(target=self._work, name=f"dxp-jobs-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float) -> None:
        self._stopping.set()
        self._wake()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        busy = [thread.name for thread in self._threads if thread.is_alive()]
        if busy:
            log.warning("jobs.still_running", threads=busy, timeout_seconds=timeout)
        self._threads = []

    def poll(self) -> None:
        with self._platform.db.read() as session:
            now = self._platform.clock.wall()
            due = store.any_due(session, now=now, queues=self._queues)
        if due:
            self._wake()

    def sweep(self) -> None:
        """Nothing to make up for: every process polls the table itself."""

    def _wake(self) -> None:
        with self._bell:
            self._rung += 1
            self._bell.notify_all()

    def _work(self) -> None:
        heard = -1
        while not self._stopping.is_set():
            with self._bell:
                self._bell.wait_for(lambda seen=heard: self._rung != seen)  # type: ignore[misc]
                heard = self._rung
            try:
                self._runner.drain(
                    queues=self._queues, stopping=self._stopping.is_set, pace=self._pace
                )
            except Exception:
                # The database may be away; the next poll rings again.
                log.exception("jobs.worker_stumbled")
