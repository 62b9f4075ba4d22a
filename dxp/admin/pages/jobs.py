"""Background jobs: what waits, what failed and why, and sending it again."""

from __future__ import annotations

import json
import uuid
from typing import Any

from flask import request

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.errors import Conflict
from dxp.i18n import gettext as _
from dxp.i18n import lazy_gettext as _l
from dxp.jobs import JobRow
from dxp.jobs.models import STATES
from dxp.plugins.contexts import MenuEntry
from dxp.web.access import needs
from dxp.web.pagination import paginate

READ = "core.jobs.read"
MANAGE = "core.jobs.manage"
JOBS_MENU = MenuEntry(
    label=_l("Background jobs"),
    endpoint="jobs.overview",
    permission=READ,
    icon="gear-wide-connected",
    section="system",
    order=50,
)


def jobs_blueprint() -> AdminBlueprint:
    """The blueprint `jobs`."""
    jobs = AdminBlueprint("jobs", __name__, url_prefix="/admin/jobs")

    @jobs.page("GET", "/", access=needs(READ), paged=True)
    def overview(call: AdminCall) -> Any:
        """Jobs, newest first, and how many wait."""
        state = request.args.get("state", "")
        state = state if state in STATES else ""
        page = paginate(
            call, call.platform.jobs.matching(state=state or None), keys=[(JobRow.id, "desc")]
        )
        return call.render(
            "dxp/jobs/jobs.html",
            page=page.map(lambda job: (job, label_of(job))),
            state=state,
            stats=call.platform.jobs.stats(call.session),
            may_manage=call.actor.may(MANAGE),
        )

    @jobs.page("GET", "/schedules", access=needs(READ))
    def schedules(call: AdminCall) -> Any:
        """When each schedule is due next, and when it last was."""
        states = call.platform.jobs.schedules(call.session)
        return call.render("dxp/jobs/schedules.html", states=states)

    @jobs.page("GET", "/<uuid:job_id>", access=needs(READ))
    def job(call: AdminCall, job_id: uuid.UUID) -> Any:
        """One job, with its payload and its last error."""
        found = call.platform.jobs.find(call.session, job_id)
        return call.render(
            "dxp/jobs/job.html",
            job=found,
            label=label_of(found),
            payload=json.dumps(found.payload, indent=2, ensure_ascii=False),
            may_manage=call.actor.may(MANAGE) and found.state in ("ready", "dead"),
        )

    @jobs.page("POST", "/<uuid:job_id>/retry", access=needs(MANAGE))
    def retry(call: AdminCall, job_id: uuid.UUID) -> Any:
        """Send it again, now."""
        try:
            call.platform.jobs.retry(call.session, job_id, actor=call.actor)
            call.toast(_("The job is sent again."))
        except Conflict:
            call.toast(_("Nothing was done: the job is running or done."), kind="warning")
        return call.redirect("jobs.job", job_id=job_id)

    @jobs.page("POST", "/<uuid:job_id>/discard", access=needs(MANAGE))
    def discard(call: AdminCall, job_id: uuid.UUID) -> Any:
        """Delete it."""
        try:
            call.platform.jobs.discard(call.session, job_id, actor=call.actor)
        except Conflict:
            call.toast(_("Nothing was done: the job is running or done."), kind="warning")
            return call.redirect("jobs.job", job_id=job_id)
        call.toast(_("The job is discarded."))
        return call.redirect("jobs.overview", state="dead")

    @jobs.page("POST", "/retry-dead", access=needs(MANAGE), transaction=False)
    def retry_dead(call: AdminCall) -> Any:
        """Send every dead job again, in transactions of its own."""
        call.platform.jobs.retry_all_dead(actor=call.actor)
        call.toast(_("The failed jobs are sent again."))
        return call.redirect("jobs.overview")

    return jobs


def label_of(job: JobRow) -> str:
    """What people know a job by: a delivery by the subscription that it is for."""
    subscription = job.payload.get("subscription")
    return subscription if isinstance(subscription, str) else job.name
