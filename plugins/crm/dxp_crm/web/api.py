"""The JSON API of customers."""

from __future__ import annotations

import uuid
from typing import Any

from dxp.api import (
    ApiBlueprint,
    Call,
    CustomerActor,
    EventRow,
    KeyActor,
    Page,
    StaffActor,
    customer,
    needs,
    paginate,
    record_of,
)
from dxp_crm.models import PERSON, Customer
from dxp_crm.permissions import READ, WRITE
from dxp_crm.services import Crm
from dxp_crm.services.listing import CustomerFilter
from dxp_crm.services.timeline import TimelineFilter, describe, timeline_query
from dxp_crm.services.visibility import customer_view
from dxp_crm.web import schemas
from dxp_crm.web.problems import PROBLEMS

api = ApiBlueprint(
    "crm",
    __name__,
    url_prefix="/api/v1",
    description="Customers, their consents and timelines.",
    codes=PROBLEMS,
)


def _crm(call: Call) -> Crm:
    return call.platform.services.get(Crm)


def _view(call: Call, customer: Customer) -> dict[str, Any]:
    """A customer as the one who asks may see one."""
    crm = _crm(call)
    access = crm.visibility.of(call.session, call.actor)
    return customer_view(customer, access, crm.definitions.listed(call.session, PERSON))


def _own_view(call: Call, customer: Customer) -> dict[str, Any]:
    """The same for customers themselves; which fields the shop keeps to itself is not told."""
    return _view(call, customer) | {"hidden": []}


def _author(call: Call) -> str:
    actor = call.actor
    return actor.name if isinstance(actor, (StaffActor, KeyActor)) else actor.key


def _me(call: Call) -> uuid.UUID:
    assert isinstance(call.actor, CustomerActor)
    return call.actor.subject_id


@api.endpoint(
    "POST",
    "/customers",
    summary="Register a customer",
    access=needs(WRITE),
    body=schemas.CustomerIn,
    response=schemas.CustomerOut,
    status=201,
    problems=(
        "customer_exists",
        "invalid_birthday",
        "invalid_fields",
        "field_restricted",
        "contradictory_consents",
    ),
)
def register_customer(call: Call, body: dict[str, Any]) -> Any:
    """With a birthday and consents, if the customer told them.

    Send `ref`, your own number of the customer: events and tokens can name the customer by it.
    """
    found = _crm(call).customers.register(call.session, call.actor, body)
    location = f"/api/v1/customers/{found.subject_id}"
    return call.reply(_view(call, found), etag=f"v{found.version}", headers={"Location": location})


@api.endpoint(
    "GET",
    "/customers",
    summary="List customers",
    access=needs(READ),
    query=schemas.CustomerQuery,
    response=schemas.CustomerOut,
    paged=True,
    problems=("field_restricted", "unknown_filter"),
)
def list_customers(call: Call, query: dict[str, Any]) -> Page:
    """Latest first. What you may not see cannot be filtered by, either."""
    crm = _crm(call)
    access = crm.visibility.of(call.session, call.actor)
    statement = crm.customers.matching(call.session, CustomerFilter(**query), access)
    keys = [(Customer.created_at, "desc"), (Customer.subject_id, "desc")]
    definitions = crm.definitions.listed(call.session, PERSON)
    page = paginate(call, statement, keys=keys)
    return page.map(lambda found: customer_view(found, access, definitions))


