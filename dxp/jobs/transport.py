"""The port between the job table and whatever wakes workers up."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Protocol

Hint = tuple[uuid.UUID, str]
"""Id and queue of a job that may be due now. Losing or doubling one harms nothing."""


class Transport(Protocol):
    """How workers learn that there is something to do. The job table alone says what."""

    sends: bool
    """Whether hints are messages that may get lost, so that `sent_at` is worth keeping."""

    def hint(self, hints: Sequence[Hint]) -> None:
        """Jobs were committed. Never raises, never waits for the network."""

    def start(self, *, threads: int, queues: Collection[str] | None) -> None:
        """Begin to run jobs in this process, of all queues when None."""

    def stop(self, timeout: float) -> None:
        """Let running jobs end, at most `timeout` seconds, and take no more."""

    def poll(self) -> None:
        """Called about every poll_seconds in each process that runs jobs."""

    def sweep(self) -> None:
        """Called as often, in one process at a time: make up for hints that got lost."""
