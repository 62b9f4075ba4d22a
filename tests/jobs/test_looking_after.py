"""What staff and the platform do about jobs: count, look, send again, discard, prune."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from dxp.audit.models import AuditEntry
from dxp.errors import Conflict, NotFound
from dxp.jobs import JobRow, Schedule, ScheduleRun


def stats(bench):
    with bench.platform.db.read() as session:
        return bench.platform.jobs.stats(session)


def audited(bench):
    with bench.platform.db.read() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.seq))
        return [(row.action, row.object_id) for row in rows]


@pytest.fixture
def dead(bench):
    """A bench whose only job is dead; it would succeed now."""
    broken = [True]

    def handler(ctx):
        if broken:
            raise RuntimeError("broken")
        bench.mark(ctx)

    bench.declare(handler, max_attempts=2)
    bench.enqueue("a")
    bench.run()
    broken.clear()
    return bench


def test_counts_tell_what_waits_what_runs_and_what_is_dead(bench):
    clock = bench.platform.clock
    bench.declare()
    assert stats(bench).lag_seconds == 0
    bench.enqueue("running", "due")
    bench.platform.jobs.runner.take()
    bench.enqueue("later", run_at=clock.wall() + timedelta(hours=1))
    clock.advance_wall(seconds=30)
    found = stats(bench)
    assert (found.due, found.waiting, found.ready) == (1, 1, 2)
    assert (found.running, found.dead, found.parked) == (1, 0, 0)
    assert found.lag_seconds >= 30


def test_done_jobs_are_not_counted(bench):
    bench.declare()
    bench.enqueue("a")
    bench.run()
    found = stats(bench)
    assert (found.ready, found.running, found.dead) == (0, 0, 0)


def test_jobs_are_listed_newest_first_and_by_state(bench):
    bench.declare()
    first, second, third = bench.enqueue("a", "b", "c")
    bench.run(1)
    with bench.platform.db.read() as session:
        jobs = bench.platform.jobs
        assert [job.id for job in jobs.latest(session)] == [third, second, first]
        assert [job.id for job in jobs.latest(session, state="ready")] == [third, second]
        assert [job.id for job in jobs.latest(session, limit=1, offset=1)] == [second]
        assert jobs.find(session, first).state == "done"


def test_a_dead_job_that_is_sent_again_starts_afresh(dead):
    with dead.platform.db.read() as session:
        (job,) = dead.platform.jobs.dead_letters(session)
    assert stats(dead).dead == 1
    with dead.platform.db.write() as session:
        dead.platform.jobs.retry(session, job.id)
    assert dead.run() == 1
    assert dead.marks == ["a"]
    assert dead.job.attempts == 1
    assert audited(dead) == [("core.job.retried", str(job.id))]


def test_a_job_that_waits_for_its_next_attempt_can_be_sent_at_once(make_bench):
    bench = make_bench(backoff_base_seconds=100_000.0, backoff_max_seconds=100_000.0)
    calls = []

    def handler(ctx):
        calls.append(ctx.attempt)
        if len(calls) == 1:
            raise RuntimeError("not yet")

    bench.declare(handler)
    (job_id,) = bench.enqueue("a")
    bench.run()
    assert bench.run() == 0
    with bench.platform.db.write() as session:
        bench.platform.jobs.retry(session, job_id)
    assert bench.run() == 1
    assert calls == [1, 1]


def test_a_discarded_job_is_gone_but_for_the_audit_log(dead):
    (job_id,) = [job.id for job in dead.jobs]
    with dead.platform.db.write() as session:
        dead.platform.jobs.discard(session, job_id)
    assert dead.jobs == []
    assert audited(dead) == [("core.job.discarded", str(job_id))]


@pytest.mark.parametrize("verb", ["retry", "discard"])
def test_a_running_or_done_job_is_left_alone(bench, verb):
    bench.declare()
    running, done = bench.enqueue("a", "b")
    held = bench.platform.jobs.runner.take()
    assert held.id == running
    bench.run()
    for job_id, state in ((running, "running"), (done, "done")):
        with (
            pytest.raises(Conflict, match=f"it is {state}, and only ready and dead"),
            bench.platform.db.write() as session,
        ):
            getattr(bench.platform.jobs, verb)(session, job_id)
    assert bench.states == ["running", "done"]


@pytest.mark.parametrize("verb", ["retry", "discard", "find"])
def test_an_unknown_job_is_not_found(bench, verb):
    with (
        pytest.raises(NotFound, match="dxp jobs list"),
        bench.platform.db.write() as session,
    ):
        getattr(bench.platform.jobs, verb)(session, uuid.uuid4())


def prune(bench):
    with bench.platform.db.write() as session:
        bench.platform.jobs.enqueue(session, "dxp.prune_jobs")
    bench.run()


def test_done_jobs_go_after_seven_days_and_dead_ones_stay(bench):
    def handler(ctx):
        if ctx.payload["note"] == "bad":
            raise RuntimeError("bad")

    bench.declare(handler, max_attempts=1)
    bench.enqueue(*["old"] * 520, "bad")
    bench.run()
    bench.platform.clock.advance_wall(days=6)
    bench.enqueue("new")
    bench.run()
    prune(bench)
    assert len(bench.jobs) == 522
    bench.platform.clock.advance_wall(days=2)
    prune(bench)
    assert bench.states == ["dead", "done"]


def test_a_dedupe_key_is_free_again_when_its_job_was_pruned(bench):
    bench.declare()

    def enqueue():
        with bench.platform.db.write() as session:
            return bench.platform.jobs.enqueue(session, "tally.mark", {"note": "a"}, dedupe_key="k")

    assert enqueue() is not None
    bench.run()
    assert enqueue() is None
    bench.platform.clock.advance_wall(days=8)
    prune(bench)
    assert enqueue() is not None


def test_the_latest_due_moment_of_a_schedule_is_never_forgotten(bench):
    bench.declare()
    jobs, clock = bench.platform.jobs, bench.platform.clock
    jobs.schedule(
        Schedule(name="tally.leap", cron="0 0 29 2 *", job="tally.mark", payload={"note": "x"})
    )
    clock.advance()
    for _ in range(2):
        jobs.tick()
        clock.advance(days=4 * 366)
    clock.advance_wall(days=500)
    prune(bench)
    with bench.platform.db.read() as session:
        kept = session.scalars(
            select(ScheduleRun.due_at).where(ScheduleRun.schedule == "tally.leap")
        ).all()
    assert len(kept) == 1
    clock.advance(days=-4 * 366)
    jobs.tick()
    bench.run()
    assert bench.marks == ["x", "x"]


def test_the_table_keeps_itself_small_without_being_told(bench):
    bench.declare()
    bench.enqueue("a")
    bench.run()
    bench.platform.clock.advance_wall(days=8)
    bench.platform.jobs.tick()
    bench.run()
    assert bench.jobs == []


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("state = 'ready' AND parked_at IS NULL", "ix_dxp_job_ready"),
        ("state = 'running' AND lease_until < '2020-01-01'", "ix_dxp_job_running"),
    ],
)
def test_looking_for_work_reads_an_index_that_holds_no_done_job(bench, condition, index):
    assert index in {found.name for found in JobRow.__table__.indexes}
    with bench.platform.db.read() as session:
        connection = session.connection()
        explain = "EXPLAIN QUERY PLAN" if bench.platform.db.dialect == "sqlite" else "EXPLAIN"
        if bench.platform.db.dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(
            f"{explain} SELECT id FROM dxp_job WHERE {condition} ORDER BY run_at, id LIMIT 1"
        )
        assert index in str(rows.all())
