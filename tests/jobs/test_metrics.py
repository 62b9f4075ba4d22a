"""Attempts are counted where the platform keeps its metrics."""


def test_attempts_are_counted_by_job_and_outcome(bench):
    def handler(ctx):
        if ctx.attempt == 1:
            raise RuntimeError("not yet")

    bench.declare(handler)
    bench.enqueue("a")
    bench.run()
    registry = bench.platform.metrics

    def attempts(outcome):
        labels = {"job": "tally.mark", "outcome": outcome}
        return registry.get_sample_value("dxp_job_attempts_total", labels)

    assert attempts("failed") == 1
    assert attempts("done") == 1
    assert registry.get_sample_value("dxp_job_seconds_count", {"job": "tally.mark"}) == 2


def test_each_platform_counts_its_own(make_bench):
    benches = [make_bench(), make_bench()]
    for bench in benches:
        bench.declare()
        bench.enqueue("a")
        bench.run()
        count = bench.platform.metrics.get_sample_value(
            "dxp_job_seconds_count", {"job": "tally.mark"}
        )
        assert count == 1
