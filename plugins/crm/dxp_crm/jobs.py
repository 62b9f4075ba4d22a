"""Background work."""

from __future__ import annotations

import uuid

from dxp.api import Job, JobContext, NotFound, Problem, Schedule
from dxp_crm.segment_jobs import SEGMENT_JOBS
from dxp_crm.services import Crm
from dxp_crm.services.export_files import BUILD
from dxp_crm.services.importing.forgetting import FORGET
from dxp_crm.services.importing.runs import Overtaken
from dxp_crm.services.importing.service import GONE, RUN
from dxp_crm.services.tag_changes import CHANGE_JOB

PRUNE = "crm.import_prune"
SCAN = "crm.scan_duplicates"
DROP_EXPORTS = "crm.export_drop"


def run_import(ctx: JobContext) -> None:
    """Check, commit or revert an import, whichever it is at; killed, it goes on where it stood."""
    imports = ctx.platform.services.get(Crm).imports
    import_id = uuid.UUID(ctx.payload["import_id"])
    try:
        imports.run(import_id)
    except (NotFound, Overtaken):
        return
    except FileNotFoundError:
        imports.fail(import_id, GONE)


def scan_duplicates(ctx: JobContext) -> None:
    """Look for customers who are registered twice; killed, it goes on where it stood."""
    ctx.platform.services.get(Crm).duplicates.scan()


def change_tag(ctx: JobContext) -> None:
    """Rewrite the rest of what carries a tag; killed, it goes on where it stood."""
    ctx.platform.services.get(Crm).tags.changes.carry_on(uuid.UUID(ctx.payload["tag_id"]))


def prune_imports(ctx: JobContext) -> None:
    """Delete files and records of imports that can no longer be reverted."""
    ctx.platform.services.get(Crm).imports.prune(ctx.session)


def forget_in_files(ctx: JobContext) -> None:
    """Take persons who were erased out of the files of imports and exports."""
    ctx.platform.services.get(Crm).imports.forgetting.work()


def build_export(ctx: JobContext) -> None:
    """Make the file of a large export."""
    exports = ctx.platform.services.get(Crm).export_files
    export_id = uuid.UUID(ctx.payload["export_id"])
    try:
        exports.build(export_id)
    except Problem:
        exports.fail(export_id)


def drop_exports(ctx: JobContext) -> None:
    """Delete files of exports whose time is over."""
    ctx.platform.services.get(Crm).export_files.drop_expired(ctx.session)


JOBS: tuple[Job | Schedule, ...] = (
    Job(name=RUN, handler=run_import, transactional=False),
    Job(name=PRUNE, handler=prune_imports),
    Schedule(name=PRUNE, cron="41 3 * * *", job=PRUNE),
    Job(name=SCAN, handler=scan_duplicates, transactional=False),
    Job(name=FORGET, handler=forget_in_files, transactional=False),
    Schedule(name=FORGET, cron="*/5 * * * *", job=FORGET),
    Job(name=BUILD, handler=build_export, transactional=False),
    Job(name=DROP_EXPORTS, handler=drop_exports),
    Schedule(name=DROP_EXPORTS, cron="7 * * * *", job=DROP_EXPORTS),
    Schedule(name=SCAN, cron="11 4 * * *", job=SCAN),
    Job(name=CHANGE_JOB, handler=change_tag, transactional=False),
    *SEGMENT_JOBS,
)
