"""Accounts: staff, roles, sessions, API keys, customers' tokens."""

from dxp.auth.accounts import Accounts
from dxp.auth.actors import (
    Actor,
    CustomerActor,
    KeyActor,
    Permission,
    StaffActor,
    SystemActor,
)
from dxp.auth.codes import SentCode
from dxp.auth.customer_tokens import TokenPair
from dxp.auth.keys import NewKey
from dxp.auth.sign_in import Browser, CodeNeeded, SignedIn

__all__ = [
    "Accounts",
    "Actor",
    "Browser",
    "CodeNeeded",
    "CustomerActor",
    "KeyActor",
    "NewKey",
    "Permission",
    "SentCode",
    "SignedIn",
    "StaffActor",
    "SystemActor",
    "TokenPair",
]
