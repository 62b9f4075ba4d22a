"""The blueprint that the pages share, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dxp.api import AdminBlueprint, AdminCall
from dxp_crm.services import Crm

admin = AdminBlueprint("crm_admin", __name__, url_prefix="/admin/crm")


def crm_of(call: AdminCall) -> Crm:
    """The plugin's services."""
    return call.platform.services.get(Crm)


def tell(call: AdminCall, errors: Mapping[str, Any]) -> None:
    """Say in the corner what a small form, without a page of its own, did not accept."""
    for name, messages in errors.items():
        text = "; ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
        call.toast(text if name == "_schema" else f"{name}: {text}", kind="danger")
