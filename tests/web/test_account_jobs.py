"""Background work of accounts."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select

from dxp.auth.models import MailCode, RefreshFamily, SignInCount, StaffSession
from dxp.platform import Platform
from dxp.testing import DxpClient, SettableClock
from dxp.web.account_jobs import ACCOUNT_JOBS, CLEAN_UP


def test_what_has_expired_is_deleted_and_what_is_good_stays(
    client: DxpClient, platform: Platform, clock: SettableClock, run_jobs: Callable[[], int]
) -> None:
    def leave_traces() -> None:
        client.as_staff()
        client.as_customer()
        client.post("/api/v1/auth/codes", json={"email": "ada@example.com"})
        with platform.db.write() as session:
            platform.accounts.counts.take(session, platform.accounts.counts.digest("a@b.example"))

    def rows() -> list[int | None]:
        tables = (StaffSession, RefreshFamily, MailCode, SignInCount)
        with platform.db.read() as session:
            return [session.scalar(select(func.count()).select_from(table)) for table in tables]

    leave_traces()
    clock.advance_wall(days=40)
    leave_traces()
    before = rows()
    with platform.db.write() as session:
        platform.jobs.enqueue(session, CLEAN_UP)
    run_jobs()
    # An address has one count, which the second failure has begun anew.
    assert before == [2, 2, 2, 1]
    assert rows() == [1, 1, 1, 1]


def test_it_is_done_every_day() -> None:
    (schedule,) = [item for item in ACCOUNT_JOBS if hasattr(item, "cron")]
    assert schedule.job == CLEAN_UP
    minute, hour, *every = schedule.cron.split()
    assert every == ["*", "*", "*"]
    assert minute.isdigit()
    assert hour.isdigit()
