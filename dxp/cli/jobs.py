"""`dxp jobs`: looking after background work from the command line."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import click
from flask import current_app

from dxp.auth.actors import SystemActor
from dxp.cli.tables import print_table
from dxp.jobs import JobRow
from dxp.jobs.models import STATES

if TYPE_CHECKING:
    from datetime import datetime

    from dxp.platform import Platform

ACTOR = SystemActor(name="command-line")
_ERROR_WIDTH = 60


@click.group("jobs")
def jobs_group() -> None:
    """Look after background work."""


@jobs_group.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=30, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_jobs(*, state: str | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first, and how many wait."""
    platform = _platform()
    with platform.db.read() as session:
        found = platform.jobs.latest(session, state=state, limit=limit)
        stats = platform.jobs.stats(session)
    if as_json:
        _print_json([_facts(job) for job in found])
        return
    if found:
        print_table(
            ("Id", "Job", "State", "Attempts", "Runs at", "Error"),
            [
                (
                    str(job.id),
                    job.payload.get("subscription") or job.name,
                    "parked" if job.parked_at else job.state,
                    f"{job.attempts}/{job.max_attempts}",
                    _short(job.run_at) if job.state == "ready" else "",
                    (job.last_error or "").partition("\n")[0][:_ERROR_WIDTH],
                )
                for job in found
            ],
        )
    lag = timedelta(seconds=round(stats.lag_seconds))
    click.echo(
        f"{stats.due} due (oldest for {lag}), {stats.waiting} for later, {stats.running} running, "
        f"{stats.dead} dead, {stats.parked} parked"
    )


@jobs_group.command()
@click.argument("job_id", type=click.UUID, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(job_id: uuid.UUID, *, as_json: bool) -> None:
    """Show one job with its payload and its last error."""
    platform = _platform()
    with platform.db.read() as session:
        job = platform.jobs.find(session, job_id)
    facts = _facts(job)
    if as_json:
        _print_json(facts)
        return
    error = facts.pop("last_error")
    width = max(map(len, facts))
    for name, value in facts.items():
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        click.echo(f"{name:<{width}}  {'' if shown is None else shown}".rstrip())
    if error:
        click.echo(f"\n{error}")


@jobs_group.command()
@click.argument("job_id", type=click.UUID, metavar="[ID]", required=False)
@click.option("--all-dead", is_flag=True, help="Every dead job.")
def retry(job_id: uuid.UUID | None, *, all_dead: bool) -> None:
    """Send a dead or waiting job again, now, with all its attempts anew."""
    if (job_id is None) != all_dead:
        raise click.UsageError("Give either the ID of a job or --all-dead.")
    platform = _platform()
    if job_id is not None:
        with platform.db.write() as session:
            platform.jobs.retry(session, job_id, actor=ACTOR)
        click.echo("Sent again.")
        return
    click.echo(f"{platform.jobs.retry_all_dead(actor=ACTOR)} sent again.")


@jobs_group.command()
@click.argument("job_id", type=click.UUID, metavar="ID")
def discard(job_id: uuid.UUID) -> None:
    """Delete a dead or waiting job. The audit log keeps that it was."""
    platform = _platform()
    with platform.db.write() as session:
        platform.jobs.discard(session, job_id, actor=ACTOR)
    click.echo("Discarded.")


@jobs_group.command()
@click.option("--limit", type=click.IntRange(1), help="Stop after so many attempts.")
@click.option("--schedules", is_flag=True, help="Take due schedules first.")
def run(*, limit: int | None, schedules: bool) -> None:
    """Run what is due, here and now, until nothing is left."""
    platform = _platform()
    if schedules:
        platform.jobs.tick()
    made = platform.jobs.run_pending(limit)
    with platform.db.read() as session:
        stats = platform.jobs.stats(session)
    click.echo(f"{made} attempts made; {stats.ready} jobs wait, {stats.dead} are dead.")


@jobs_group.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def schedules(*, as_json: bool) -> None:
    """List schedules: when each is due next, and when it last was."""
    platform = _platform()
    with platform.db.read() as session:
        states = platform.jobs.schedules(session)
    if as_json:
        _print_json(
            [
                {
                    "name": state.schedule.name,
                    "job": state.schedule.job,
                    "cron": state.schedule.cron,
                    "timezone": state.schedule.timezone,
                    "next_due": _text(state.next_due),
                    "last_due": _text(state.last_due),
                }
                for state in states
            ]
        )
        return
    print_table(
        ("Schedule", "Job", "Cron", "Zone", "Next due", "Last due"),
        [
            (
                state.schedule.name,
                state.schedule.job,
                state.schedule.cron,
                state.schedule.timezone,
                _short(state.next_due),
                _short(state.last_due) if state.last_due else "never",
            )
            for state in states
        ],
    )


def _platform() -> Platform:
    return cast("Platform", current_app.extensions["dxp"])


def _facts(job: JobRow) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "name": job.name,
        "queue": job.queue,
        "state": job.state,
        "payload": job.payload,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "run_at": _text(job.run_at),
        "created_at": _text(job.created_at),
        "finished_at": _text(job.finished_at),
        "lease_until": _text(job.lease_until),
        "parked_at": _text(job.parked_at),
        "dedupe_key": job.dedupe_key,
        "request_id": job.request_id,
        "last_error": job.last_error,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _short(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
