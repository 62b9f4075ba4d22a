"""Run by test_crash_points: an installation whose process is killed at its every step in turn.

A "step" is before and after each statement, before each commit and after it. For each number n a
child process publishes an event, with a business row, in one transaction, and runs the jobs; it is
killed at its n-th step. Another child then takes over, when leases are over. Printed at the end,
as JSON: for each n the rows that were committed, the marks that the subscriber left, and whether
the scenario ran to its end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from dxp.contracts.payload import EventPayload
from dxp.db.engine import Database
from dxp.events import EventContext, EventType, Subscription
from dxp.jobs import Job, JobContext
from dxp.platform import Platform
from dxp.testing.apps import make_settings
from dxp.testing.clock import SettableClock

MOST_STEPS = 400


@dataclass(frozen=True, kw_only=True)
class Rang(EventPayload):
    """A bell rang."""

    type: ClassVar[str] = "tally.rang"

    number: int


def build(url: str, folder: Path) -> Platform:
    """The platform, with a subscriber that marks each event and enqueues a job that does too."""
    from dxp.app import create_app

    settings = make_settings(data_dir=folder, url=url, overrides={})
    platform: Platform = create_app(settings, plugins=()).extensions["dxp"]
    platform.clock = SettableClock()

    def listen(ctx: EventContext) -> None:
        number = ctx.record.data["number"]
        leave(ctx.session, number, "event")
        ctx.platform.jobs.enqueue(ctx.session, "tally.follow", {"number": number})

    def follow(ctx: JobContext) -> None:
        leave(ctx.session, ctx.payload["number"], "job")

    platform.events.declare(EventType(payload=Rang))
    platform.events.subscribe(Subscription(event="tally.rang", handler=listen, name="tally.listen"))
    platform.jobs.declare(Job(name="tally.follow", handler=follow))
    return platform


def leave(session: Session, number: int, note: str) -> None:
    session.execute(
        text("INSERT INTO crash_mark (number, note) VALUES (:number, :note)"),
        {"number": number, "note": note},
    )


def publish_and_run(platform: Platform, number: int) -> None:
    with platform.db.write() as session:
        session.execute(text("INSERT INTO crash_ring (number) VALUES (:n)"), {"n": number})
        platform.events.publish(session, Rang(number=number))
    platform.jobs.run_pending()


def die_at(platform: Platform, step: int) -> None:
    """Send this process SIGKILL at its `step`-th step."""
    left = step

    def count(*_arguments: Any, **_options: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = platform.db.engine
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(engine, name, count)
    event.listen(Session, "after_commit", count)


def in_child(platform: Platform, work: Any) -> bool:
    """Fork; whether the child came to the end of `work` alive."""
    platform.db.dispose()
    child = os.fork()
    if child == 0:
        work()
        platform.db.dispose()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    if status:
        raise SystemExit(f"a child ended with status {status}")
    return True


def main(url: str, folder: str) -> None:
    platform = build(url, Path(folder))
    with platform.db.write() as session:
        for table in ("crash_ring", "crash_mark"):
            session.execute(text(f"DROP TABLE IF EXISTS {table}"))
        session.execute(text("CREATE TABLE crash_ring (number INTEGER NOT NULL)"))
        session.execute(text("CREATE TABLE crash_mark (number INTEGER, note VARCHAR(10))"))

    def crash(step: int) -> None:
        die_at(platform, step)
        publish_and_run(platform, step)

    def take_over() -> None:
        platform.clock.advance_wall(seconds=61)  # type: ignore[attr-defined]
        platform.jobs.run_pending()

    finished = []
    for step in range(1, MOST_STEPS):
        if in_child(platform, lambda step=step: crash(step)):
            finished.append(step)
            break
        if not in_child(platform, take_over):
            raise SystemExit("the process that took over was killed too")
    sys.stdout.write(json.dumps({"finished": finished, **report(platform.db)}) + "\n")
    platform.db.dispose()


def report(db: Database) -> dict[str, Any]:
    with db.read() as session:
        rings = session.scalars(text("SELECT number FROM crash_ring ORDER BY number")).all()
        marks = session.execute(
            text("SELECT note, number FROM crash_mark ORDER BY note, number")
        ).all()
        states = session.scalars(
            text("SELECT DISTINCT state FROM dxp_job WHERE name <> 'dxp.prune_jobs'")
        ).all()
    return {
        "rings": list(rings),
        "marks": [list(mark) for mark in marks],
        "states": list(states),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
