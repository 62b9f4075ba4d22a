"""The only writers of the plugin's tables."""

from __future__ import annotations

from dxp.api import Platform
from dxp_crm.services.consents import ConsentService
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.duplicates import DuplicateService
from dxp_crm.services.export_files import ExportFiles
from dxp_crm.services.exporting import ExportService
from dxp_crm.services.importing import ImportService
from dxp_crm.services.messages import MessageService
from dxp_crm.services.organisations import OrganisationService
from dxp_crm.services.segments import Segments
from dxp_crm.services.tags import TagService
from dxp_crm.services.tasks import TaskService
from dxp_crm.services.tickets import TicketService
from dxp_crm.services.views import ViewService
from dxp_crm.services.visibility import Visibility


class Crm:
    """The plugin's services in one place, found by `services.get(Crm)` within the plugin."""

    def __init__(self, platform: Platform) -> None:
        self.definitions = DefinitionService(platform)
        self.visibility = Visibility(platform)
        self.tags = TagService(platform)
        self.consents = ConsentService(platform)
        self.customers = CustomerService(
            platform,
            self.consents,
            definitions=self.definitions,
            visibility=self.visibility,
        )
        self.organisations = OrganisationService(
            platform,
            self.customers,
            definitions=self.definitions,
            visibility=self.visibility,
        )
        self.messages = MessageService(platform, customers=self.customers, consents=self.consents)
        self.tickets = TicketService(platform, customers=self.customers, messages=self.messages)
        self.tasks = TaskService(
            platform,
            customers=self.customers,
            organisations=self.organisations,
            tickets=self.tickets,
        )
        self.duplicates = DuplicateService(platform)
        self.segments = Segments(platform)
        self.views = ViewService(
            platform,
            self.customers,
            definitions=self.definitions,
            segments=self.segments,
            visibility=self.visibility,
        )
        self.exports = ExportService(
            platform,
            self.customers,
            definitions=self.definitions,
            visibility=self.visibility,
        )
        self.export_files = ExportFiles(
            platform,
            self.exports,
            customers=self.customers,
            segments=self.segments,
            views=self.views,
            visibility=self.visibility,
        )
        self.imports = ImportService(
            platform,
            self.customers,
            organisations=self.organisations,
            definitions=self.definitions,
            visibility=self.visibility,
        )
        self.imports.forgetting.others.append(self.export_files.forget)


__all__ = [
    "ConsentService",
    "Crm",
    "CustomerService",
    "DefinitionService",
    "DuplicateService",
    "ExportService",
    "ImportService",
    "MessageService",
    "OrganisationService",
    "Segments",
    "TagService",
    "TaskService",
    "TicketService",
    "ViewService",
    "Visibility",
]
