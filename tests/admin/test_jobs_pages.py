"""Background jobs, in a browser."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from dxp.audit import AuditEntry
from dxp.jobs import Job
from dxp.platform import Platform
from dxp.plugins.spec import Plugin
from dxp.testing import DxpClient
from tests.admin.browsing import page, send
from tests.admin.markup import policy_breaches

pytestmark = pytest.mark.usefixtures("built")
READ, MANAGE = "core.jobs.read", "core.jobs.manage"


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return ()


@pytest.fixture
def dead(platform: Platform) -> uuid.UUID:
    """A job that failed for good."""
    return enqueue(platform, "tally.fail")


def enqueue(platform: Platform, name: str) -> uuid.UUID:
    platform.jobs.declare(Job(name=name, handler=_fail, max_attempts=1))
    with platform.db.write() as session:
        job_id = platform.jobs.enqueue(session, name, {"order": "<b>7</b>"})
    assert job_id is not None
    platform.jobs.run_pending()
    return job_id


def _fail(_ctx: Any) -> None:
    raise RuntimeError("the shop said <no>")


def state_of(platform: Platform, job_id: uuid.UUID) -> str:
    with platform.db.read() as session:
        return platform.jobs.find(session, job_id).state


@pytest.mark.parametrize("path", ["/admin/jobs/", "/admin/jobs/schedules", "/admin/jobs/{id}"])
def test_the_pages_take_their_permission_and_keep_to_the_policy(
    client: DxpClient, dead: uuid.UUID, path: str
) -> None:
    path = path.format(id=dead)
    assert client.as_staff("core.staff.manage").get(path).status_code == 403
    for permissions in ([READ], [READ, MANAGE]):
        assert policy_breaches(page(client.as_staff(*permissions), path)) == []


@pytest.mark.parametrize("path", ["/admin/jobs/{id}/retry", "/admin/jobs/{id}/discard"])
def test_who_may_only_look_is_offered_and_allowed_nothing_more(
    client: DxpClient, platform: Platform, dead: uuid.UUID, path: str
) -> None:
    reader = client.as_staff(READ)
    path = path.format(id=dead)
    assert path not in page(reader, f"/admin/jobs/{dead}")
    assert path in page(client.as_staff(READ, MANAGE), f"/admin/jobs/{dead}")
    assert send(reader, path).status_code == 403
    assert send(reader, "/admin/jobs/retry-dead").status_code == 403
    assert state_of(platform, dead) == "dead"


def test_the_list_filters_by_state_and_says_why_a_job_failed(
    client: DxpClient, dead: uuid.UUID
) -> None:
    reader = client.as_staff(READ)
    for query in ("", "?state=dead", "?state=nonsense"):
        html = page(reader, f"/admin/jobs/{query}")
        assert "tally.fail" in html
        assert "RuntimeError: the shop said &lt;no&gt;" in html
    assert "tally.fail" not in page(reader, "/admin/jobs/?state=ready")


def test_a_job_shows_its_payload_and_its_error(client: DxpClient, dead: uuid.UUID) -> None:
    html = page(client.as_staff(READ), f"/admin/jobs/{dead}")
    assert "RuntimeError: the shop said &lt;no&gt;" in html
    assert "&lt;b&gt;7&lt;/b&gt;" in html
    assert "in _fail" in html


def test_a_failed_job_is_sent_again(client: DxpClient, platform: Platform, dead: uuid.UUID) -> None:
    boss = client.as_staff(READ, MANAGE)
    assert send(boss, f"/admin/jobs/{dead}/retry").location == f"/admin/jobs/{dead}"
    assert "The job is sent again" in page(boss, f"/admin/jobs/{dead}")
    assert state_of(platform, dead) == "ready"
    with platform.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.object_type == "job")).one()
    assert (entry.action, entry.actor_key) == ("core.job.retried", f"staff:{boss.staff_id}")


def test_all_failed_jobs_are_sent_again_at_once(
    client: DxpClient, platform: Platform, dead: uuid.UUID
) -> None:
    other = enqueue(platform, "tally.other")
    boss = client.as_staff(READ, MANAGE)
    assert "/admin/jobs/retry-dead" in page(boss, "/admin/jobs/")
    send(boss, "/admin/jobs/retry-dead")
    assert [state_of(platform, job_id) for job_id in (dead, other)] == ["ready", "ready"]
    assert "/admin/jobs/retry-dead" not in page(boss, "/admin/jobs/")


def test_a_discarded_job_is_gone(client: DxpClient, dead: uuid.UUID) -> None:
    boss = client.as_staff(READ, MANAGE)
    send(boss, f"/admin/jobs/{dead}/discard")
    assert "The job is discarded" in page(boss, "/admin/jobs/")
    assert boss.get(f"/admin/jobs/{dead}").status_code == 404


@pytest.mark.parametrize("verb", ["retry", "discard"])
def test_a_job_that_is_done_meanwhile_is_left_alone(
    client: DxpClient, platform: Platform, verb: str
) -> None:
    with platform.db.write() as session:
        job_id = platform.jobs.enqueue(session, "dxp.prune_jobs")
    platform.jobs.run_pending()
    boss = client.as_staff(READ, MANAGE)
    send(boss, f"/admin/jobs/{job_id}/{verb}")
    assert "Nothing was done" in page(boss, f"/admin/jobs/{job_id}")


def test_an_unknown_job_is_not_found(client: DxpClient) -> None:
    assert client.as_staff(READ).get(f"/admin/jobs/{uuid.uuid4()}").status_code == 404


def test_schedules_are_listed(client: DxpClient, platform: Platform) -> None:
    platform.jobs.tick()
    html = page(client.as_staff(READ), "/admin/jobs/schedules")
    assert "dxp.prune_jobs" in html
    assert "17 * * * *" in html
