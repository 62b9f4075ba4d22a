"""Figures for Prometheus: requests as they happen, jobs and failures when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, request
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dxp.web.state import find_state

if TYPE_CHECKING:
    from dxp.platform import Platform

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_KEY = "dxp_request_seconds"


def install_metrics(app: Flask, platform: Platform) -> None:
    """Make the application's registry, and count its requests in it.

    Each process counts its own; with several web processes Prometheus asks each of them, or the
    figures of one are taken for a sample.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_PlatformCollector(platform))
    platform.metrics = registry
    app.extensions[_KEY] = Histogram(
        "dxp_request_seconds",
        "Time to answer requests, in seconds",
        ["method", "route", "status"],
        buckets=_BUCKETS,
        registry=registry,
    )


def observe_request(app: Flask, response: Response) -> None:
    """Count one answered request. Addresses that lead nowhere share one label."""
    state = find_state()
    if state is None:
        return
    rule = request.url_rule
    histogram = cast("Histogram", app.extensions[_KEY])
    histogram.labels(
        request.method if rule is not None else "any",
        rule.rule if rule is not None else "unmatched",
        str(response.status_code),
    ).observe(time.perf_counter() - state.started)


class _PlatformCollector(Collector):
    """Reads the job table and the plugins' failures at the moment of the scrape."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def describe(self) -> Iterator[Metric]:
        """Nothing is read when the registry is made: the database may not be there yet."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        with self._platform.db.read() as session:
            stats = self._platform.jobs.stats(session)
        jobs = GaugeMetricFamily("dxp_jobs", "Jobs that are not done, by state", labels=["state"])
        for state in ("due", "waiting", "parked", "running", "dead"):
            jobs.add_metric([state], getattr(stats, state))
        yield jobs
        yield GaugeMetricFamily(
            "dxp_job_lag_seconds", "How long the oldest due job has waited", stats.lag_seconds
        )
        failures = CounterMetricFamily(
            "dxp_hook_failures", "Errors raised by plugins in hooks", labels=["plugin", "hook"]
        )
        for (plugin, hook), failed in self._platform.plugins.failures().items():
            failures.add_metric([plugin, hook], failed.total)
        yield failures
