"""Domain time and wall time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from dxp.clock import Clock

DAY = timedelta(days=1)


def test_the_domain_follows_the_offset_and_the_wall_does_not() -> None:
    clock = Clock(lambda: 10 * DAY)
    assert clock.now() - clock.wall() > 9 * DAY
    assert datetime.now(UTC) - clock.wall() < DAY


def test_a_shift_ends_with_its_block_even_after_an_error() -> None:
    clock = Clock()
    try:
        with clock.shifted(-60 * DAY):
            assert clock.wall() - clock.now() > 59 * DAY
            raise ValueError
    except ValueError:
        pass
    assert abs(clock.wall() - clock.now()) < DAY


def test_a_shift_is_not_seen_by_other_threads() -> None:
    clock = Clock()
    seen: list[datetime] = []
    with clock.shifted(-60 * DAY):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert abs(clock.wall() - seen[0]) < DAY
