"""One attempt: effect and completion together, failures recorded, leases honoured."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from dxp.jobs import Job


def failing(message="no such shop"):
    def handler(ctx):
        raise RuntimeError(message)

    return handler


def test_a_failed_attempt_leaves_no_effect_and_is_tried_again(bench):
    def handler(ctx):
        bench.leave(ctx.session, f"attempt {ctx.attempt}")
        if ctx.attempt < 3:
            raise RuntimeError("not yet")

    bench.declare(handler)
    bench.enqueue("a")
    assert bench.run() == 3
    assert bench.marks == ["attempt 3"]
    assert bench.job.state == "done"
    assert bench.job.last_error is None


def test_what_a_failed_attempt_enqueued_is_gone(bench):
    def handler(ctx):
        ctx.platform.jobs.enqueue(ctx.session, "tally.next", {"note": f"from {ctx.attempt}"})
        if ctx.attempt == 1:
            raise RuntimeError("not yet")

    bench.platform.jobs.declare(Job(name="tally.next", handler=bench.mark))
    bench.declare(handler)
    bench.enqueue("a")
    bench.run()
    assert bench.marks == ["from 2"]


def test_what_a_failed_attempt_wanted_after_the_commit_does_not_happen(bench):
    sent = []

    def handler(ctx):
        ctx.platform.db.after_commit(ctx.session, lambda: sent.append(ctx.attempt))
        if ctx.attempt == 1:
            raise RuntimeError("not yet")

    bench.declare(handler)
    bench.enqueue("a")
    bench.run()
    assert sent == [2]


def test_a_job_that_fails_too_often_is_dead_and_keeps_its_error(bench):
    bench.declare(failing("the shop said no"), max_attempts=3)
    bench.enqueue("a")
    assert bench.run() == 3
    assert bench.job.state == "dead"
    assert bench.job.attempts == 3
    assert "RuntimeError: the shop said no" in bench.job.last_error
    assert bench.run() == 0


def test_a_failed_job_waits_no_longer_than_the_backoff_allows(make_bench):
    bench = make_bench(backoff_base_seconds=1000.0, backoff_max_seconds=1500.0)
    clock = bench.platform.clock
    bench.declare(failing())
    bench.enqueue(*"abcdefghijkl")

    def waits():
        began = clock.wall()
        # One attempt for each: a wait drawn near zero is over before the run is.
        assert bench.run(12) == 12
        ended = clock.wall()
        rows = [job.run_at for job in bench.jobs]
        assert all(began <= moment for moment in rows)
        return [(moment - ended).total_seconds() for moment in rows]

    assert 0 < max(waits()) <= 1000
    clock.advance_wall(seconds=1001)
    assert 0 < max(waits()) <= 1500, "doubled, but no more than the most allowed"


def test_one_failing_job_does_not_stop_the_others(bench):
    def handler(ctx):
        if ctx.payload["note"] == "bad":
            raise RuntimeError("bad")
        bench.mark(ctx)

    bench.declare(handler, max_attempts=1)
    bench.enqueue("a", "bad", "b")
    assert bench.run() == 3
    assert bench.marks == ["a", "b"]
    assert bench.states == ["done", "dead", "done"]


def test_a_handler_that_asks_to_exit_has_failed(bench):
    def handler(ctx):
        raise SystemExit(1)

    bench.declare(handler, max_attempts=1)
    bench.enqueue("a")
    bench.run()
    assert bench.job.state == "dead"
    assert "SystemExit" in bench.job.last_error


def test_what_the_handler_left_unwritten_fails_as_its_own_error(bench):
    from dxp.jobs import Lease

    def handler(ctx):
        ctx.session.add(Lease(name="x", owner="y", until=None))

    bench.declare(handler, max_attempts=1)
    bench.enqueue("a")
    bench.run()
    assert bench.job.state == "dead"
    assert "IntegrityError" in bench.job.last_error


def test_limit_bounds_the_attempts(bench):
    bench.declare()
    bench.enqueue("a", "b", "c")
    assert bench.run(2) == 2
    assert bench.states == ["done", "done", "ready"]


def test_jobs_that_jobs_enqueue_run_in_the_same_go(bench):
    def handler(ctx):
        bench.mark(ctx)
        note = ctx.payload["note"]
        if len(note) < 4:
            ctx.platform.jobs.enqueue(ctx.session, "tally.mark", {"note": note + "a"})

    bench.declare(handler)
    bench.enqueue("a")
    assert bench.run() == 4
    assert bench.marks == ["a", "aa", "aaa", "aaaa"]


def test_a_handler_is_told_the_attempt_the_job_and_the_domain_time(bench):
    told = []
    bench.declare(lambda ctx: told.append((ctx.job_id, ctx.attempt, ctx.now, ctx.payload)))
    (job_id,) = bench.enqueue("a")
    now = bench.platform.clock.advance(days=100)
    bench.run()
    assert told == [(job_id, 1, now, {"note": "a"})]


def test_a_transient_database_error_is_tried_again_at_once_and_costs_no_attempt(bench):
    calls = []

    class Conflict(Exception):
        sqlstate = "40001"

    def handler(ctx):
        calls.append(ctx.attempt)
        if len(calls) < 3:
            raise OperationalError("UPDATE …", {}, Conflict())
        bench.mark(ctx)

    bench.declare(handler, max_attempts=1)
    bench.enqueue("a")
    assert bench.run() == 1
    assert calls == [1, 1, 1]
    assert bench.job.state == "done"


def test_a_transient_error_that_does_not_pass_counts_as_a_failure(bench):
    class Conflict(Exception):
        sqlstate = "40P01"

    def handler(ctx):
        raise OperationalError("UPDATE …", {}, Conflict())

    bench.declare(handler, max_attempts=1)
    bench.enqueue("a")
    assert bench.run() == 1
    assert bench.job.state == "dead"


def test_a_job_of_its_own_transactions_has_no_session(bench):
    def handler(ctx):
        with pytest.raises(RuntimeError, match="not transactional"):
            assert ctx.session
        with ctx.platform.db.write() as session:
            bench.leave(session, "own")

    bench.declare(handler, transactional=False)
    bench.enqueue("a")
    bench.run()
    assert bench.marks == ["own"]
    assert bench.job.state == "done"


def test_the_lease_of_a_long_job_is_renewed_while_it_runs(make_bench, wait_until):
    bench = make_bench(lease_seconds=1)
    first = []

    def handler(ctx):
        first.append(bench.job.lease_until)
        wait_until(lambda: bench.job.lease_until > first[0])

    bench.declare(handler, transactional=False)
    bench.enqueue("a")
    assert bench.run() == 1
    assert bench.job.state == "done"


def test_a_job_whose_worker_died_runs_again_when_the_lease_is_over(make_bench):
    bench = make_bench(lease_seconds=30)
    bench.declare()
    bench.enqueue("a")
    claimed = bench.platform.jobs.runner.take()  # the worker dies here
    assert claimed is not None
    assert bench.run() == 0
    bench.platform.clock.advance_wall(seconds=31)
    assert bench.run() == 1
    assert bench.marks == ["a"]
    assert bench.job.attempts == 2


def test_a_worker_that_comes_back_late_leaves_no_effect(make_bench):
    bench = make_bench(lease_seconds=30)
    bench.declare()
    bench.enqueue("a")
    late = bench.platform.jobs.runner.take()
    bench.platform.clock.advance_wall(seconds=31)
    bench.run()
    bench.platform.jobs.runner.run(late)
    assert bench.marks == ["a"]
    assert bench.job.state == "done"


def test_a_job_that_kills_its_worker_every_time_is_dead_after_its_attempts(make_bench):
    bench = make_bench(lease_seconds=30)
    bench.declare(max_attempts=3)
    bench.enqueue("a")
    for _ in range(3):
        assert bench.platform.jobs.runner.take() is not None
        bench.platform.clock.advance_wall(seconds=31)
        bench.platform.jobs.runner.recover()
    assert bench.job.state == "dead"
    assert bench.job.finished_at is not None
    assert "lease ran out" in bench.job.last_error
    assert bench.run() == 0


def test_a_transaction_that_outlasts_its_lease_is_not_taken_away(make_bench):
    bench = make_bench(lease_seconds=1)
    other = make_bench(beside=bench, lease_seconds=1)

    def handler(ctx):
        bench.mark(ctx)
        other.platform.clock.advance_wall(seconds=60)
        if bench.platform.db.dialect == "postgresql":
            # On SQLite the other worker would wait for this transaction's end.
            assert other.platform.jobs.runner.recover() == 0

    bench.declare(handler)
    other.declare()
    bench.enqueue("a")
    assert bench.run() == 1
    assert other.run() == 0
    assert bench.marks == ["a"]


def test_threads_never_run_one_job_twice(make_bench):
    benches = [make_bench()]
    benches += [make_bench(beside=benches[0]) for _ in range(2)]
    for bench in benches:
        bench.declare()
    notes = [str(number) for number in range(120)]
    benches[0].enqueue(*notes)
    threads = [
        threading.Thread(target=bench.platform.jobs.run_pending)
        for bench in benches
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(benches[0].marks, key=int) == notes
    assert set(benches[0].states) == {"done"}
    assert {job.attempts for job in benches[0].jobs} == {1}


def test_jobs_of_a_plugin_that_is_gone_wait_for_it_without_holding_up_others(make_bench):
    bench = make_bench()
    bench.platform.jobs.declare(Job(name="tally.gone", handler=bench.mark))
    bench.declare()
    bench.enqueue("x", "y", name="tally.gone")
    bench.enqueue("a")
    without = make_bench(beside=bench)
    without.declare()
    assert without.run() == 1
    assert without.marks == ["a"]
    with without.platform.db.read() as session:
        stats = without.platform.jobs.stats(session)
    assert (stats.parked, stats.due, stats.lag_seconds) == (2, 0, 0.0)
    parked = [job for job in without.jobs if job.parked_at]
    assert {job.attempts for job in parked} == {0}
    assert "No enabled plugin declares the job 'tally.gone'" in parked[0].last_error
    assert without.run() == 0

    assert bench.run() == 2, "the plugin is back"
    assert bench.marks == ["a", "x", "y"]


def test_a_job_that_is_not_due_is_not_run_by_its_id(bench):
    bench.declare()
    with bench.platform.db.write() as session:
        later = bench.platform.clock.wall() + timedelta(hours=1)
        job_id = bench.platform.jobs.enqueue(session, "tally.mark", {"note": "a"}, run_at=later)
    assert not bench.platform.jobs.runner.run_by_id(job_id)
    bench.platform.clock.advance_wall(hours=2)
    assert bench.platform.jobs.runner.run_by_id(job_id)
    assert not bench.platform.jobs.runner.run_by_id(job_id)
    assert bench.marks == ["a"]
