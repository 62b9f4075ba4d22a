"""Background work of accounts and mail."""

from __future__ import annotations

from dxp.jobs.types import Job, JobContext, Schedule
from dxp.mail import SEND_MAIL

CLEAN_UP = "dxp.accounts.clean_up"


def send_mail(ctx: JobContext) -> None:
    """Deliver a queued mail. At least once: a mail server that answers late may send it twice."""
    ctx.platform.mail.deliver(ctx.payload)


def clean_up(ctx: JobContext) -> None:
    """Delete expired staff sessions, customers' tokens, codes and counts of failed sign-ins."""
    ctx.platform.accounts.forget_old(ctx.session)


ACCOUNT_JOBS: tuple[Job | Schedule, ...] = (
    # Some hours, for a mail server that is being restarted.
    Job(name=SEND_MAIL, handler=send_mail, transactional=False, max_attempts=14),
    Job(name=CLEAN_UP, handler=clean_up),
    Schedule(name=CLEAN_UP, cron="17 3 * * *", job=CLEAN_UP),
)
