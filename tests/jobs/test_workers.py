"""Threads of a process: they wake up, they stop, one of them keeps house."""

import threading
from datetime import timedelta

from dxp.jobs import Job, Lease, Schedule


def test_a_commit_wakes_the_threads(make_bench, wait_until):
    bench = make_bench(poll_seconds=600)
    bench.declare()
    bench.platform.jobs.start()
    bench.enqueue("a")
    wait_until(lambda: bench.marks == ["a"])


def test_threads_find_what_another_process_enqueued(make_bench, wait_until):
    bench = make_bench()
    other = make_bench(beside=bench)
    bench.declare()
    other.declare()
    bench.platform.jobs.start()
    other.enqueue("a")
    wait_until(lambda: bench.marks == ["a"])


def test_threads_find_what_was_left_from_before(make_bench, wait_until):
    bench = make_bench()
    bench.declare()
    bench.enqueue("a", "b")
    bench.platform.jobs.start()
    wait_until(lambda: sorted(bench.marks) == ["a", "b"])


def test_threads_take_up_the_job_of_a_dead_worker(make_bench, wait_until):
    bench = make_bench()
    bench.declare()
    bench.enqueue("a")
    assert bench.platform.jobs.runner.take() is not None
    bench.platform.clock.advance_wall(seconds=61)
    bench.platform.jobs.start()
    wait_until(lambda: bench.marks == ["a"])


def test_a_worker_serves_the_queues_it_was_told_to(make_bench, wait_until):
    bench = make_bench()
    bench.declare()
    bench.platform.jobs.declare(Job(name="tally.slow", handler=bench.mark, queue="slow"))
    bench.enqueue("fast")
    bench.enqueue("slow", name="tally.slow")
    bench.platform.jobs.start_worker(threads=1, queues=["slow"])
    wait_until(lambda: bench.marks == ["slow"])
    bench.platform.jobs.stop()
    assert bench.marks == ["slow"]


def test_without_threads_a_web_process_runs_no_jobs(make_bench):
    bench = make_bench(threads=0)
    bench.declare()
    before = set(threading.enumerate())
    bench.platform.jobs.start()
    assert set(threading.enumerate()) <= before


def test_stopping_lets_the_running_job_end_and_leaves_the_rest(make_bench, wait_until):
    bench = make_bench(threads=1)
    before = set(threading.enumerate())
    begun, go_on = threading.Event(), threading.Event()

    def handler(ctx):
        begun.set()
        go_on.wait(120)
        bench.mark(ctx)

    bench.declare(handler)
    bench.enqueue("a", "b")
    bench.platform.jobs.start()
    assert begun.wait(120)
    bench.platform.jobs.stop(timeout=0)
    go_on.set()
    wait_until(lambda: set(threading.enumerate()) <= before)
    assert bench.marks == ["a"]
    assert bench.states == ["done", "ready"]


def test_stopping_leaves_no_thread_behind_and_may_be_repeated(make_bench):
    bench = make_bench()
    before = set(threading.enumerate())
    for _ in range(2):
        bench.platform.jobs.start()
        bench.platform.jobs.start()
        bench.platform.jobs.stop()
        bench.platform.jobs.stop()
    assert set(threading.enumerate()) <= before


def test_due_schedules_are_taken_by_themselves(make_bench, wait_until):
    bench = make_bench()
    bench.declare()
    bench.platform.jobs.schedule(
        Schedule(name="tally.s", cron="0 6 * * *", job="tally.mark", payload={"note": "x"})
    )
    bench.platform.clock.advance()
    bench.platform.jobs.start()
    wait_until(lambda: bench.marks == ["x"])
    bench.platform.clock.advance(days=1)
    wait_until(lambda: bench.marks == ["x", "x"])


def test_one_process_keeps_house_and_another_follows_when_it_stops(make_bench, wait_until):
    bench = make_bench()
    other = make_bench(beside=bench)

    def keeper():
        with bench.platform.db.read() as session:
            lease = session.get(Lease, "jobs.keeper")
            return lease and lease.owner

    bench.platform.jobs.start()
    wait_until(keeper)
    first = keeper()
    other.platform.jobs.start()
    assert keeper() == first
    bench.platform.jobs.stop()
    wait_until(lambda: keeper() not in (None, first))


def test_the_lease_of_a_keeper_that_died_runs_out(make_bench, wait_until):
    bench = make_bench()
    with bench.platform.db.write() as session:
        until = bench.platform.clock.wall() + timedelta(seconds=15)
        session.add(Lease(name="jobs.keeper", owner="dead:1", until=until))
    bench.platform.clock.advance_wall(seconds=16)
    bench.platform.jobs.start()

    def taken():
        with bench.platform.db.read() as session:
            return session.get(Lease, "jobs.keeper").owner != "dead:1"

    wait_until(taken)


def test_threads_outlive_a_database_that_is_away(make_bench, wait_until, monkeypatch):
    from dxp.jobs import store

    bench = make_bench()
    bench.declare()
    stumbled = threading.Event()

    def away(*_args, **_options):
        stumbled.set()
        raise ConnectionError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "claim", away)
        bench.platform.jobs.start()
        bench.enqueue("a")
        assert stumbled.wait(120)
    wait_until(lambda: bench.marks == ["a"])


def test_an_idle_process_takes_no_write_lock(make_bench, wait_until):
    from sqlalchemy import event

    bench = make_bench(poll_seconds=0.01)
    bench.platform.jobs.tick()
    bench.run()
    bench.platform.jobs.start()
    wait_until(lambda: house_is_kept(bench))
    polls, writes = [], []

    def note(_connection, _cursor, statement, *_rest):
        (polls if statement.startswith("SELECT EXISTS") else writes).append(statement)

    event.listen(bench.platform.db.engine, "before_cursor_execute", note)
    wait_until(lambda: len(polls) > 20)
    event.remove(bench.platform.db.engine, "before_cursor_execute", note)
    assert [s for s in writes if not s.startswith(("SELECT", "BEGIN DEFERRED"))] == []


def house_is_kept(bench):
    with bench.platform.db.read() as session:
        return session.get(Lease, "jobs.keeper") is not None
