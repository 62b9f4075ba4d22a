"""`dxp jobs` and `dxp worker`: what they do and say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dxp.app import create_app
from dxp.jobs import Job
from dxp.settings.loading import load_settings

if TYPE_CHECKING:
    from dxp.platform import Platform
    from tests.cli.conftest import Installation


@pytest.fixture
def platform(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The installation as another process sees it; it knows a job that always fails."""
    installation.ok("db", "upgrade")
    for name, value in installation.environ.items():
        monkeypatch.setenv(name, value)
    platform: Platform = create_app(load_settings()).extensions["dxp"]
    platform.jobs.declare(Job(name="tally.fail", handler=_fail, max_attempts=1))
    yield platform
    platform.db.dispose()


def _fail(_ctx: Any) -> None:
    raise RuntimeError("the shop said no")


def dead_job(platform: Platform) -> uuid.UUID:
    with platform.db.write() as session:
        job_id = platform.jobs.enqueue(session, "tally.fail", {"order": 7})
    assert job_id is not None
    platform.jobs.run_pending()
    return job_id


def listed(installation: Installation, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(installation.ok("jobs", "list", "--json", *options))
    return found


def test_list_shows_jobs_by_state_and_counts_what_waits(
    installation: Installation, platform: Platform
) -> None:
    assert "0 due (oldest for 0:00:00)" in installation.ok("jobs", "list")
    job_id = dead_job(platform)
    text = installation.ok("jobs", "list")
    assert str(job_id) in text
    assert "RuntimeError: the shop said no" in text
    assert "1 dead" in text
    assert [job["id"] for job in listed(installation, "--state", "dead")] == [str(job_id)]
    assert listed(installation, "--state", "ready") == []


def test_show_tells_the_payload_and_the_error(
    installation: Installation, platform: Platform
) -> None:
    job_id = str(dead_job(platform))
    text = installation.ok("jobs", "show", job_id)
    assert '{"order": 7}' in text
    assert "RuntimeError: the shop said no" in text
    facts = json.loads(installation.ok("jobs", "show", job_id, "--json"))
    assert (facts["name"], facts["state"], facts["attempts"]) == ("tally.fail", "dead", 1)


def test_an_unknown_job_is_refused(installation: Installation, platform: Platform) -> None:
    for command in ("show", "retry", "discard"):
        assert "`dxp jobs list` shows" in installation.refused("jobs", command, str(uuid.uuid4()))


def test_retry_sends_one_or_all_dead_jobs_again(
    installation: Installation, platform: Platform
) -> None:
    ids = [str(dead_job(platform)) for _ in range(3)]
    assert "Sent again" in installation.ok("jobs", "retry", ids[0])
    assert {job["id"] for job in listed(installation, "--state", "ready")} == {ids[0]}
    assert "2 sent again" in installation.ok("jobs", "retry", "--all-dead")
    assert len(listed(installation, "--state", "ready")) == 3


def test_retry_wants_one_job_or_all(installation: Installation, platform: Platform) -> None:
    for arguments in ([], [str(uuid.uuid4()), "--all-dead"]):
        result = installation.dxp("jobs", "retry", *arguments)
        assert result.exit_code == 2
        assert "Give either the ID of a job or --all-dead" in result.output


def test_discard_deletes_a_dead_job(installation: Installation, platform: Platform) -> None:
    job_id = str(dead_job(platform))
    assert "Discarded" in installation.ok("jobs", "discard", job_id)
    assert listed(installation) == []
    assert "core.job.discarded" in installation.ok("audit", "list")


def test_run_runs_what_is_due_and_schedules_on_request(
    installation: Installation, platform: Platform
) -> None:
    assert "0 attempts made" in installation.ok("jobs", "run")
    with platform.db.write() as session:
        platform.jobs.enqueue(session, "dxp.prune_jobs")
    assert "1 attempts made; 0 jobs wait" in installation.ok("jobs", "run")
    installation.ok("jobs", "run", "--schedules")
    assert "dxp.prune_jobs" in {job["name"] for job in listed(installation)}


def test_schedules_tell_when_they_are_due(installation: Installation, platform: Platform) -> None:
    text = installation.ok("jobs", "schedules")
    assert "17 * * * *" in text
    assert "never" in text
    installation.ok("jobs", "run", "--schedules")
    found = json.loads(installation.ok("jobs", "schedules", "--json"))
    prune = next(item for item in found if item["name"] == "dxp.prune_jobs")
    assert prune["last_due"] < prune["next_due"]


def test_a_worker_refuses_a_queue_that_no_job_uses(
    installation: Installation, platform: Platform
) -> None:
    text = installation.refused("worker", "--queues", "defualt")
    assert "'defualt'" in text
    assert "Choose among: default" in text


def test_a_worker_runs_jobs_until_it_is_told_to_stop(
    installation: Installation, platform: Platform
) -> None:
    command = [sys.executable, "-c", "from dxp.cli.main import main; main()"]
    with subprocess.Popen(
        [*command, "worker", "--threads", "1"],
        cwd=installation.folder,
        env=os.environ | installation.environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        try:
            assert worker.stdout is not None
            first = worker.stdout.readline()
            worker.send_signal(signal.SIGTERM)
            rest, _ = worker.communicate(timeout=240)
        finally:
            worker.kill()
    assert "1 threads serve all queues (embedded)" in first
    assert worker.returncode == 0
    assert "Stopped." in rest