@api.endpoint(
    "GET",
    "/customers/<uuid:subject_id>",
    summary="Read a customer",
    access=needs(READ),
    response=schemas.CustomerOut,
    problems=("unknown_customer",),
)
def read_customer(call: Call, subject_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    found = _crm(call).customers.get(call.session, subject_id)
    return call.reply(_view(call, found), etag=f"v{found.version}")


@api.endpoint(
    "PATCH",
    "/customers/<uuid:subject_id>",
    summary="Change a customer",
    access=needs(WRITE),
    body=schemas.CustomerChanges,
    response=schemas.CustomerOut,
    etag=True,
    problems=("unknown_customer", "customer_exists", "invalid_fields", "field_restricted"),
)
def change_customer(call: Call, body: dict[str, Any], subject_id: uuid.UUID) -> Any:
    """Fields that are left out stay; null empties a field."""
    crm = _crm(call)
    present = crm.customers.get(call.session, subject_id, lock=True)
    call.check_match(f"v{present.version}")
    changed = crm.customers.update(
        call.session, call.actor, subject_id=subject_id, version=None, changes=body
    )
    return call.reply(_view(call, changed), etag=f"v{changed.version}")


@api.endpoint(
    "PUT",
    "/customers/<uuid:subject_id>/birthday",
    summary="Set a customer's birthday",
    access=needs(WRITE),
    body=schemas.BirthdayIn,
    response=schemas.CustomerOut,
    problems=("unknown_customer", "invalid_birthday", "field_restricted"),
)
def set_birthday(call: Call, body: dict[str, Any], subject_id: uuid.UUID) -> Any:
    """A gift that was already issued stands; one that is only planned is planned anew."""
    changed = _crm(call).customers.set_birthday(
        call.session, call.actor, subject_id=subject_id, birthday=body
    )
    return _view(call, changed)


@api.endpoint(
    "GET",
    "/customers/<uuid:subject_id>/consents",
    summary="List a customer's consents",
    access=needs(READ),
    response=schemas.ConsentOut(many=True),
    problems=("unknown_customer",),
)
def list_consents(call: Call, subject_id: uuid.UUID) -> Any:
    """The last word on each purpose."""
    crm = _crm(call)
    crm.customers.get(call.session, subject_id)
    return crm.consents.current(call.session, subject_id)


@api.endpoint(
    "PUT",
    "/customers/<uuid:subject_id>/consents/<purpose>",
    summary="Record a consent or its withdrawal",
    access=needs(WRITE),
    body=schemas.ConsentUpdate,
    response=schemas.ConsentOut,
    problems=("unknown_customer", "invalid_purpose"),
)
def record_consent(call: Call, body: dict[str, Any], subject_id: uuid.UUID, purpose: str) -> Any:
    """A withdrawal works at once. The ledger keeps every word."""
    crm = _crm(call)
    crm.customers.get(call.session, subject_id)
    return crm.consents.record(
        call.session, call.actor, subject_id=subject_id, purpose=purpose, **body
    )


@api.endpoint(
    "GET",
    "/customers/<uuid:subject_id>/timeline",
    summary="Read a customer's timeline",
    access=needs(READ),
    query=schemas.TimelineQuery,
    response=schemas.TimelineItemOut,
    paged=True,
    problems=("unknown_customer",),
)
def read_timeline(call: Call, query: dict[str, Any], subject_id: uuid.UUID) -> Page:
    """Everything that happened, of every plugin, latest first."""
    crm = _crm(call)
    crm.customers.get(call.session, subject_id)
    access = crm.visibility.of(call.session, call.actor)
    keys = [(EventRow.occurred_at, "desc"), (EventRow.id, "desc")]
    wanted = TimelineFilter(**query, without=crm.visibility.concealed(access))
    page = paginate(call, timeline_query(subject_id, wanted), keys=keys)
    return page.map(lambda row: describe(call.platform, record_of(row), access))


@api.endpoint(
    "POST",
    "/customers/<uuid:subject_id>/notes",
    summary="Write a note about a customer",
    access=needs(WRITE),
    body=schemas.NoteIn,
    response=schemas.NoteOut,
    status=201,
    problems=("unknown_customer",),
)
def add_note(call: Call, body: dict[str, Any], subject_id: uuid.UUID) -> Any:
    """Notes are for staff; customers never see them."""
    return _crm(call).customers.add_note(
        call.session,
        call.actor,
        subject_id=subject_id,
        text=body["text"],
        author=_author(call),
    )


@api.endpoint(
    "GET",
    "/me/profile",
    summary="Read one's own profile",
    access=customer(),
    response=schemas.CustomerOut,
    problems=("unknown_customer",),
)
def read_own_profile(call: Call) -> Any:
    """What the shop knows of the customer who asks."""
    found = _crm(call).customers.get(call.session, _me(call))
    return call.reply(_own_view(call, found), etag=f"v{found.version}")


@api.endpoint(
    "PUT",
    "/me/birthday",
    summary="Tell or correct one's own birthday",
    access=customer(),
    body=schemas.BirthdayIn,
    response=schemas.CustomerOut,
    problems=("unknown_customer", "invalid_birthday", "birthday_locked"),
)
def set_own_birthday(call: Call, body: dict[str, Any]) -> Any:
    """It can be corrected once; after that only staff can."""
    changed = _crm(call).customers.set_birthday(
        call.session, call.actor, subject_id=_me(call), birthday=body
    )
    return _own_view(call, changed)


@api.endpoint(
    "GET",
    "/consent-purposes",
    summary="List what can be consented to",
    access=needs(READ) | customer(),
    response=schemas.PurposeOut(many=True),
)
def list_purposes(call: Call) -> Any:
    """Declared by the plugins that use the data; nobody consents to one by default."""
    return call.platform.privacy.purposes.all()


@api.endpoint(
    "GET",
    "/me/consents",
    summary="List one's own consents",
    access=customer(),
    response=schemas.ConsentOut(many=True),
)
def list_own_consents(call: Call) -> Any:
    """The last word on each purpose."""
    return _crm(call).consents.current(call.session, _me(call))


@api.endpoint(
    "PUT",
    "/me/consents/<purpose>",
    summary="Give or withdraw one's own consent",
    access=customer(),
    body=schemas.ConsentUpdate,
    response=schemas.ConsentOut,
    problems=("unknown_customer", "invalid_purpose"),
)
def record_own_consent(call: Call, body: dict[str, Any], purpose: str) -> Any:
    """A withdrawal works at once."""
    crm = _crm(call)
    assert isinstance(call.actor, CustomerActor)
    crm.customers.get(call.session, _me(call))
    return crm.consents.record(
        call.session, call.actor, subject_id=call.actor.named_id, purpose=purpose, **body
    )
