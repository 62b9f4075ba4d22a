"""`dxp worker`: a process that runs jobs and nothing else."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from dxp.cli.context import Cli, pass_cli
from dxp.errors import ConfigurationError

if TYPE_CHECKING:
    from dxp.jobs import Jobs
    from dxp.settings import Settings

_GRACE_SECONDS = 30.0
# A signal that arrives just before the main thread goes to sleep must not wait for ever.
_TURN_SECONDS = 0.5


@click.command("worker")
@click.option("--threads", type=click.IntRange(1, 64), help="By default jobs.threads.")
@click.option("--queues", help="Serve these only, separated by commas; by default all.")
@pass_cli
def worker_command(cli: Cli, threads: int | None, queues: str | None) -> None:
    """Run background jobs until SIGTERM or Ctrl-C; schedules and lost messages too.

    With the embedded transport the web processes run jobs as well, unless jobs.threads is 0.
    """
    from dxp.app import create_app
    from dxp.web import configure_logging

    configure_logging(cli.settings)
    platform = create_app(cli.settings).extensions["dxp"]
    try:
        _work(platform.jobs, cli.settings, threads=threads, queues=_chosen(platform.jobs, queues))
    finally:
        platform.db.dispose()
    click.echo("Stopped.")


def _work(
    jobs: Jobs, settings: Settings, *, threads: int | None, queues: frozenset[str] | None
) -> None:
    """Run jobs until a signal comes."""
    count = threads or max(1, settings.jobs.threads)
    with _stop_signals() as stopped:
        jobs.start_worker(threads=count, queues=queues)
        what = ", ".join(sorted(queues)) if queues else "all queues"
        click.echo(f"{count} threads serve {what} ({settings.jobs.transport}). Ctrl-C stops.")
        while not stopped.wait(_TURN_SECONDS):
            pass
        jobs.stop(_GRACE_SECONDS)


def _chosen(jobs: Jobs, queues: str | None) -> frozenset[str] | None:
    """The queues that were asked for; None stands for all."""
    if queues is None:
        return None
    names = frozenset(name.strip() for name in queues.split(",") if name.strip())
    unknown = sorted(names - jobs.queues)
    if unknown or not names:
        raise ConfigurationError(
            f"No declared job uses the queue {', '.join(map(repr, unknown)) or repr(queues)}, so "
            f"a worker would wait there in vain.\nChoose among: {', '.join(sorted(jobs.queues))}"
        )
    return names


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; the second acts as usual."""
    stopped = threading.Event()
    earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(_number: int, _frame: FrameType | None) -> None:
        stopped.set()
        for number in earlier:
            signal.signal(number, signal.SIG_DFL)

    for number in earlier:
        signal.signal(number, note)
    try:
        yield stopped
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
