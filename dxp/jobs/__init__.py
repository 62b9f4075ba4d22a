"""Jobs: declared work, the table that is the outbox, schedules, transports."""

from dxp.jobs.models import JobRow, Lease, ScheduleRun
from dxp.jobs.registry import DELIVER_EVENT
from dxp.jobs.scheduler import ScheduleState
from dxp.jobs.service import Jobs
from dxp.jobs.store import JobStats
from dxp.jobs.types import Job, JobContext, Schedule

__all__ = [
    "DELIVER_EVENT",
    "Job",
    "JobContext",
    "JobRow",
    "JobStats",
    "Jobs",
    "Lease",
    "Schedule",
    "ScheduleRun",
    "ScheduleState",
]
