"""The admin's pages of customers."""

from dxp_crm.web.admin import (
    conditions,
    customer_tabs,
    customers,
    duplicates,
    exports,
    fields,
    imports,
    organisations,
    segments,
    tags,
    tasks,
    tickets,
    views,
)
from dxp_crm.web.admin.blueprint import admin

__all__ = [
    "admin",
    "conditions",
    "customer_tabs",
    "customers",
    "duplicates",
    "exports",
    "fields",
    "imports",
    "organisations",
    "segments",
    "tags",
    "tasks",
    "tickets",
    "views",
]
