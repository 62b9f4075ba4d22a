"""Measuring in turns: whatever else the machine does meanwhile hits all contenders alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Run = Callable[[], object]


@dataclass(kw_only=True)
class Contender:
    """Something to measure.

    Attributes:
        prepare: makes what one round runs; its own time is not measured.
    """

    name: str
    prepare: Callable[[int], Run]
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of the round in the middle."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a share of the median."""
        if len(self.seconds) < 2:
            return 0.0
        low, _middle, high = statistics.quantiles(self.seconds, n=4)
        return (high - low) / 2 / self.median


def in_turns(contenders: Sequence[Contender], *, rounds: int, warm_up: int = 2) -> Iterator[int]:
    """Run all contenders once a round, each round beginning with another one.

    Args:
        warm_up: rounds before those that count.

    Yields:
        the number of each round that was run.
    """
    for number in range(rounds + warm_up):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            run = contender.prepare(number)
            started = time.perf_counter()
            run()
            took = time.perf_counter() - started
            if number >= warm_up:
                contender.seconds.append(took)
        yield number


def share_of(floor: Contender, measured: Contender) -> float:
    """Floor time to measured time: the median over the rounds, each compared with itself."""
    pairs = zip(floor.seconds, measured.seconds, strict=True)
    return statistics.median(least / took for least, took in pairs)
