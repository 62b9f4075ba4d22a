"""Run by test_import_crash: workers that are killed, and overtaken, in the middle of an import.

A "step" is before and after each statement, before each commit and after it. For steps that are
spread over the whole way, a worker begins to write an import and is killed at that step; another
takes over when its lease is over. The same with taking the import back. Then workers are stopped
after a commit, overtaken by another, and let go on; and two begin at once. Printed at the end, as
JSON: a line for each that tells what was found at each end.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from dxp.api import EventRow, Platform, SystemActor
from dxp.testing.apps import AppMaker, platform_of
from dxp.testing.clock import SettableClock
from dxp.testing.databases import databases_for
from dxp_crm.models import Customer, Import, ImportEntry
from dxp_crm.plugin import CrmPlugin
from dxp_crm.services import Crm
from dxp_crm.services.importing import ImportService
from dxp_crm.services.importing.runs import Overtaken

ACTOR = SystemActor(name="import")
ROWS = 12
BATCH = 4
KILLS = 8


class Workers:
    """Forks workers of one installation."""

    def __init__(self, url: str, folder: Path) -> None:
        overrides = {"plugins": {"crm": {"import_batch": BATCH}}}
        maker = AppMaker(databases_for(None, folder), folder)
        app = maker.make(plugins=(CrmPlugin,), database=url, settings=overrides)
        self.platform: Platform = platform_of(app)
        self.platform.clock = SettableClock()
        self.imports: ImportService = self.platform.services.get(Crm).imports

    def fork(self, work: Callable[[], None]) -> int:
        """Begin a worker; its id."""
        self.platform.db.dispose()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work()
                self.platform.db.dispose()
                status = 0
            finally:
                os._exit(status)
        return child

    def killed(self, step: int) -> bool:
        """A worker that runs what is due, and dies at a step; whether it did."""

        def work() -> None:
            self._at_step(step, signal.SIGKILL)
            self.platform.jobs.run_pending()

        _, status = os.waitpid(self.fork(work), 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        assert status == 0
        return False

    def steps(self) -> int:
        """How many steps a worker takes to its end."""
        reader, writer = os.pipe()

        def work() -> None:
            steps = [0]
            self._watch(lambda: steps.append(steps.pop() + 1))
            self.platform.jobs.run_pending()
            os.write(writer, str(steps[0]).encode())

        _, status = os.waitpid(self.fork(work), 0)
        assert status == 0
        os.close(writer)
        with os.fdopen(reader) as file:
            return int(file.read())

    def take_over(self) -> None:
        """A worker that comes when the lease of the killed one is over."""
        self.platform.clock.advance_wall(seconds=61)  # type: ignore[attr-defined]
        _, status = os.waitpid(self.fork(self._run_pending), 0)
        assert status == 0

    def stopped(self, import_id: Any) -> int:
        """A worker that stands still after its first batch, as one does that has no memory left."""

        def work() -> None:
            left = [1]

            def count(session: Session) -> None:
                if session.in_nested_transaction():
                    return
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGSTOP)

            event.listen(Session, "after_commit", count)
            self._run_or_yield(import_id)

        child = self.fork(work)
        _, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        return child

    def both(self, import_id: Any) -> None:
        """Two workers that begin at the same time."""
        children = [self.fork(lambda: self._run_or_yield(import_id)) for _ in range(2)]
        for child in children:
            _, status = os.waitpid(child, 0)
            assert status == 0

    def _run_pending(self) -> None:
        self.platform.jobs.run_pending()

    def _run_or_yield(self, import_id: Any) -> None:
        try:
            self.imports.run(import_id)
        except Overtaken:
            return

    def _at_step(self, step: int, sent: signal.Signals) -> None:
        left = [step]

        def count() -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), sent)

        self._watch(count)

    def _watch(self, told: Callable[[], None]) -> None:
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(self.platform.db.engine, name, lambda *_a, **_k: told())
        event.listen(Session, "after_commit", lambda *_a: told())


def begin(workers: Workers, name: str) -> Any:
    """An import of a file with sound rows, faulty ones and a doubled one, about to be written."""
    rows = "".join(
        f"{name}-{n},{f'{name}{n}@x.example' if n % 5 else 'none'}\n" for n in range(ROWS)
    )
    file = io.BytesIO(f"ref,email\n{rows}{name}-1,\n".encode())
    job = workers.imports.take_in(ACTOR, file, kind="customers", file_name=f"{name}.csv")
    with workers.platform.db.write() as session:
        held = workers.imports.get(session, job.id, lock=True)
        workers.imports.check(session, ACTOR, held, mapping=job.mapping, options={})
    workers.take_over()
    with workers.platform.db.write() as session:
        held = workers.imports.get(session, job.id, lock=True)
        workers.imports.commit(session, ACTOR, held)
    return job.id


def begin_revert(workers: Workers, import_id: Any) -> None:
    with workers.platform.db.write() as session:
        held = workers.imports.get(session, import_id, lock=True)
        workers.imports.revert(session, ACTOR, held)


def found(workers: Workers, import_id: Any) -> dict[str, Any]:
    """What there is of an import."""
    with workers.platform.db.read() as session:
        job = workers.imports.get(session, import_id)
        faulty = [row.row for row in workers.imports.faulty_rows(session, job)]
        name = job.file_name.removesuffix(".csv")
        people = select(func.count()).where(Customer.ref.startswith(f"{name}-"))
        told = select(func.count()).where(
            EventRow.type == "customer.registered",
            EventRow.data["ref"].as_string().startswith(f"{name}-"),
        )
        noted = select(func.count()).where(ImportEntry.import_id == import_id)
        return {
            "state": job.state,
            "counts": dict(sorted(job.counts.items())),
            "position": job.position,
            "faulty": faulty,
            "customers": session.scalar(people),
            "events": session.scalar(told),
            "entries": session.scalar(noted),
            "chain": workers.platform.audit.verify(session).ok,
        }


def main(url: str, folder: str) -> None:
    workers = Workers(url, Path(folder))
    out: list[Any] = []
    sound = begin(workers, "whole")
    steps = workers.steps()
    written = found(workers, sound)
    begin_revert(workers, sound)
    back_steps = workers.steps()
    out.append(["whole", True, written, found(workers, sound)])
    for number in range(KILLS):
        job = begin(workers, f"k{number}")
        died = workers.killed(2 + number * (steps - 3) // KILLS)
        workers.take_over()
        written = found(workers, job)
        begin_revert(workers, job)
        died &= workers.killed(2 + number * (back_steps - 3) // KILLS)
        workers.take_over()
        out.append([f"killed {number}", died, written, found(workers, job)])
    job, ends = begin(workers, "slow"), []
    for way in ("write", "back"):
        if way == "back":
            begin_revert(workers, job)
        # The second goes on where the first stands still; then the first wakes up, and is late.
        children = [workers.stopped(job), workers.stopped(job)]
        for child in children:
            os.kill(child, signal.SIGCONT)
            _, status = os.waitpid(child, 0)
            assert status == 0
        workers.take_over()
        ends.append(found(workers, job))
    out.append(["overtaken", True, *ends])
    job = begin(workers, "two")
    workers.both(job)
    written = found(workers, job)
    begin_revert(workers, job)
    workers.both(job)
    out.append(["two", True, written, found(workers, job)])
    with workers.platform.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Import)) == len(out)
    workers.platform.db.dispose()
    sys.stdout.write(json.dumps(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
