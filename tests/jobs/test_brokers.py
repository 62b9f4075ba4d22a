"""Workers that a broker wakes: the job table is right whatever happens to messages."""

import threading

import pytest

from dxp.errors import ConfigurationError
from dxp.jobs import Job
from dxp.jobs.brokers import make_broker, namespace_of

pytestmark = pytest.mark.broker


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request, open_broker):
    return open_broker(request.param)


@pytest.fixture
def make_process(make_bench, broker):
    """`make_process()` is a process of an installation that has the broker."""
    made = []

    def make(beside=None, url=None, **jobs):
        bench = make_bench(
            beside=beside, transport="dramatiq", broker_url=url or broker.url, **jobs
        )
        bench.declare()
        bench.platform.jobs.declare(Job(name="tally.slow", handler=bench.mark, queue="slow"))
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.platform.jobs.stop()
    for bench in made:
        broker.forget(namespace(bench))


def namespace(bench):
    return namespace_of(bench.platform.settings, bench.platform.db.engine.url.database)


def work(bench, **options):
    bench.platform.jobs.start_worker(threads=2, **options)


def test_a_worker_runs_what_a_web_process_enqueued(make_process, wait_until):
    web = make_process()
    worker = make_process(beside=web)
    web.platform.jobs.start()
    work(worker)
    web.enqueue(*"abcde")
    wait_until(lambda: sorted(web.marks) == list("abcde"))
    assert set(web.states) == {"done"}


def test_a_web_process_runs_no_jobs_itself(make_process, wait_until):
    web = make_process()
    before = set(threading.enumerate())
    web.platform.jobs.start()
    assert set(threading.enumerate()) <= before


def test_jobs_are_committed_while_the_broker_is_away_and_run_when_it_is_back(
    make_process, broker, wait_until
):
    web = make_process(url=broker.down)
    web.platform.jobs.start()
    web.enqueue("a", "b")
    wait_until(lambda: {job.sent_at for job in web.jobs} == {None})
    assert web.states == ["ready", "ready"]
    worker = make_process(beside=web)
    work(worker)
    wait_until(lambda: sorted(web.marks) == ["a", "b"])


def test_messages_that_got_lost_are_sent_again_after_a_lease(make_process, broker, wait_until):
    web = make_process(lease_seconds=30)
    web.enqueue("a")
    web.platform.jobs.stop()
    broker.forget(namespace(web))
    worker = make_process(beside=web, lease_seconds=30)
    worker.platform.clock.advance_wall(seconds=31)
    work(worker)
    wait_until(lambda: web.marks == ["a"])


def test_doubled_messages_double_no_effect(make_process, wait_until):
    web = make_process()
    worker = make_process(beside=web)
    ids = web.enqueue("a", "b")
    for _ in range(5):
        web.platform.jobs._transport.hint([(job_id, "default") for job_id in ids])
    web.platform.jobs.stop()
    work(worker)
    web.enqueue("last")
    wait_until(lambda: "last" in web.marks)
    worker.platform.jobs.stop()
    assert sorted(web.marks) == ["a", "b", "last"]
    assert {job.attempts for job in web.jobs} == {1}


def test_a_message_about_a_job_that_is_gone_harms_nothing(make_process, wait_until):
    web = make_process()
    (job_id,) = web.enqueue("a")
    with web.platform.db.write() as session:
        web.platform.jobs.discard(session, job_id)
    worker = make_process(beside=web)
    work(worker)
    web.enqueue("b")
    wait_until(lambda: web.marks == ["b"])


def test_a_failed_job_is_sent_again_when_its_wait_is_over(make_process, wait_until):
    web = make_process()
    worker = make_process(beside=web)

    def handler(ctx):
        if ctx.attempt < 3:
            raise RuntimeError("not yet")
        worker.mark(ctx)

    for bench in (web, worker):
        bench.platform.jobs.declare(Job(name="tally.picky", handler=handler))
    work(worker)
    web.enqueue("a", name="tally.picky")
    wait_until(lambda: web.marks == ["a"])


def test_a_worker_serves_the_queues_it_was_told_to(make_process, wait_until):
    web = make_process()
    worker = make_process(beside=web)
    web.enqueue("fast")
    web.enqueue("slow", name="tally.slow")
    work(worker, queues=["slow"])
    wait_until(lambda: web.marks == ["slow"])
    worker.platform.jobs.stop()
    assert web.marks == ["slow"]


def test_a_job_for_later_is_sent_when_its_moment_comes(make_process, wait_until):
    from datetime import timedelta

    web = make_process()
    worker = make_process(beside=web)
    web.enqueue("a", run_at=web.platform.clock.wall() + timedelta(hours=1))
    assert web.job.sent_at is None
    worker.platform.clock.advance_wall(hours=2)
    work(worker)
    wait_until(lambda: web.marks == ["a"])


def test_installations_that_share_a_broker_do_not_meet(make_process, make_bench, broker):
    web = make_process()
    other = make_process()
    assert namespace(web) != namespace(other)
    assert namespace(web) == namespace(make_process(beside=web))


def test_a_url_that_is_no_broker_is_refused():
    with pytest.raises(ConfigurationError, match=r"starts with 'http'.*redis://.*amqp://"):
        make_broker("http://127.0.0.1", namespace="x")
