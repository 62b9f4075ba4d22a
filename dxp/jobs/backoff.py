"""How long to wait before trying again."""

from __future__ import annotations

import random

_RANDOM = random.SystemRandom()


def retry_delay(attempt: int, *, base: float, cap: float, rng: random.Random = _RANDOM) -> float:
    """Seconds to wait after the failed `attempt` (1 is the first).

    Exponential with full jitter: uniform between 0 and min(cap, base * 2^(attempt-1)). Of the
    usual jitters it spreads a herd of failed jobs most evenly (Brooker, "Exponential Backoff
    And Jitter", AWS Architecture Blog, 2015).
    """
    # Beyond 2^62 the ceiling is above any cap, and a float would overflow some day.
    ceiling = min(cap, base * 2 ** min(attempt - 1, 62))
    return rng.uniform(0.0, ceiling)
