"""The audit log: who did what to which object, chained so that tampering shows."""

from dxp.audit.chain import Anchor, Verification
from dxp.audit.context import request_id
from dxp.audit.models import AuditEntry
from dxp.audit.service import Audit, AuditFilter

__all__ = ["Anchor", "Audit", "AuditEntry", "AuditFilter", "Verification", "request_id"]
