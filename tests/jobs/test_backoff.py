"""How long a failed job waits."""

import random

from hypothesis import given
from hypothesis import strategies as st

from dxp.jobs.backoff import retry_delay

seconds = st.floats(min_value=0, max_value=1e6, allow_nan=False)


@given(attempt=st.integers(1, 10_000), base=seconds, cap=seconds, seed=st.integers())
def test_a_delay_lies_between_zero_and_the_doubled_base_or_the_cap(attempt, base, cap, seed):
    delay = retry_delay(attempt, base=base, cap=cap, rng=random.Random(seed))
    assert 0 <= delay <= cap
    assert attempt > 60 or delay <= base * 2 ** (attempt - 1)


@given(attempt=st.integers(1, 20))
def test_delays_are_spread_over_the_whole_range(attempt):
    rng = random.Random(attempt)
    ceiling = 2 ** (attempt - 1)
    delays = [retry_delay(attempt, base=1, cap=2**30, rng=rng) for _ in range(300)]
    assert min(delays) < 0.1 * ceiling
    assert max(delays) > 0.9 * ceiling
