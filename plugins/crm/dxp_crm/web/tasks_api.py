"""The JSON API of tasks."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import ApiBlueprint, Call, FieldError, Page, Unprocessable, needs, paginate
from dxp_crm.models import DONE, OPEN, Task
from dxp_crm.permissions import READ, WRITE_TASKS
from dxp_crm.services import Crm
from dxp_crm.services.people import staff_id_of
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.web.problems import PROBLEMS

api = ApiBlueprint(
    "crm_tasks",
    __name__,
    url_prefix="/api/v1",
    description="What members of staff are to do.",
    codes=PROBLEMS,
)
TITLE = validate.And(validate.Length(1, 200), validate.Regexp(r"\S", error="Write a title."))


class TaskChanges(Schema):
    """Fields to change; those left out stay as they are."""

    title = fields.String(validate=TITLE)
    text = fields.String(validate=validate.Length(max=10_000))
    due_at = fields.AwareDateTime(metadata={"example": "2026-03-12T15:00:00+01:00"})
    owner_id = fields.UUID(metadata={"description": "A member of staff."})
    state = fields.String(validate=validate.OneOf([OPEN, DONE]))


class TaskIn(Schema):
    """A task, about a customer, an organisation, a ticket, or nothing."""

    title = fields.String(required=True, validate=TITLE, metadata={"example": "Call back"})
    text = fields.String(load_default="", validate=validate.Length(max=10_000))
    due_at = fields.AwareDateTime(required=True, metadata={"example": "2026-03-12T15:00:00+01:00"})
    owner_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "A member of staff; by default the one who asks."},
    )
    subject_id = fields.UUID(load_default=None, allow_none=True, data_key="customer_id")
    organisation_id = fields.UUID(load_default=None, allow_none=True)
    ticket_id = fields.UUID(load_default=None, allow_none=True)


class TaskOut(Schema):
    """A task."""

    id = fields.UUID(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    due_at = fields.AwareDateTime(required=True)
    state = fields.String(required=True)
    done_at = fields.AwareDateTime(required=True, allow_none=True)
    owner_id = fields.UUID(required=True)
    customer_id = fields.UUID(required=True, allow_none=True, attribute="subject_id")
    organisation_id = fields.UUID(required=True, allow_none=True)
    ticket_id = fields.UUID(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class TaskQuery(Schema):
    """Filters of the tasks."""

    owner_id = fields.UUID(data_key="filter[owner]")
    state = fields.String(data_key="filter[state]", validate=validate.OneOf([OPEN, DONE]))
    subject_id = fields.UUID(data_key="filter[customer]")
    organisation_id = fields.UUID(data_key="filter[organisation]")
    ticket_id = fields.UUID(data_key="filter[ticket]")
    due_before = fields.AwareDateTime(data_key="filter[due_before]")


def _crm(call: Call) -> Crm:
    return call.platform.services.get(Crm)


@api.endpoint(
    "GET",
    "/tasks",
    summary="List tasks",
    access=needs(READ),
    query=TaskQuery,
    response=TaskOut,
    paged=True,
)
def list_tasks(call: Call, query: dict[str, Any]) -> Page:
    """What is due first comes first."""
    statement = _crm(call).tasks.matching(TaskFilter(**query))
    return paginate(call, statement, keys=[(Task.due_at, "asc"), (Task.id, "asc")])


@api.endpoint(
    "POST",
    "/tasks",
    summary="Give a task",
    access=needs(WRITE_TASKS),
    body=TaskIn,
    response=TaskOut,
    status=201,
    problems=(
        "unknown_customer",
        "unknown_organisation",
        "unknown_ticket",
        "unknown_assignee",
        "task_about_several",
    ),
)
def add_task(call: Call, body: dict[str, Any]) -> Task:
    """Without an owner it is for the member of staff who asks; an API key has to name one."""
    owner_id = body["owner_id"] or staff_id_of(call.actor)
    if owner_id is None:
        raise Unprocessable(
            "The task has nobody to do it, because an API key is no member of staff; "
            "name one in owner_id",
            code="unknown_assignee",
            errors=[FieldError(pointer="/owner_id", code="required", detail="Name somebody.")],
        )
    return _crm(call).tasks.add(call.session, call.actor, body | {"owner_id": owner_id})


@api.endpoint(
    "GET",
    "/tasks/<uuid:task_id>",
    summary="Read a task",
    access=needs(READ),
    response=TaskOut,
    problems=("unknown_task",),
)
def read_task(call: Call, task_id: uuid.UUID) -> Task:
    """One of them."""
    return _crm(call).tasks.get(call.session, task_id)


@api.endpoint(
    "PATCH",
    "/tasks/<uuid:task_id>",
    summary="Change or finish a task",
    access=needs(WRITE_TASKS),
    body=TaskChanges,
    response=TaskOut,
    problems=("unknown_task", "unknown_assignee"),
)
def change_task(call: Call, body: dict[str, Any], task_id: uuid.UUID) -> Task:
    """`state: done` finishes it."""
    return _crm(call).tasks.update(call.session, call.actor, task_id=task_id, changes=body)


@api.endpoint(
    "DELETE",
    "/tasks/<uuid:task_id>",
    summary="Delete a task",
    access=needs(WRITE_TASKS),
    status=204,
    problems=("unknown_task",),
)
def delete_task(call: Call, task_id: uuid.UUID) -> None:
    """For one that was a mistake; finish the others."""
    _crm(call).tasks.delete(call.session, call.actor, task_id=task_id)
