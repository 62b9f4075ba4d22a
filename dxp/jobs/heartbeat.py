"""Keeps the lease of a long job while it runs."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

from dxp.jobs import store
from dxp.jobs.store import Claim

if TYPE_CHECKING:
    from dxp.platform import Platform

log = structlog.get_logger(__name__)
# Two renewals may fail before the lease is lost.
_SHARE = 3


class Heartbeat:
    """Renews a lease from a thread of its own, for the length of a `with` block."""

    def __init__(self, platform: Platform, held: Claim) -> None:
        self._platform = platform
        self._held = held
        self._lease = platform.settings.jobs.lease_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="dxp-heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._lease / _SHARE):
            try:
                with self._platform.db.write() as session:
                    until = self._platform.clock.wall() + timedelta(seconds=self._lease)
                    kept = store.renew(session, self._held, until=until)
            except Exception:
                log.exception("jobs.heartbeat_failed", job_id=str(self._held.id))
                continue
            if not kept:
                log.warning("jobs.lease_lost", job=self._held.name, job_id=str(self._held.id))
                return
