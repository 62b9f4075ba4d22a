"""A clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dxp.clock import Clock

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


class SettableClock(Clock):
    """Domain time stands still from the first `set` or `advance` on; wall time goes on.

    `advance_wall` shifts wall time, to see tokens, leases and sessions expire.

    Args:
        replaced: the clock whose place it takes; the demo's offset stays in force.
    """

    def __init__(self, replaced: Clock | None = None) -> None:
        super().__init__(replaced._offset if replaced else None)
        self._now: datetime | None = None
        self._wall_shift = timedelta()

    def wall(self) -> datetime:
        return super().wall() + self._wall_shift

    def _unshifted(self) -> datetime:
        return self.wall() if self._now is None else self._now

    def set(self, moment: datetime) -> datetime:
        """Let domain time stand at `moment` (aware)."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment!r} has no time zone; pass an aware datetime")
        self._now = moment.astimezone(UTC)
        return self._now

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move domain time on."""
        return self.set(
            self.now() + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        )

    def advance_wall(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Move wall time on."""
        self._wall_shift += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    def reset(self) -> None:
        """Tell the real time again."""
        self._now = None
        self._wall_shift = timedelta()
