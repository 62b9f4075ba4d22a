"""Files of customers and events: reading, checking, writing and taking back."""

from dxp_crm.services.importing.service import ImportService

__all__ = ["ImportService"]
