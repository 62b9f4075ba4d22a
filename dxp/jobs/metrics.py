"""Counters of attempts, in the platform's registry if it has one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from dxp.platform import Platform

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class JobMetrics:
    """`dxp_job_attempts_total` and `dxp_job_seconds`, by job; made when first needed, because
    the web layer that owns the registry is built after the jobs.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._making = threading.Lock()
        self._made: tuple[Counter, Histogram] | None = None

    def observe(self, job: str, outcome: str, *, seconds: float) -> None:
        """Count one attempt: `done`, `failed`, `dead`, or `lost` to another worker."""
        registry = getattr(self._platform, "metrics", None)
        if not isinstance(registry, CollectorRegistry):
            return
        with self._making:
            attempts, duration = self._made or self._make(registry)
        attempts.labels(job, outcome).inc()
        duration.labels(job).observe(seconds)

    def _make(self, registry: CollectorRegistry) -> tuple[Counter, Histogram]:
        self._made = (
            Counter("dxp_job_attempts", "Attempts at jobs", ["job", "outcome"], registry=registry),
            Histogram(
                "dxp_job_seconds",
                "Time of attempts at jobs, in seconds",
                ["job"],
                buckets=_BUCKETS,
                registry=registry,
            ),
        )
        return self._made
