"""What staff and API keys may be allowed to do with customers."""

from __future__ import annotations

from dxp.api import Permission
from dxp.api import lazy_gettext as _l

READ = "crm.customers.read"
WRITE = "crm.customers.write"
EXPORT = "crm.customers.export"
IMPORT = "crm.customers.import"
MANAGE_FIELDS = "crm.fields.manage"
RESTRICTED = "crm.fields.restricted"
MANAGE_TAGS = "crm.tags.manage"
MANAGE_SEGMENTS = "crm.segments.manage"
WRITE_TASKS = "crm.tasks.write"
MERGE = "crm.customers.merge"
READ_TICKETS = "crm.tickets.read"
WRITE_TICKETS = "crm.tickets.write"
SEND_MESSAGES = "crm.messages.send"

PERMISSIONS = (
    Permission(name=READ, label=_l("See customers, their consents and timelines")),
    Permission(name=WRITE, label=_l("Register and change customers, consents and notes")),
    Permission(name=EXPORT, label=_l("Export customers as a file"), scope=False),
    Permission(name=IMPORT, label=_l("Import customers and orders from files"), scope=False),
    Permission(name=MANAGE_FIELDS, label=_l("Define fields, and say which roles see them")),
    Permission(
        name=RESTRICTED, label=_l("See and change every field, also those kept for other roles")
    ),
    Permission(name=WRITE_TASKS, label=_l("Give and finish tasks")),
    Permission(name=READ_TICKETS, label=_l("See tickets and what was written on them")),
    Permission(name=WRITE_TICKETS, label=_l("Open, change and answer tickets")),
    Permission(name=SEND_MESSAGES, label=_l("Send messages to customers and log them")),
    Permission(name=MANAGE_SEGMENTS, label=_l("Make, change and delete segments and lists")),
    Permission(
        name=MERGE,
        label=_l("Merge customers, with all their fields in sight"),
        scope=False,
    ),
    Permission(name=MANAGE_TAGS, label=_l("Rename, colour, merge and delete tags")),
)
