"""The life of a person's data: erased, exported, merged and split, across all plugins."""

from dxp.privacy.models import Export, ExportPart, Merge, NotDuplicate, PrivacyRequest
from dxp.privacy.purposes import Purposes
from dxp.privacy.rows import PersonalData, PersonalRows
from dxp.privacy.service import Privacy
from dxp.privacy.snapshots import plain, restored, snapshot_of

__all__ = [
    "Export",
    "ExportPart",
    "Merge",
    "NotDuplicate",
    "PersonalData",
    "PersonalRows",
    "Privacy",
    "PrivacyRequest",
    "Purposes",
    "plain",
    "restored",
    "snapshot_of",
]
