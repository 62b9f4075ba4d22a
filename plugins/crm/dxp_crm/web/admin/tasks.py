"""Tasks: mine, everybody's, and the form."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import request, url_for
from marshmallow import Schema, ValidationError, fields, validate

from dxp.api import AdminCall, Problem, needs, paginate
from dxp.api import gettext as _
from dxp_crm.models import DONE, OPEN, Task
from dxp_crm.permissions import READ, WRITE_TASKS
from dxp_crm.services.people import staff_id_of, staff_names
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.web.admin.blueprint import admin, crm_of
from dxp_crm.web.tasks_api import TITLE

ABOUT = {
    "subject_id": "crm_admin.customer_tasks",
    "organisation_id": "crm_admin.show_organisation",
    "ticket_id": "crm_admin.show_ticket",
}


def _has_years(value: datetime) -> None:
    if not 1900 <= value.year <= 9000:
        raise ValidationError(_("Not a year between 1900 and 9000."))


class TaskForm(Schema):
    """A task; the due moment is in the time zone of the admin."""

    title = fields.String(required=True, validate=TITLE)
    text = fields.String(load_default="", allow_none=True, validate=validate.Length(max=10_000))
    due_at = fields.NaiveDateTime(required=True, validate=_has_years)
    owner_id = fields.UUID(required=True)


class AboutForm(Schema):
    """What a new task is about."""

    subject_id = fields.UUID(load_default=None, allow_none=True)
    organisation_id = fields.UUID(load_default=None, allow_none=True)
    ticket_id = fields.UUID(load_default=None, allow_none=True)


@admin.page("GET", "/tasks", access=needs(READ), paged=True)
def list_tasks(call: AdminCall) -> Any:
    """Tasks, one's own and open ones first; what is due first comes first."""
    crm = crm_of(call)
    mine = staff_id_of(call.actor)
    whose = request.args.get("whose", "mine")
    state = request.args.get("state", OPEN)
    wanted = TaskFilter(
        owner_id=mine if whose != "all" else None,
        state=state if state in (OPEN, DONE) else None,
    )
    direction = "asc" if state == OPEN else "desc"
    keys = [(Task.due_at, direction), (Task.id, direction)]
    page = paginate(call, crm.tasks.matching(wanted), keys=keys)
    ids = [task.subject_id for task in page.items if task.subject_id is not None]
    return call.render(
        "crm/tasks.html",
        page=page,
        whose=whose,
        state=state,
        staff=staff_names(call.platform, call.session),
        customers=crm.customers.display_names(call.session, ids),
        now=call.now,
        may_task=call.actor.may(WRITE_TASKS),
    )


@admin.page("GET", "/tasks/new", access=needs(WRITE_TASKS))
def new_task(call: AdminCall) -> Any:
    """An empty form; the address says what the task is about."""
    values = {name: request.args.get(name, "") for name in ABOUT}
    return _form(call, None, values | {"owner_id": staff_id_of(call.actor)}, {})


@admin.page("POST", "/tasks/new", access=needs(WRITE_TASKS))
def add_task(call: AdminCall) -> Any:
    """Give somebody something to do."""
    values, errors = call.load(TaskForm())
    about, faults = call.load(AboutForm())
    errors |= faults
    if not errors:
        try:
            crm_of(call).tasks.add(call.session, call.actor, _in_zone(call, values) | about)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The task is added."))
            return call.redirect_to(_back(about))
    return _form(call, None, call.form, errors)


@admin.page("GET", "/tasks/<uuid:task_id>", access=needs(READ))
def edit_task(call: AdminCall, task_id: uuid.UUID) -> Any:
    """The form of a task."""
    task = crm_of(call).tasks.get(call.session, task_id)
    local = task.due_at.astimezone(call.zone)
    values = {
        "title": task.title,
        "text": task.text,
        "due_at": f"{local:%Y-%m-%dT%H:%M}",
        "owner_id": task.owner_id,
    }
    return _form(call, task, values, {})


@admin.page("POST", "/tasks/<uuid:task_id>", access=needs(WRITE_TASKS))
def save_task(call: AdminCall, task_id: uuid.UUID) -> Any:
    """Change a task."""
    tasks = crm_of(call).tasks
    task = tasks.get(call.session, task_id)
    values, errors = call.load(TaskForm())
    if not errors:
        try:
            tasks.update(call.session, call.actor, task_id=task_id, changes=_in_zone(call, values))
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect_to(_back_of(task))
    return _form(call, task, call.form, errors)


@admin.page("POST", "/tasks/<uuid:task_id>/<any(open,done):state>", access=needs(WRITE_TASKS))
def set_task_state(call: AdminCall, task_id: uuid.UUID, state: str) -> Any:
    """Finish a task, or take it up again."""
    tasks = crm_of(call).tasks
    task = tasks.update(call.session, call.actor, task_id=task_id, changes={"state": state})
    call.toast(_("The task is done.") if state == DONE else _("The task is open again."))
    return call.redirect_to(call.form.get("back") or _back_of(task))


@admin.page("POST", "/tasks/<uuid:task_id>/delete", access=needs(WRITE_TASKS))
def delete_task(call: AdminCall, task_id: uuid.UUID) -> Any:
    """Forget a task that was a mistake."""
    tasks = crm_of(call).tasks
    back = _back_of(tasks.get(call.session, task_id))
    tasks.delete(call.session, call.actor, task_id=task_id)
    call.toast(_("The task is deleted."))
    return call.redirect_to(back)


def _in_zone(call: AdminCall, values: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values with its local moment in the zone that the admin shows."""
    return {
        **values,
        "text": values["text"] or "",
        "due_at": values["due_at"].replace(tzinfo=call.zone),
    }


def _back_of(task: Task) -> str:
    return _back({name: getattr(task, name) for name in ABOUT})


def _back(about: Mapping[str, Any]) -> str:
    for name in ("ticket_id", "organisation_id", "subject_id"):
        if about.get(name):
            return url_for(ABOUT[name], **{name: about[name]})
    return url_for("crm_admin.list_tasks")


def _form(call: AdminCall, task: Task | None, values: Any, errors: Mapping[str, Any]) -> Any:
    if task is None:
        action = url_for("crm_admin.add_task")
        about = {name: values.get(name) for name in ABOUT if values.get(name)}
        back = url_for("crm_admin.list_tasks")
    else:
        action = url_for("crm_admin.save_task", task_id=task.id)
        about, back = {}, _back_of(task)
    names = staff_names(call.platform, call.session, include_disabled=False)
    return call.render(
        "crm/task_form.html",
        status=422 if errors else 200,
        task=task,
        about=about,
        values=values,
        errors=errors,
        action=action,
        back=back,
        staff=list(names.items()),
        zone=call.zone.key,
        may_task=call.actor.may(WRITE_TASKS),
    )
