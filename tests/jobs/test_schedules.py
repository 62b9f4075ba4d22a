"""Schedules: each due moment once, whoever looks and whatever the demo's clock does."""

import threading
from datetime import UTC, datetime, timedelta

from dxp.jobs import Job, Schedule

MORNING = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def scheduled(bench, cron="0 6 * * *", **options):
    """A bench with one schedule whose job marks the domain time."""
    bench.platform.clock.set(MORNING)
    bench.platform.jobs.declare(
        Job(name="tally.day", handler=lambda ctx: bench.leave(ctx.session, f"{ctx.now:%d %H:%M}"))
    )
    bench.platform.jobs.schedule(
        Schedule(name="tally.daily", cron=cron, job="tally.day", **options)
    )
    return bench


def tick(bench):
    bench.platform.jobs.tick()
    bench.run()


def test_a_due_moment_is_run_once_however_often_one_looks(bench):
    scheduled(bench)
    for _ in range(3):
        tick(bench)
    assert bench.marks == ["10 09:00"]
    bench.platform.clock.advance(hours=20, minutes=59)
    tick(bench)
    assert len(bench.marks) == 1
    bench.platform.clock.advance(minutes=1)
    tick(bench)
    assert bench.marks == ["10 09:00", "11 06:00"]


def test_after_an_outage_only_the_latest_moment_runs(bench):
    scheduled(bench)
    tick(bench)
    bench.platform.clock.advance(days=9)
    tick(bench)
    assert bench.marks == ["10 09:00", "19 09:00"]


def test_shifting_the_clock_back_and_forth_runs_no_moment_twice(bench):
    scheduled(bench)
    tick(bench)
    for days in (3, -3, 3, -1, -2, 3):
        bench.platform.clock.advance(days=days)
        tick(bench)
    assert bench.marks == ["10 09:00", "13 09:00", "12 09:00"]


def test_shifting_the_clock_back_forgets_no_moment_that_never_ran(bench):
    scheduled(bench)
    bench.platform.clock.advance(days=3)
    tick(bench)
    bench.platform.clock.advance(days=-2)
    tick(bench)
    assert bench.marks == ["13 09:00", "11 09:00"]


def test_the_payload_of_the_schedule_reaches_the_job(bench):
    bench.declare()
    bench.platform.jobs.schedule(
        Schedule(name="tally.s", cron="* * * * *", job="tally.mark", payload={"note": "hello"})
    )
    tick(bench)
    assert bench.marks == ["hello"]


def test_workers_that_look_at_once_take_a_moment_once(make_bench):
    benches = [scheduled(make_bench())]
    benches += [scheduled(make_bench(beside=benches[0])) for _ in range(3)]
    start = threading.Barrier(len(benches))
    taken = []

    def look(bench):
        for day in range(5):
            start.wait()
            taken.extend(bench.platform.jobs.tick(MORNING + timedelta(days=day)))

    threads = [threading.Thread(target=look, args=[bench]) for bench in benches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(benches[0].jobs) == 5
    assert len([job for job in taken if job in {row.id for row in benches[0].jobs}]) == 5


def test_schedules_tell_when_they_are_due_next_and_were_last(bench):
    scheduled(bench, timezone="Europe/Paris")
    jobs = bench.platform.jobs

    def state():
        with bench.platform.db.read() as session:
            return next(s for s in jobs.schedules(session) if s.schedule.name == "tally.daily")

    assert state().last_due is None
    assert state().next_due == datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
    jobs.tick()
    assert state().last_due == datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
