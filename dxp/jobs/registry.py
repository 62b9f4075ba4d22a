"""What is declared: jobs by name, schedules by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from dxp.errors import ConfigurationError
from dxp.events import EventBus
from dxp.jobs.cron import check_schedule
from dxp.jobs.types import Job, Schedule

DELIVER_EVENT = "dxp.deliver_event"


class JobRegistry:
    """Filled at start by the core and the plugins.

    Args:
        events: knows who can be told of an event.
    """

    def __init__(self, events: EventBus) -> None:
        self._events = events
        self.jobs: dict[str, Job] = {}
        self.schedules: dict[str, Schedule] = {}

    def declare(self, job: Job) -> None:
        """Add a job.

        Raises:
            ConfigurationError: another job has its name, or it allows no attempt.
        """
        known = self.jobs.get(job.name)
        if known is not None and known != job:
            raise ConfigurationError(
                f"two jobs are named {job.name!r}; job rows refer to them by name, "
                "so give each its own, starting with the plugin's name"
            )
        if job.max_attempts < 1:
            raise ConfigurationError(
                f"job {job.name!r} allows {job.max_attempts} attempts, so it could never run; "
                "set max_attempts to 1 or more"
            )
        self.jobs[job.name] = job

    def schedule(self, schedule: Schedule) -> None:
        """Add a schedule; its job may be declared later.

        Raises:
            ConfigurationError: its name is taken, or its expression or zone is wrong.
        """
        known = self.schedules.get(schedule.name)
        if known is not None and known != schedule:
            raise ConfigurationError(
                f"two schedules are named {schedule.name!r}; their due moments are kept by name, "
                "so give each its own"
            )
        check_schedule(schedule)
        self.schedules[schedule.name] = schedule

    def check(self) -> None:
        """Refuse schedules of jobs that nobody declared.

        Raises:
            ConfigurationError: names the schedule and the nearest job.
        """
        for schedule in self.schedules.values():
            if schedule.job not in self.jobs:
                raise ConfigurationError(
                    f"schedule {schedule.name!r} starts the job {schedule.job!r}, "
                    f"which is not declared; {self._hint(schedule.job)}"
                )

    def get(self, name: str) -> Job:
        """The job of that name.

        Raises:
            ConfigurationError: there is none.
        """
        job = self.jobs.get(name)
        if job is None:
            raise ConfigurationError(
                f"job {name!r} was asked for, but nobody declares it; {self._hint(name)}"
            )
        return job

    def missing(self, name: str, payload: Mapping[str, Any]) -> str | None:
        """Why a job of the table cannot be run here; None when it can."""
        if name not in self.jobs:
            return f"No enabled plugin declares the job {name!r}; enable it, or discard the job."
        if name == DELIVER_EVENT and payload.get("subscription") not in self._events.subscriptions:
            return (
                f"No enabled plugin has the subscription {payload.get('subscription')!r}; "
                "enable it, or discard the job."
            )
        return None

    @property
    def queues(self) -> frozenset[str]:
        """All queues that a declared job may be put in."""
        return frozenset(job.queue for job in self.jobs.values())

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.jobs, n=1)
        if near:
            return f"did you mean {near[0]!r}?"
        return "declare it in the plugin's `jobs` hook"
