"""Tables of accounts."""

from dxp.auth.models.customers import MailCode, RefreshFamily, RefreshToken
from dxp.auth.models.keys import ApiKey
from dxp.auth.models.staff import (
    RecoveryCode,
    Role,
    SignInCount,
    Staff,
    StaffRole,
    StaffSession,
)

__all__ = [
    "ApiKey",
    "MailCode",
    "RecoveryCode",
    "RefreshFamily",
    "RefreshToken",
    "Role",
    "SignInCount",
    "Staff",
    "StaffRole",
    "StaffSession",
]
