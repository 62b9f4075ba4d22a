"""Writing jobs: with the business rows or not at all."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from dxp.errors import ConfigurationError
from dxp.jobs import Job, JobRow, Schedule


def test_a_job_runs_if_its_transaction_commits(bench):
    bench.declare()
    bench.enqueue("a")
    assert bench.run() == 1
    assert bench.marks == ["a"]
    assert bench.states == ["done"]


def test_a_job_is_gone_if_its_transaction_rolls_back(bench):
    bench.declare()

    def enqueue_and_fail():
        with bench.platform.db.write() as session:
            bench.platform.jobs.enqueue(session, "tally.mark", {"note": "a"})
            bench.leave(session, "business row")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        enqueue_and_fail()
    assert bench.run() == 0
    assert bench.marks == []
    assert bench.jobs == []


def test_a_job_of_a_rolled_back_savepoint_is_gone(bench):
    bench.declare()
    with bench.platform.db.write() as session:
        savepoint = session.begin_nested()
        bench.platform.jobs.enqueue(session, "tally.mark", {"note": "undone"})
        savepoint.rollback()
        bench.platform.jobs.enqueue(session, "tally.mark", {"note": "kept"})
    bench.run()
    assert bench.marks == ["kept"]


def test_a_job_for_later_waits_for_its_moment(bench):
    bench.declare()
    with bench.platform.db.write() as session:
        later = bench.platform.clock.wall() + timedelta(hours=1)
        bench.platform.jobs.enqueue(session, "tally.mark", {"note": "a"}, run_at=later)
    assert bench.run() == 0
    bench.platform.clock.advance_wall(hours=1, seconds=1)
    assert bench.run() == 1


def test_shifting_the_domain_clock_makes_no_job_due(bench):
    bench.declare()
    with bench.platform.db.write() as session:
        later = bench.platform.clock.wall() + timedelta(hours=1)
        bench.platform.jobs.enqueue(session, "tally.mark", {"note": "a"}, run_at=later)
    bench.platform.clock.advance(days=30)
    assert bench.run() == 0


def test_a_dedupe_key_lets_one_job_in(bench):
    bench.declare()
    jobs = bench.platform.jobs
    with bench.platform.db.write() as session:
        first = jobs.enqueue(session, "tally.mark", {"note": "a"}, dedupe_key="k")
        second = jobs.enqueue(session, "tally.mark", {"note": "b"}, dedupe_key="k")
        other = jobs.enqueue(session, "tally.mark", {"note": "c"}, dedupe_key="l")
    assert first is not None
    assert second is None
    assert other not in (None, first)
    bench.run()
    with bench.platform.db.write() as session:
        assert jobs.enqueue(session, "tally.mark", {"note": "d"}, dedupe_key="k") is None
    bench.run()
    assert bench.marks == ["a", "c"]


def test_many_jobs_are_written_at_once_and_run_in_order(bench):
    bench.declare()
    ids = bench.enqueue(*"abcdefghij")
    assert [job.id for job in bench.jobs] == ids
    assert bench.run() == 10
    assert bench.marks == list("abcdefghij")


def test_no_payloads_are_no_jobs(bench):
    bench.declare()
    assert bench.enqueue() == []
    assert bench.jobs == []


def test_an_undeclared_job_is_refused_with_the_nearest_name(bench):
    bench.declare()
    with (
        pytest.raises(ConfigurationError, match=r"tally\.marc.*did you mean 'tally\.mark'"),
        bench.platform.db.write() as session,
    ):
        bench.platform.jobs.enqueue(session, "tally.marc", {})


def test_two_jobs_cannot_share_a_name(bench):
    bench.declare()
    with pytest.raises(ConfigurationError, match=r"two jobs are named 'tally\.mark'"):
        bench.declare(lambda _: None)


def test_declaring_the_same_job_twice_is_harmless(bench):
    handler = bench.declare(bench.mark)
    bench.declare(handler)


def test_a_job_without_attempts_is_refused(bench):
    with pytest.raises(ConfigurationError, match="max_attempts"):
        bench.declare(max_attempts=0)


def test_two_schedules_cannot_share_a_name(bench):
    bench.declare()
    bench.platform.jobs.schedule(Schedule(name="tally.s", cron="* * * * *", job="tally.mark"))
    with pytest.raises(ConfigurationError, match=r"two schedules are named 'tally\.s'"):
        bench.platform.jobs.schedule(Schedule(name="tally.s", cron="1 * * * *", job="tally.mark"))


def test_a_schedule_of_an_undeclared_job_is_refused_at_start(bench):
    bench.declare()
    bench.platform.jobs.schedule(Schedule(name="tally.s", cron="* * * * *", job="tally.marks"))
    with pytest.raises(ConfigurationError, match=r"tally\.s.*did you mean 'tally\.mark'"):
        bench.platform.jobs.start()


def test_the_settings_of_the_declaration_are_kept_with_the_job(bench):
    bench.platform.jobs.declare(
        Job(name="tally.slow", handler=bench.mark, queue="slow", max_attempts=3)
    )
    bench.enqueue("a", name="tally.slow")
    with bench.platform.db.read() as session:
        row = session.scalars(select(JobRow)).one()
    assert (row.queue, row.max_attempts, row.payload) == ("slow", 3, {"note": "a"})


def test_a_job_carries_the_id_of_the_request_that_asked_for_it(bench):
    from dxp.audit.context import request_id

    seen = []
    bench.declare(lambda _: seen.append(request_id.get()))
    token = request_id.set("req-1")
    try:
        bench.enqueue("a")
    finally:
        request_id.reset(token)
    bench.enqueue("b")
    bench.run()
    assert seen == ["req-1", None]
    assert request_id.get() is None
