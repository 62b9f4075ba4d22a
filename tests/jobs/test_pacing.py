"""On SQLite the threads of a process take turns, so that requests get to write too."""

import threading

import pytest

from dxp.jobs.pacing import Pace


def test_one_thread_at_a_time_has_its_turn():
    pace = Pace()
    inside, turns = [], []

    def work(name):
        for _ in range(20):
            with pace.turn():
                inside.append(name)
                assert inside == [name]
                turns.append(name)
                inside.clear()

    threads = [threading.Thread(target=work, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turns) == ["a"] * 20 + ["b"] * 20


def test_an_error_does_not_keep_the_turn():
    pace = Pace()
    with pytest.raises(ZeroDivisionError), pace.turn():
        raise ZeroDivisionError
    with pace.turn():
        pass


def test_a_long_job_without_a_transaction_keeps_nobody_waiting(make_bench, wait_until):
    bench = make_bench()
    begun, go_on = threading.Event(), threading.Event()

    def slow(_ctx):
        begun.set()
        assert go_on.wait(120)

    bench.declare()
    bench.declare(slow, name="tally.slow", transactional=False)
    bench.platform.jobs.start()
    bench.enqueue("x", name="tally.slow")
    assert begun.wait(120)
    bench.enqueue("a")
    wait_until(lambda: bench.marks == ["a"])
    go_on.set()
