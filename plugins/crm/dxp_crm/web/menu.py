"""The plugin's lines of the admin's menu."""

from __future__ import annotations

from dxp.api import MenuEntry
from dxp.api import lazy_gettext as _l
from dxp_crm.permissions import IMPORT, MANAGE_FIELDS, MANAGE_TAGS, MERGE, READ, READ_TICKETS

MENU = (
    MenuEntry(
        label=_l("Segments"),
        endpoint="crm_admin.list_segments",
        permission=READ,
        icon="diagram-3",
        section="customers",
        order=30,
    ),
    MenuEntry(
        label=_l("Customers"),
        endpoint="crm_admin.list_customers",
        permission=READ,
        icon="people",
        section="customers",
        order=10,
    ),
    MenuEntry(
        label=_l("Views"),
        endpoint="crm_admin.list_views",
        permission=READ,
        icon="funnel",
        section="customers",
        order=12,
    ),
    MenuEntry(
        label=_l("Organisations"),
        endpoint="crm_admin.list_organisations",
        permission=READ,
        icon="building",
        section="customers",
        order=20,
    ),
    MenuEntry(
        label=_l("Tasks"),
        endpoint="crm_admin.list_tasks",
        permission=READ,
        icon="check2-square",
        section="customers",
        order=30,
    ),
    MenuEntry(
        label=_l("Tickets"),
        endpoint="crm_admin.list_tickets",
        permission=READ_TICKETS,
        icon="life-preserver",
        section="customers",
        order=40,
    ),
    MenuEntry(
        label=_l("Duplicates"),
        endpoint="crm_admin.list_duplicates",
        permission=MERGE,
        icon="intersect",
        section="customers",
        order=60,
    ),
    MenuEntry(
        label=_l("Imports"),
        endpoint="crm_admin.list_imports",
        permission=IMPORT,
        icon="upload",
        section="customers",
        order=70,
    ),
    MenuEntry(
        label=_l("Tags"),
        endpoint="crm_admin.list_tags",
        permission=MANAGE_TAGS,
        icon="tags",
        section="customers",
        order=80,
    ),
    MenuEntry(
        label=_l("Fields"),
        endpoint="crm_admin.list_fields",
        permission=MANAGE_FIELDS,
        icon="input-cursor-text",
        section="customers",
        order=90,
    ),
)
