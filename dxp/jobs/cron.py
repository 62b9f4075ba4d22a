"""When a schedule is due: cron expressions in a time zone, without surprises twice a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from dxp.errors import ConfigurationError
from dxp.jobs.types import Schedule

_FIELDS = 5


def check_schedule(schedule: Schedule) -> None:
    """Refuse an expression or a zone that cannot be understood.

    Raises:
        ConfigurationError: says which and shows a right one.
    """
    if len(schedule.cron.split()) != _FIELDS or not croniter.is_valid(schedule.cron):
        raise ConfigurationError(
            f"schedule {schedule.name!r} has the cron expression {schedule.cron!r}, which is not "
            "five valid fields (minute hour day month weekday); for example '15 3 * * *'"
        )
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"schedule {schedule.name!r} is in the time zone {schedule.timezone!r}, which this "
            "system does not know; use an IANA name such as 'Europe/Paris'"
        ) from error


def latest_due(schedule: Schedule, now: datetime) -> datetime:
    """The last due moment at or before `now`, in UTC.

    A fixed time of day that the clock skips in spring is due when the clock has jumped; one
    that comes twice in autumn is due the first time only. Schedules of every hour go by
    elapsed time.
    """
    # croniter looks strictly before its start, and `now` itself may be due. Added in UTC:
    # local arithmetic forgets which of autumn's two equal hours it is.
    start = (now + timedelta(microseconds=1)).astimezone(ZoneInfo(schedule.timezone))
    found = croniter(schedule.cron, start).get_prev(datetime)
    return _first_pass(schedule, found)


def next_due(schedule: Schedule, now: datetime) -> datetime:
    """The first due moment after `now`, in UTC."""
    steps = croniter(schedule.cron, now.astimezone(ZoneInfo(schedule.timezone)))
    while True:
        found = _first_pass(schedule, steps.get_next(datetime))
        if found > now:
            return found


def _first_pass(schedule: Schedule, moment: datetime) -> datetime:
    local = moment.astimezone(UTC).astimezone(ZoneInfo(schedule.timezone))
    hourly = schedule.cron.split()[1].startswith("*")
    if local.fold and not hourly:
        local = local.replace(fold=0)
    return local.astimezone(UTC)
