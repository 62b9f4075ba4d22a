"""What all pages of one customer have in common."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import url_for

from dxp.api import AdminCall
from dxp.api import gettext as _
from dxp_crm.models import OPEN, PERSON, Customer
from dxp_crm.permissions import READ_TICKETS, WRITE
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.services.visibility import customer_view
from dxp_crm.web.admin.blueprint import crm_of


def customer_frame(
    call: AdminCall, subject_id: uuid.UUID, *, active: str
) -> tuple[Customer, Mapping[str, Any]]:
    """The customer, and what the heading and the tabs of the page need.

    Raises:
        NotFound: there is none with this id (`unknown_customer`).
    """
    crm = crm_of(call)
    found = crm.customers.get(call.session, subject_id)
    access = crm.visibility.of(call.session, call.actor)
    definitions = crm.definitions.listed(call.session, PERSON)
    open_tasks = crm.tasks.count(call.session, TaskFilter(subject_id=subject_id, state=OPEN))
    pages = [
        ("overview", _("Overview"), "crm_admin.show_customer", None),
        ("tasks", _("Tasks"), "crm_admin.customer_tasks", open_tasks or None),
        ("tickets", _("Tickets"), "crm_admin.customer_tickets", None),
        ("messages", _("Messages"), "crm_admin.customer_messages", None),
        ("organisations", _("Organisations"), "crm_admin.customer_organisations", None),
    ]
    tabs = [
        {
            "label": label,
            "href": url_for(endpoint, subject_id=subject_id),
            "active": key == active,
            "count": count,
        }
        for key, label, endpoint, count in pages
        if key != "tickets" or call.actor.may(READ_TICKETS)
    ]
    return found, {
        "customer": customer_view(found, access, definitions),
        "access": access,
        "definitions": definitions,
        "customer_tabs": tabs,
        "active": active,
        "may_write": call.actor.may(WRITE),
    }
